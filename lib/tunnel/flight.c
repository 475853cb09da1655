#include "tunnel/flight.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 8 };

void flight_init(struct flight *flight)
{
    *flight = (struct flight){0};
}

void flight_fini(struct flight *flight)
{
    free(flight->batches);
    flight_init(flight);
}

/* Index of the first batch that is not before the sequence. */
static size_t place_of(const struct flight *flight, uint64_t sequence)
{
    size_t low = 0;
    size_t high = flight->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (flight->batches[middle].sequence < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum err make_room(struct flight *flight)
{
    if (flight->count < flight->capacity) {
        return ERR_OK;
    }
    size_t capacity = flight->capacity ? 2 * flight->capacity : FIRST_CAPACITY;
    struct flight_batch *batches = reallocarray(flight->batches, capacity, sizeof *batches);
    if (!batches) {
        return ERR_NO_MEMORY;
    }
    flight->batches = batches;
    flight->capacity = capacity;
    return ERR_OK;
}

enum err flight_add(struct flight *flight, const struct flight_batch *batch)
{
    size_t place = place_of(flight, batch->sequence);
    if (place < flight->count && flight->batches[place].sequence == batch->sequence) {
        return ERR_CONFLICT;
    }
    enum err err = make_room(flight);
    if (err != ERR_OK) {
        return err;
    }
    struct flight_batch *at = flight->batches + place;
    memmove(at + 1, at, (flight->count - place) * sizeof *at);
    *at = *batch;
    flight->count++;
    flight->bytes += batch->size;
    return ERR_OK;
}

bool flight_remove(struct flight *flight, uint64_t first, uint64_t last, struct flight_batch *removed)
{
    size_t place = place_of(flight, first);
    uint64_t more = last - first;
    if (last < first || more >= flight->count - place) {
        return false;
    }
    /* Sequences are unique and sorted: if the ends are right, all between are there. */
    struct flight_batch *at = flight->batches + place;
    if (at[0].sequence != first || at[more].sequence != last) {
        return false;
    }
    *removed = at[0];
    for (size_t i = 0; i <= more; i++) {
        flight->bytes -= at[i].size;
    }
    size_t behind = flight->count - place - (more + 1);
    memmove(at, at + more + 1, behind * sizeof *at);
    flight->count -= more + 1;
    return true;
}
