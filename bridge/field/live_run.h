/*
 * live_run: carries out live requests on a line. A write goes alone: reads the old value where a rule or the
 * record wants it, judges the change, sends the request, reads back, and nothing else goes over the link in
 * between. Reads of coils and registers that wait for the same thing are one request to the device: each of
 * them came before it was sent, so none gets an old value. Where the device takes several requests at once,
 * as many different reads go together. One thread, the link's own.
 */
#ifndef BOURDON_FIELD_LIVE_RUN_H
#define BOURDON_FIELD_LIVE_RUN_H

#include "field/live.h"
#include "field/poll_cache.h"
#include "link/link.h"

struct live_line {
    /* `repeatable`: may be sent once more if the connection turns out to be gone; a write may not. */
    enum link_outcome (*exchange)(void *owner, struct link_exchange *exchange, bool repeatable);
    enum link_outcome (*exchange_all)(void *owner, const struct link_batch *batch); /* all repeatable */
    void *owner;
    struct poll_cache *cache;
    size_t outstanding; /* requests at once; up to LINK_OUTSTANDING_MAX */
};

enum { LIVE_LOOK_AHEAD = 32 }; /* requests that a read which can go with the first may have before it */

/*
 * Carries out the first that waits, and what can go with it; no read overtakes a write. Those move behind
 * `done` with their results and what goes with them. Something waits. True: they were several, and the device
 * answered one after the other, so that they took as long as if each had gone alone.
 */
bool live_run(const struct live_line *line, struct live_list *waiting, int64_t now_us,
              struct live_list *done);

/* The result of a request that is not carried out. */
void live_refuse(struct live_request *request);

/* Whether what the request does could not be undone by forgetting it: it writes, or does we know not what. */
bool live_is_write(const struct pdu_request *request);

#endif
