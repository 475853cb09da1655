#include "base/metrics.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const int64_t first_bound_us = 100;

static int64_t bound_us(size_t bucket)
{
    return first_bound_us << bucket;
}

void histogram_add(struct histogram *histogram, int64_t duration_us)
{
    size_t bucket = 0;
    while (bucket < HISTOGRAM_BUCKETS && duration_us > bound_us(bucket)) {
        bucket++;
    }
    metric_add(&histogram->buckets[bucket], 1);
    metric_add(&histogram->sum_us, duration_us > 0 ? duration_us : 0);
}

int64_t histogram_quantile_us(const struct histogram *histogram, double quantile)
{
    int64_t counts[HISTOGRAM_BUCKETS + 1];
    int64_t total = 0;
    for (size_t i = 0; i <= HISTOGRAM_BUCKETS; i++) {
        counts[i] = metric_get(&histogram->buckets[i]);
        total += counts[i];
    }
    if (total == 0) {
        return 0;
    }
    double rank = quantile * (double)total;
    int64_t below = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += counts[i];
        if (below > 0 && (double)below >= rank) {
            return bound_us(i);
        }
    }
    return bound_us(HISTOGRAM_BUCKETS - 1);
}

/* HELP texts escape backslash and line feed; label values the quote as well. */
static enum err append_escaped(struct buffer *out, const char *text, bool quote)
{
    enum err err = ERR_OK;
    for (const char *end = text + strlen(text); text < end && err == ERR_OK;) {
        size_t length = utf8_next(text, (size_t)(end - text), NULL);
        if (length == 0) {
            err = buffer_append(out, UTF8_REPLACEMENT, strlen(UTF8_REPLACEMENT));
        } else if (*text == '\n') {
            err = buffer_append(out, "\\n", 2);
        } else if (*text == '\\' || (quote && *text == '"')) {
            err = buffer_format(out, "\\%c", *text);
        } else {
            err = buffer_append(out, text, length);
        }
        text += length ? length : 1;
    }
    return err;
}

static enum err append_head(struct buffer *out, const char *name, const char *type, const char *help)
{
    enum err err = buffer_format(out, "# HELP %s ", name);
    if (err == ERR_OK) {
        err = append_escaped(out, help, false);
    }
    return err == ERR_OK ? buffer_format(out, "\n# TYPE %s %s\n", name, type) : err;
}

enum err metrics_write_head(struct buffer *out, const char *name, enum metric_kind kind, const char *help)
{
    return append_head(out, name, kind == METRIC_COUNTER ? "counter" : "gauge", help);
}

static enum err append_row(struct buffer *out, const struct metric *metric, int64_t value)
{
    if (!metric->labels) {
        return buffer_format(out, "%s %" PRId64 "\n", metric->name, value);
    }
    return buffer_format(out, "%s{%s} %" PRId64 "\n", metric->name, metric->labels, value);
}

enum err metrics_write(struct buffer *out, const struct metric *table, const metric_value *values)
{
    enum err err = ERR_OK;
    for (size_t i = 0; table[i].name && err == ERR_OK; i++) {
        if (i == 0 || strcmp(table[i].name, table[i - 1].name) != 0) {
            err = metrics_write_head(out, table[i].name, table[i].kind, table[i].help);
        }
        if (err == ERR_OK) {
            err = append_row(out, &table[i], metric_get(&values[i]));
        }
    }
    return err;
}

static double seconds(int64_t us)
{
    return (double)us / (double)CLOCK_US_PER_S;
}

enum err metrics_write_histogram(struct buffer *out, const char *name, const char *help,
                                 const struct histogram *histogram)
{
    enum err err = append_head(out, name, "histogram", help);
    int64_t count = 0;
    for (size_t i = 0; i <= HISTOGRAM_BUCKETS && err == ERR_OK; i++) {
        char bound[DECIMAL_MAX] = "+Inf";
        if (i < HISTOGRAM_BUCKETS) {
            decimal_format(seconds(bound_us(i)), bound);
        }
        count += metric_get(&histogram->buckets[i]);
        err = buffer_format(out, "%s_bucket{le=\"%s\"} %" PRId64 "\n", name, bound, count);
    }
    if (err != ERR_OK) {
        return err;
    }
    char sum[DECIMAL_MAX];
    return buffer_format(out, "%s_sum %s\n%s_count %" PRId64 "\n", name,
                         decimal_format(seconds(metric_get(&histogram->sum_us)), sum), name, count);
}

static const char *sample_text(double sample, char *text)
{
    if (isnan(sample)) {
        return "NaN";
    }
    if (isinf(sample)) {
        return sample > 0 ? "+Inf" : "-Inf";
    }
    return decimal_format(sample, text);
}

enum err metrics_write_sample(struct buffer *out, const char *name, const char *label, const char *value,
                              double sample)
{
    char text[DECIMAL_MAX];
    if (!label) {
        return buffer_format(out, "%s %s\n", name, sample_text(sample, text));
    }
    enum err err = buffer_format(out, "%s{%s=\"", name, label);
    if (err == ERR_OK) {
        err = append_escaped(out, value, true);
    }
    return err == ERR_OK ? buffer_format(out, "\"} %s\n", sample_text(sample, text)) : err;
}
