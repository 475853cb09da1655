/*
 * batcher: collects readings until there are enough of them, or the oldest has waited long enough, for a
 * batch. Readings of tags with different priorities go to different batches, so that a full spool can drop
 * the less important ones. Pure; one thread.
 */
#ifndef BOURDON_SPOOL_BATCHER_H
#define BOURDON_SPOOL_BATCHER_H

#include "tunnel/batch_builder.h"

#include <stdbool.h>

enum {
    BATCHER_CLASSES_MAX = 8, /* distinct priorities kept apart; the ones above join the highest of them */
    BATCHER_NOTHING = BATCHER_CLASSES_MAX,
};

struct batcher_limits {
    size_t max_readings; /* 1 … BATCH_READINGS_MAX */
    int64_t max_age_us;  /* of the oldest reading, since it was added; 0 = batches do not wait */
};

struct batcher;

/* Borrows the catalog. NULL: out of memory. */
MUST_USE struct batcher *batcher_new(const struct catalog *catalog, const struct batcher_limits *limits);
void batcher_free(struct batcher *batcher); /* NULL is fine */

/*
 * Copies a reading at monotonic time `now_us`. ERR_BUSY: its batch is full, take what is due and add it
 * again; ERR_MALFORMED: not a reading of the catalog; ERR_NO_MEMORY.
 */
MUST_USE enum err batcher_add(struct batcher *batcher, const struct reading *reading, int64_t now_us);

/* A class whose batch is due at `now_us` (INT64_MAX: every one that has a reading), or BATCHER_NOTHING. */
size_t batcher_due(const struct batcher *batcher, int64_t now_us);
/* When the next batch is due by age; INT64_MAX = there is no reading. */
int64_t batcher_deadline_us(const struct batcher *batcher);

/* Wall time of the earliest request among its readings; INT64_MAX = there is no reading. */
int64_t batcher_first_request_us(const struct batcher *batcher);

/* The lowest priority of the tags of a class: what its batches are dropped by. */
uint8_t batcher_priority(const struct batcher *batcher, size_t class);

/* Appends the encoded batch of a class to `out` and empties the class. On failure nothing has changed. */
MUST_USE enum err batcher_take(struct batcher *batcher, size_t class, const struct batch_identity *identity,
                               struct buffer *out);

#endif
