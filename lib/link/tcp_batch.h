/*
 * tcp_batch: requests that are on their way together over one plain TCP connection. libmodbus cannot do that:
 * its raw requests all bear transaction 0, and it receives for one request.
 */
#ifndef BOURDON_LINK_TCP_BATCH_H
#define BOURDON_LINK_TCP_BATCH_H

#include "link/link.h"

struct tcp_batch {
    int fd;
    int64_t timeout_us; /* from one answer to the next */
    metric_value *counters;
};

/*
 * Sends what is not answered in one piece, which the device may get as several segments or one, and takes the
 * answers. The requests get the transactions `first`, `first` + 1, … by their place in the batch. 0: all are
 * answered; or errno as a negative number: ETIMEDOUT; ECONNRESET and what else a socket says; EBADMSG for an
 * answer that breaks the standard and for a flood of frames nobody asked for.
 */
MUST_USE int tcp_batch_exchange(const struct tcp_batch *line, const struct link_batch *batch, uint16_t first);

#endif
