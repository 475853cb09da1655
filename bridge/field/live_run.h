/*
 * live_run: carries out one live request on a line: reads the old value where a rule or the record wants it,
 * judges the change, sends the request, reads back. Nothing else goes over the link in between. One thread,
 * the link's own.
 */
#ifndef BOURDON_FIELD_LIVE_RUN_H
#define BOURDON_FIELD_LIVE_RUN_H

#include "field/live.h"
#include "field/poll_cache.h"
#include "link/link.h"

struct live_line {
    /* `repeatable`: may be sent once more if the connection turns out to be gone; a write may not. */
    enum link_outcome (*exchange)(void *owner, struct link_exchange *exchange, bool repeatable);
    void *owner;
    struct poll_cache *cache;
};

/* Sets the result and what goes with it. */
void live_run(const struct live_line *line, struct live_request *request, int64_t now_us);

/* The result of a request that is not carried out. */
void live_refuse(struct live_request *request);

/* Whether what the request does could not be undone by forgetting it: it writes, or does we know not what. */
bool live_is_write(const struct pdu_request *request);

#endif
