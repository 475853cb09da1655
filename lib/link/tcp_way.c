#include "link/tcp_way.h"

#include "base/clock.h"
#include "link/low_descriptor.h"
#include "link/tcp_connect.h"

#include <sys/socket.h>

enum err tcp_way_init(struct tcp_way *way, struct err_text *why)
{
    *way = (struct tcp_way){.slot = -1};
    return low_descriptor_reserve(&way->slot, why);
}

void tcp_way_fini(struct tcp_way *way)
{
    resolve_fini(&way->resolve);
    low_descriptor_release(way->slot);
}

/* The name server may be away while the PLC is not: what the name meant last will do. */
static enum err find_addresses(struct tcp_way *way, const char *host, uint16_t port, int64_t deadline_us,
                               struct err_text *why)
{
    const struct resolve_wait wait = {.deadline_us = deadline_us, .cancelled = &way->interrupted};
    struct resolve_addresses found;
    enum err result = resolve_host(&way->resolve, host, port, &wait, &found, why);
    if (result == ERR_OK) {
        way->known = found;
    }
    return result == ERR_CLOSED || way->known.count == 0 ? result : ERR_OK;
}

enum err tcp_way_connect(struct tcp_way *way, const char *host, uint16_t port, int64_t timeout_us,
                         struct err_text *why)
{
    int64_t start_us = clock_mono_us();
    enum err result = find_addresses(way, host, port, start_us + timeout_us / 2, why);
    if (result != ERR_OK) {
        return result;
    }
    const struct tcp_connect connect = {
        .slot = way->slot,
        .deadline_us = start_us + timeout_us,
        .cancelled = &way->interrupted,
    };
    result = tcp_connect(&connect, &way->known, why);
    return result == ERR_OK ? ERR_OK : err_prefix(why, result, "%s port %u", host, port);
}

void tcp_way_disconnect(struct tcp_way *way)
{
    low_descriptor_empty(way->slot);
}

void tcp_way_interrupt(struct tcp_way *way)
{
    atomic_store(&way->interrupted, true);
    /* Fails where nothing is open there, which is as well. */
    (void)shutdown(way->slot, SHUT_RDWR);
}
