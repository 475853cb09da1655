/*
 * finder: which addresses of one table a device lets be read, with few requests. Says what to ask next and is
 * told whether it was answered.
 *
 * Asks for as much as a request holds and cuts in two what is refused. A refused span of at most `step`
 * addresses is judged by its first one: if that is refused, too, the others are taken for missing, so that
 * empty space costs little; where a range turns out to begin behind such a span, its true beginning is looked
 * for there by halves. So every range of `step` addresses or more is found; `step` 1 finds all. A device that
 * refuses because it was asked for too much at once is asked for less from then on.
 *
 * Pure but for the memory of the ranges. One thread.
 */
#ifndef BOURDON_CLIENT_SCAN_FINDER_H
#define BOURDON_CLIENT_SCAN_FINDER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FINDER_DEPTH_MAX = 16,     /* halves of halves of 2000 items */
    FINDER_RANGES_MAX = 32768, /* every other address */
};

struct finder_range {
    uint32_t first;
    uint32_t end; /* one past the last */
};

/* What is known of a table; all of it is worth keeping. */
struct finder_known {
    uint32_t next;               /* everything before it is decided */
    uint32_t most;               /* items that one request may ask for */
    struct finder_range *ranges; /* owned; ascending, apart from each other */
    size_t count, capacity;
};

struct finder_part {
    struct finder_range span;
    struct finder_range whole; /* the refused span it is a half of */
};

struct finder {
    struct finder_known *known; /* borrowed */
    uint32_t end;               /* one past the last address to look at */
    uint32_t step;
    struct finder_part parts[FINDER_DEPTH_MAX + 1]; /* to be asked, the last one first */
    size_t part_count;
    bool sampling;               /* the last part by its first address */
    struct finder_range skipped; /* what the last judgement by one address left out */
    struct finder_range edge;    /* where a range begins: in it, at its end at the latest; empty = is known */
    struct finder_range asked;
};

/* `most` is not read if the table was looked at before. */
struct finder finder_start(struct finder_known *known, uint32_t end, uint32_t step);

/* What to ask next; false: all is decided. */
bool finder_next(struct finder *finder, struct finder_range *ask);
/* What came of it. ERR_NO_MEMORY, ERR_LIMIT: too many ranges. */
MUST_USE enum err finder_take(struct finder *finder, bool readable);

/* Adds a range behind all others, or lengthens the last. ERR_LIMIT, ERR_NO_MEMORY. */
MUST_USE enum err finder_add(struct finder_known *known, struct finder_range range);
void finder_known_fini(struct finder_known *known);

#endif
