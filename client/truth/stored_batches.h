/*
 * stored_batches: walks through every batch of readings in a server's store, checked and decoded. The whole
 * walk is one read transaction: for stores at rest.
 */
#ifndef BOURDON_CLIENT_TRUTH_STORED_BATCHES_H
#define BOURDON_CLIENT_TRUTH_STORED_BATCHES_H

#include "base/err.h"
#include "tunnel/batch.h"

#include <stdint.h>

/* One reading and where it lies; valid during the call, but for `tag`, which lives as long as the walk's
 * owner keeps the `struct stored_batches`. */
struct stored_reading {
    const char *bridge;
    int64_t stream; /* one a bridge and epoch */
    uint64_t seq;
    const struct catalog_tag *tag;
    const struct reading *reading;
};

struct stored_batches;

MUST_USE enum err stored_batches_open(const char *path, struct stored_batches **batches,
                                      struct err_text *why);
void stored_batches_close(struct stored_batches *batches); /* NULL is fine */

/* By stream, then sequence. An error of `each` ends the walk and is returned. ERR_CORRUPT: a stored batch is
 * not what it should be. */
MUST_USE enum err stored_batches_walk(struct stored_batches *batches,
                                      enum err (*each)(void *owner, const struct stored_reading *reading),
                                      void *owner, struct err_text *why);

/* Sequences below the highest one of their stream that are neither stored nor accounted for by a gap. */
MUST_USE enum err stored_batches_missing(struct stored_batches *batches, uint64_t *count,
                                         struct err_text *why);

#endif
