/* tcp_connect: a non-blocking TCP connection to the first of some addresses that accepts, bounded in time. */
#ifndef BOURDON_LINK_TCP_CONNECT_H
#define BOURDON_LINK_TCP_CONNECT_H

#include "base/err.h"
#include "link/resolve.h"

#include <stdatomic.h>
#include <stdint.h>

struct tcp_connect {
    int slot;                     /* a low_descriptor, where the connection ends up */
    int64_t deadline_us;          /* monotonic; shared evenly by the addresses left */
    const atomic_bool *cancelled; /* set it, then shutdown(slot): ends the waiting */
};

/* ERR_REFUSED, ERR_TIMEOUT, ERR_CLOSED (cancelled), ERR_IO; the slot is then empty again. */
MUST_USE enum err tcp_connect(const struct tcp_connect *connect, const struct resolve_addresses *addresses,
                              struct err_text *why);

#endif
