/*
 * metrics: counters, gauges and histograms in the Prometheus text format 0.0.4.
 *
 * A program declares its metrics in a table and keeps the values in atomics of its own; metrics_write() walks
 * table and values. Counters may be bumped from any thread. A writer that fails (ERR_LIMIT, ERR_NO_MEMORY)
 * may leave half a line in the buffer: what was written then is of no use.
 */
#ifndef BOURDON_BASE_METRICS_H
#define BOURDON_BASE_METRICS_H

#include "base/buffer.h"

#include <stdatomic.h>
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

struct metric {
    const char *name; /* bourdon_bridge_batches_acked_total; NULL ends the table */
    enum metric_kind kind;
    const char *help;
    const char *labels; /* `result="committed"` or NULL; consecutive rows of one name share HELP and TYPE */
};

typedef _Atomic int64_t metric_value;

static inline void metric_add(metric_value *value, int64_t amount)
{
    atomic_fetch_add_explicit(value, amount, memory_order_relaxed);
}
static inline void metric_set(metric_value *value, int64_t amount)
{
    atomic_store_explicit(value, amount, memory_order_relaxed);
}
static inline int64_t metric_get(const metric_value *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* Latencies: cumulative buckets at 100 µs · 2^i, from 100 µs to about 52 s, and +Inf. */
enum { HISTOGRAM_BUCKETS = 20 };
struct histogram {
    metric_value buckets[HISTOGRAM_BUCKETS + 1];
    metric_value sum_us;
};

void histogram_add(struct histogram *histogram, int64_t duration_us);

/* The upper bound in µs of the bucket in which the quantile (0..1) falls, for what is beyond them all the
 * last one; 0 when empty. */
int64_t histogram_quantile_us(const struct histogram *histogram, double quantile);

/* Appends the exposition of `table` with `values[i]` for row i. */
MUST_USE enum err metrics_write(struct buffer *out, const struct metric *table, const metric_value *values);

/* Appends one histogram in seconds under `name`. */
MUST_USE enum err metrics_write_histogram(struct buffer *out, const char *name, const char *help,
                                          const struct histogram *histogram);

/* Appends HELP and TYPE, once in front of the samples of a name that metrics_write_sample() writes. */
MUST_USE enum err metrics_write_head(struct buffer *out, const char *name, enum metric_kind kind,
                                     const char *help);

/* Appends one sample line with an escaped label value, for gauges per bridge or link. `label` NULL = none. */
MUST_USE enum err metrics_write_sample(struct buffer *out, const char *name, const char *label,
                                       const char *value, double sample);

#endif
