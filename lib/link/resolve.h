/*
 * resolve: turns a host into addresses. Literal addresses at once; names in a thread of their own, because
 * asking a name server may block for half a minute. Whoever gives up waiting leaves the thread behind, which
 * ends with its answer.
 */
#ifndef BOURDON_LINK_RESOLVE_H
#define BOURDON_LINK_RESOLVE_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { RESOLVE_ADDRESSES_MAX = 8 };

struct resolve_addresses {
    size_t count;
    struct sockaddr_storage items[RESOLVE_ADDRESSES_MAX];
    socklen_t sizes[RESOLVE_ADDRESSES_MAX];
};

/* A name that is looked up again and again by one owner. Zero-initialised = nothing is under way. */
struct resolve {
    struct resolve_lookup *lookup; /* under way, also after a time-out */
};

struct resolve_wait {
    int64_t deadline_us;          /* monotonic */
    const atomic_bool *cancelled; /* looked at every RESOLVE_SLICE_MS */
};
enum { RESOLVE_SLICE_MS = 50 };

/* ERR_NOT_FOUND with the reason, ERR_TIMEOUT, ERR_CLOSED (cancelled), ERR_NO_MEMORY. */
MUST_USE enum err resolve_host(struct resolve *resolve, const char *host, uint16_t port,
                               const struct resolve_wait *wait, struct resolve_addresses *addresses,
                               struct err_text *why);
void resolve_fini(struct resolve *resolve);

#endif
