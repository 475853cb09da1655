/*
 * tcp_way: the TCP connection of a link, in a descriptor that is the link's for good: found by name, made
 * within a deadline, and ended from any thread. One thread but for tcp_way_interrupt().
 */
#ifndef BOURDON_LINK_TCP_WAY_H
#define BOURDON_LINK_TCP_WAY_H

#include "base/err.h"
#include "link/resolve.h"

#include <stdatomic.h>

struct tcp_way {
    int slot; /* low_descriptor */
    atomic_bool interrupted;
    struct resolve resolve;
    struct resolve_addresses known; /* what the name meant last */
};

/* ERR_LIMIT: no descriptor is left for it; ERR_IO. tcp_way_fini() is due in any case. */
MUST_USE enum err tcp_way_init(struct tcp_way *way, struct err_text *why);
void tcp_way_fini(struct tcp_way *way);

/* Half of the time at most goes to the name. As tcp_connect(), and ERR_NOT_FOUND for a name nobody knows. */
MUST_USE enum err tcp_way_connect(struct tcp_way *way, const char *host, uint16_t port, int64_t timeout_us,
                                  struct err_text *why);
void tcp_way_disconnect(struct tcp_way *way);

/* Ends what waits on the connection, now and for good. */
void tcp_way_interrupt(struct tcp_way *way);

#endif
