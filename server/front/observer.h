/*
 * observer: somebody who is told how each batch was answered, once its ack is on its way: the feed, the
 * alarms.
 *
 * Called in the listeners' threads, several at once, so it must neither wait nor work for long: it copies
 * what it needs into a bounded queue of its own.
 */
#ifndef BOURDON_SERVER_FRONT_OBSERVER_H
#define BOURDON_SERVER_FRONT_OBSERVER_H

#include "tunnel/frame.h"

/* All of it is valid during the call. */
struct observed_batch {
    const char *bridge;
    const struct batch_view *view;
    const struct catalog *catalog; /* NULL: of gaps, or no longer known here */
    enum ack_result result;
    const char *text; /* why it was rejected */
    bool historical;
    int64_t received_us, committed_us; /* wall clock; 0 = not committed */
};

/* All zero: nobody. */
struct front_observer {
    void (*answered)(void *owner, const struct observed_batch *batch);
    void *owner;
};

#endif
