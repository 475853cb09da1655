/*
 * sequence_set: which sequences of an epoch are stored or accounted for, as ranges, and the highest one that
 * is stored. Two servers' sets of one epoch may be united in any order. Pure; one thread.
 *
 * At most SEQUENCE_RANGES_MAX ranges: a range that would be one too many is left out, and the set says so:
 * it then says less than is stored, never more.
 */
#ifndef BOURDON_SERVER_STORE_SEQUENCE_SET_H
#define BOURDON_SERVER_STORE_SEQUENCE_SET_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEQUENCE_RANGES_MAX = 4096,
    SEQUENCE_SET_BYTES_MAX = 16 + SEQUENCE_RANGES_MAX * 20, /* encoded */
};

struct sequence_range {
    uint64_t first, last;
};

struct sequence_set {              /* all zero is empty */
    struct sequence_range *ranges; /* in order, apart by at least one sequence */
    size_t count, capacity;
    uint64_t highest;
    bool incomplete;
};

void sequence_set_free(struct sequence_set *set);

/* Adds a range; first ≤ last. ERR_NO_MEMORY: unchanged. */
MUST_USE enum err sequence_set_add(struct sequence_set *set, uint64_t first, uint64_t last);
MUST_USE enum err sequence_set_unite(struct sequence_set *set, const struct sequence_set *other);
bool sequence_set_has(const struct sequence_set *set, uint64_t sequence);
/* Every sequence from 1 up to this one is in the set. */
uint64_t sequence_set_contiguous(const struct sequence_set *set);

/* Appends at most SEQUENCE_SET_BYTES_MAX bytes. */
MUST_USE enum err sequence_set_encode(const struct sequence_set *set, struct buffer *out);
/* Into an empty set. ERR_MALFORMED: not what encode writes; the set is empty then. */
MUST_USE enum err sequence_set_decode(struct sequence_set *set, struct bytes bytes);

#endif
