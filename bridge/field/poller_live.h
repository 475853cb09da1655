/* poller_live: how a link's thread serves live requests. Inside bridge/field only; the poller's thread. */
#ifndef BOURDON_FIELD_POLLER_LIVE_H
#define BOURDON_FIELD_POLLER_LIVE_H

#include "field/poller.h"

enum {
    POLLER_LIVE_BATCH = 16,         /* answers after which they are given back … */
    POLLER_LIVE_BATCH_AGE_US = 500, /* … or once the first of them is so old, or when nothing is left to do */
};

/* Serves live requests one after the other until there are none, or the line is the polls' again, which want
 * it from `poll_us` on. The link is connected; afterwards it may not be. */
void poller_live_serve(struct poller *poller, int64_t poll_us);

/* Answers everything that waits: the link is down. */
void poller_live_refuse(struct poller *poller);

/* Whether any waits. */
bool poller_live_waits(const struct poller *poller);

/* Implemented by the poller: one exchange on the way in use … */
enum link_outcome poller_exchange(struct poller *poller, struct link_exchange *exchange, bool repeatable);
/* … or several, all of which may be sent once more. */
enum link_outcome poller_exchange_all(struct poller *poller, const struct link_batch *batch);

#endif
