#include "link/tcp_connect.h"

#include "base/clock.h"
#include "link/low_descriptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

static void set_flag(int fd, int level, int option, int value)
{
    /* A refused option costs speed or early notice, not the connection. */
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* Finds out about a silent end within a minute also where polls are hours apart. */
static void configure(int fd)
{
    set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_flag(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_flag(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
    set_flag(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_flag(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

static enum err classify(int reason, struct err_text *why)
{
    if (reason == ETIMEDOUT) {
        return err_set(why, ERR_TIMEOUT, "no answer");
    }
    (void)err_errno(why, reason, "connect");
    return ERR_REFUSED;
}

static enum err await(const struct tcp_connect *connect, int64_t deadline_us, struct err_text *why)
{
    struct pollfd wait = {.fd = connect->slot, .events = POLLOUT};
    for (;;) {
        if (atomic_load(connect->cancelled)) {
            return err_set(why, ERR_CLOSED, "interrupted");
        }
        int64_t left_us = deadline_us - clock_mono_us();
        if (left_us <= 0) {
            return err_set(why, ERR_TIMEOUT, "no answer");
        }
        int ready = poll(&wait, 1, (int)(left_us / CLOCK_US_PER_MS) + 1);
        if (ready > 0) {
            break;
        }
        if (ready < 0 && errno != EINTR) {
            return err_errno(why, errno, "poll");
        }
    }
    int reason = 0;
    socklen_t size = sizeof reason;
    getsockopt(connect->slot, SOL_SOCKET, SO_ERROR, &reason, &size);
    if (atomic_load(connect->cancelled)) {
        return err_set(why, ERR_CLOSED, "interrupted");
    }
    return reason == 0 ? ERR_OK : classify(reason, why);
}

static enum err try_address(const struct tcp_connect *link, const struct sockaddr *address, socklen_t size,
                            int64_t deadline_us, struct err_text *why)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_errno(why, errno, "socket");
    }
    configure(fd);
    int reason = connect(fd, address, size) == 0 ? 0 : errno;
    /* In the slot before waiting: a shutdown() of the slot reaches it. */
    enum err result = low_descriptor_fill(link->slot, fd, why);
    if (result == ERR_OK && reason != 0 && reason != EINPROGRESS) {
        result = classify(reason, why);
    }
    if (result == ERR_OK) {
        result = await(link, deadline_us, why);
    }
    if (result != ERR_OK) {
        low_descriptor_empty(link->slot);
    }
    return result;
}

enum err tcp_connect(const struct tcp_connect *connect, const struct resolve_addresses *addresses,
                     struct err_text *why)
{
    enum err result = err_set(why, ERR_NOT_FOUND, "the name has no address");
    for (size_t i = 0; i < addresses->count; i++) {
        int64_t now_us = clock_mono_us();
        int64_t share_us = (connect->deadline_us - now_us) / (int64_t)(addresses->count - i);
        result = try_address(connect, (const struct sockaddr *)&addresses->items[i], addresses->sizes[i],
                             now_us + share_us, why);
        if (result == ERR_OK || result == ERR_CLOSED) {
            return result;
        }
    }
    return result;
}
