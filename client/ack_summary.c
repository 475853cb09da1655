#include "ack_summary.h"

#include <math.h>
#include <stdlib.h>

static enum err grow(struct ack_summary *summary)
{
    size_t capacity = summary->capacity > 0 ? 2 * summary->capacity : 1024;
    int64_t *larger = realloc(summary->latencies_us, capacity * sizeof *larger);
    if (!larger) {
        return ERR_NO_MEMORY;
    }
    summary->latencies_us = larger;
    summary->capacity = capacity;
    return ERR_OK;
}

enum err ack_summary_add(struct ack_summary *summary, const struct ack_row *row)
{
    summary->batches++;
    summary->readings += row->kind == BATCH_READINGS ? row->readings : 0;
    summary->bytes += row->bytes;
    if ((unsigned)row->result <= ACK_REJECTED) {
        summary->results[row->result]++;
    }
    int64_t end_us = row->acked_us != 0 ? row->acked_us : row->committed_us;
    if (row->kind != BATCH_READINGS || end_us == 0) {
        return ERR_OK;
    }
    if (summary->latencies == summary->capacity && summary->capacity < ACK_SUMMARY_LATENCIES &&
        grow(summary) != ERR_OK) {
        return ERR_NO_MEMORY;
    }
    summary->latencies_us[summary->latencies++ % summary->capacity] = end_us - row->first_us;
    return ERR_OK;
}

static int compare(const void *left, const void *right)
{
    const int64_t *a = left;
    const int64_t *b = right;
    return (*a > *b) - (*a < *b);
}

int64_t ack_summary_quantile_us(struct ack_summary *summary, double quantile)
{
    size_t count = summary->latencies < summary->capacity ? (size_t)summary->latencies : summary->capacity;
    if (count == 0) {
        return INT64_MIN;
    }
    qsort(summary->latencies_us, count, sizeof *summary->latencies_us, compare);
    size_t rank = (size_t)ceil(quantile * (double)count);
    return summary->latencies_us[rank > 0 ? rank - 1 : 0];
}

void ack_summary_fini(struct ack_summary *summary)
{
    free(summary->latencies_us);
    *summary = (struct ack_summary){0};
}
