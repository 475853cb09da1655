/*
 * backfill: which batches of the spool are still to be fetched and sent in this session, lowest sequence
 * first, and how fast. Live batches are not its business: they go out ahead of it.
 *
 * Keeps ranges of sequences, at most BACKFILL_RANGES_MAX: beyond that the two nearest are joined, which is
 * safe, because what the spool no longer has is not read and what is in flight is not sent. Pure; one thread.
 */
#ifndef BOURDON_UPLINK_BACKFILL_H
#define BOURDON_UPLINK_BACKFILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BACKFILL_RANGES_MAX = 32 };

/* How much earlier than the rate says a batch may go, so that a coarse timer does not slow a fast rate. */
#define BACKFILL_BURST_US INT64_C(100000)

struct sequence_range {
    uint64_t first, last; /* inclusive */
};

struct backfill_options {
    int64_t rate;         /* readings a second; 0 = as fast as the window allows */
    int64_t window_share; /* per cent of the window that the backlog may take, 1 … 100 */
};

struct backfill {
    struct backfill_options options;
    size_t count;
    struct sequence_range ranges[BACKFILL_RANGES_MAX + 1]; /* ascending, apart; one place to insert */
    int64_t next_us; /* monotonic: when the rate allows the next batch */
};

void backfill_init(struct backfill *backfill, const struct backfill_options *options);
/* Forgets the ranges: a new session. */
void backfill_clear(struct backfill *backfill);
void backfill_add(struct backfill *backfill, uint64_t first, uint64_t last); /* first > last: nothing */
/* Removes the lowest range into `*range`; false if nothing is left. */
bool backfill_take(struct backfill *backfill, struct sequence_range *range);

/* How many of `window` batches may be backlog; at least 1. */
size_t backfill_window(const struct backfill *backfill, size_t window);
/* When the next batch may go, monotonic µs; not after now = at once. */
int64_t backfill_next_us(const struct backfill *backfill);
void backfill_sent(struct backfill *backfill, uint32_t readings, int64_t now_us);

#endif
