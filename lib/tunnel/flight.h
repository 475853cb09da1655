/*
 * flight: the batches on their way and not yet answered, by sequence: the sender's window and the receiver's.
 * Bounded by a count the owner gives; sorted, so that a range of sequences is found at once. One thread.
 */
#ifndef BOURDON_TUNNEL_FLIGHT_H
#define BOURDON_TUNNEL_FLIGHT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flight_batch {
    uint64_t sequence;
    size_t size; /* encoded bytes */
    int64_t sent_us;
};

struct flight {
    struct flight_batch *batches; /* owned */
    size_t count, capacity;
    size_t bytes; /* of all */
};

void flight_init(struct flight *flight);
void flight_fini(struct flight *flight);

/* ERR_CONFLICT: the sequence is there already; ERR_NO_MEMORY. The window is the caller's to keep. */
MUST_USE enum err flight_add(struct flight *flight, const struct flight_batch *batch);

/* Removes the sequences first … last if every one of them is there, and fills `removed` with the first one.
 * False: nothing was changed. */
bool flight_remove(struct flight *flight, uint64_t first, uint64_t last, struct flight_batch *removed);

#endif
