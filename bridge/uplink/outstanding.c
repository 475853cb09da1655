#include "uplink/outstanding.h"

#include <stdlib.h>
#include <string.h>

/* Open addressing with linear probing. Sequences in flight are nearly consecutive, so the low bits are a
 * perfect hash most of the time. */
enum { SLOTS = 2 * OUTSTANDING_MAX };
_Static_assert((SLOTS & (SLOTS - 1)) == 0, "slots are masked");

struct outstanding {
    size_t count;
    size_t backlog;
    struct sent_batch slots[SLOTS];
};

struct outstanding *outstanding_new(void)
{
    return calloc(1, sizeof(struct outstanding));
}

void outstanding_free(struct outstanding *outstanding)
{
    free(outstanding);
}

void outstanding_clear(struct outstanding *outstanding)
{
    memset(outstanding, 0, sizeof *outstanding);
}

size_t outstanding_count(const struct outstanding *outstanding)
{
    return outstanding->count;
}

size_t outstanding_backlog(const struct outstanding *outstanding)
{
    return outstanding->backlog;
}

static size_t home(uint64_t seq)
{
    return (size_t)(seq & (SLOTS - 1));
}

/* Where the sequence is, or the empty slot where it would go. */
static size_t find(const struct outstanding *outstanding, uint64_t seq)
{
    size_t at = home(seq);
    while (outstanding->slots[at].seq != 0 && outstanding->slots[at].seq != seq) {
        at = (at + 1) & (SLOTS - 1);
    }
    return at;
}

bool outstanding_has(const struct outstanding *outstanding, uint64_t seq)
{
    return outstanding->slots[find(outstanding, seq)].seq != 0;
}

enum err outstanding_add(struct outstanding *outstanding, const struct sent_batch *entry)
{
    if (outstanding->count >= OUTSTANDING_MAX) {
        return ERR_LIMIT;
    }
    size_t at = find(outstanding, entry->seq);
    if (outstanding->slots[at].seq != 0) {
        return ERR_CONFLICT;
    }
    outstanding->slots[at] = *entry;
    outstanding->count++;
    outstanding->backlog += entry->backlog;
    return ERR_OK;
}

/* Closes the hole: moves back each following entry that may not be found past an empty slot. */
static void close_hole(struct outstanding *outstanding, size_t hole)
{
    for (size_t at = (hole + 1) & (SLOTS - 1); outstanding->slots[at].seq != 0; at = (at + 1) & (SLOTS - 1)) {
        size_t from_home = (at - home(outstanding->slots[at].seq)) & (SLOTS - 1);
        size_t from_hole = (at - hole) & (SLOTS - 1);
        if (from_home >= from_hole) {
            outstanding->slots[hole] = outstanding->slots[at];
            hole = at;
        }
    }
    outstanding->slots[hole] = (struct sent_batch){0};
}

bool outstanding_take(struct outstanding *outstanding, uint64_t seq, struct sent_batch *entry)
{
    size_t at = find(outstanding, seq);
    if (outstanding->slots[at].seq == 0) {
        return false;
    }
    *entry = outstanding->slots[at];
    outstanding->count--;
    outstanding->backlog -= entry->backlog;
    close_hole(outstanding, at);
    return true;
}
