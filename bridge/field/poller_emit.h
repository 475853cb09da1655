/*
 * poller_emit: how a link's thread gives readings to the sink: stamped, counted, and held back while the sink
 * takes none. Inside bridge/field only; the poller's thread.
 */
#ifndef BOURDON_FIELD_POLLER_EMIT_H
#define BOURDON_FIELD_POLLER_EMIT_H

#include "field/poller.h"

/* Readings of one exchange, between its two wall times in µs. False: out of memory, nothing is to be ended.
 */
bool poller_emit_begin(struct poller *poller, struct emitter *emitter, int64_t request_us,
                       int64_t response_us);
void poller_emit_end(struct poller *poller, struct emitter *emitter);

/* Every tag of the link has this quality, and no value, since `request_us` of the wall clock. */
void poller_mark_all(struct poller *poller, enum quality quality, int64_t request_us);

/* Now and then: a line that is too busy must not leave old values standing as live ones. */
void poller_check_stale(struct poller *poller);

/* The sink takes nothing: what it did not take is reported anew once it takes readings again. */
void poller_pause(struct poller *poller);

#endif
