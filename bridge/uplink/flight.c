#include "uplink/flight.h"

#include <stdlib.h>
#include <string.h>

/* Open addressing with linear probing. Sequences in flight are nearly consecutive, so the low bits are a
 * perfect hash most of the time. */
enum { SLOTS = 2 * FLIGHT_MAX };
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "slots are masked");

struct flight {
    size_t count;
    size_t historical;
    struct flight_entry slots[SLOTS];
};

struct flight *flight_new(void)
{
    return calloc(1, sizeof(struct flight));
}

void flight_free(struct flight *flight)
{
    free(flight);
}

void flight_clear(struct flight *flight)
{
    memset(flight, 0, sizeof *flight);
}

size_t flight_count(const struct flight *flight)
{
    return flight->count;
}

size_t flight_historical(const struct flight *flight)
{
    return flight->historical;
}

static size_t home(uint64_t seq)
{
    return (size_t)(seq & (SLOTS - 1));
}

/* Where the sequence is, or the empty slot where it would go. */
static size_t find(const struct flight *flight, uint64_t seq)
{
    size_t at = home(seq);
    while (flight->slots[at].seq != 0 && flight->slots[at].seq != seq) {
        at = (at + 1) & (SLOTS - 1);
    }
    return at;
}

bool flight_has(const struct flight *flight, uint64_t seq)
{
    return flight->slots[find(flight, seq)].seq != 0;
}

enum err flight_add(struct flight *flight, const struct flight_entry *entry)
{
    if (flight->count >= FLIGHT_MAX) {
        return ERR_LIMIT;
    }
    size_t at = find(flight, entry->seq);
    if (flight->slots[at].seq != 0) {
        return ERR_CONFLICT;
    }
    flight->slots[at] = *entry;
    flight->count++;
    flight->historical += entry->historical;
    return ERR_OK;
}

/* Closes the hole: moves back each following entry that may not be found past an empty slot. */
static void close_hole(struct flight *flight, size_t hole)
{
    for (size_t at = (hole + 1) & (SLOTS - 1); flight->slots[at].seq != 0; at = (at + 1) & (SLOTS - 1)) {
        size_t from_home = (at - home(flight->slots[at].seq)) & (SLOTS - 1);
        size_t from_hole = (at - hole) & (SLOTS - 1);
        if (from_home >= from_hole) {
            flight->slots[hole] = flight->slots[at];
            hole = at;
        }
    }
    flight->slots[hole] = (struct flight_entry){0};
}

bool flight_take(struct flight *flight, uint64_t seq, struct flight_entry *entry)
{
    size_t at = find(flight, seq);
    if (flight->slots[at].seq == 0) {
        return false;
    }
    *entry = flight->slots[at];
    flight->count--;
    flight->historical -= entry->historical;
    close_hole(flight, at);
    return true;
}
