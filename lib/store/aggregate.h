/*
 * aggregate: readings gathered into buckets of equal length: how many, minimum, maximum, mean, last.
 *
 * Readings may come in any order. A bucket begins at a multiple of its length since 1970 and belongs to one
 * series: a tag of a bridge. Readings without a number (bad quality, text) are counted and take no part in
 * the values. Pure; one thread. Memory: about 100 bytes a bucket, as many buckets as the caller allows.
 */
#ifndef BOURDON_STORE_AGGREGATE_H
#define BOURDON_STORE_AGGREGATE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AGGREGATE_BUCKETS_MAX = 5 * 1000 * 1000, AGGREGATE_SERIES_MAX = 100000 };

enum aggregate_kind { AGGREGATE_MEAN, AGGREGATE_MIN, AGGREGATE_MAX, AGGREGATE_LAST };
enum { AGGREGATE_KINDS = 4 };

/* `mean min max last`; false if the text is none of them. */
bool aggregate_kind_parse(const char *text, enum aggregate_kind *kind);
const char *aggregate_kind_name(enum aggregate_kind kind);

struct aggregate_point {
    const char *bridge, *tag, *unit;
    int64_t time_us; /* >= 0 */
    double value;    /* NaN = none */
};

struct aggregate_row {
    const char *bridge, *tag, *unit; /* as long as the aggregate */
    int64_t start_us;                /* the bucket is [start, start + every) */
    uint64_t count;                  /* readings with a number … */
    uint64_t without;                /* … and without */
    double values[AGGREGATE_KINDS];  /* NaN if count is 0 */
};

struct aggregate;

/* `every_us` > 0; `limit` buckets at most. NULL: out of memory. */
MUST_USE struct aggregate *aggregate_new(int64_t every_us, size_t limit);
void aggregate_free(struct aggregate *aggregate); /* NULL is fine */

/* ERR_LIMIT: that would be one bucket or series too many. ERR_NO_MEMORY. */
MUST_USE enum err aggregate_add(struct aggregate *aggregate, const struct aggregate_point *point);

/* Sorts by time, then bridge, then tag. Nothing may be added any more. */
void aggregate_finish(struct aggregate *aggregate);
size_t aggregate_count(const struct aggregate *aggregate);
struct aggregate_row aggregate_get(const struct aggregate *aggregate, size_t index); /* index < count */

#endif
