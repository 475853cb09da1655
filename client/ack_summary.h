/*
 * ack_summary: sums of many batches, and how long acknowledgements took. One thread.
 *
 * The latency of a batch is that of its oldest reading: from the request to the PLC until the ack had arrived
 * at the bridge; seen from a store, until it was committed there. Quantiles are over the newest
 * ACK_SUMMARY_LATENCIES batches.
 */
#ifndef BOURDON_CLIENT_ACK_SUMMARY_H
#define BOURDON_CLIENT_ACK_SUMMARY_H

#include "ack_source.h"

enum { ACK_SUMMARY_LATENCIES = 1024 * 1024 };

struct ack_summary { /* all zero = nothing seen */
    uint64_t batches, readings, bytes;
    uint64_t results[ACK_REJECTED + 1]; /* batches by enum ack_result */
    int64_t *latencies_us;              /* owned ring */
    size_t capacity;
    uint64_t latencies; /* ever added */
};

MUST_USE enum err ack_summary_add(struct ack_summary *summary, const struct ack_row *row);
/* The latency that the share `quantile` (0..1) of the batches does not pass; INT64_MIN if there is none. */
int64_t ack_summary_quantile_us(struct ack_summary *summary, double quantile);
void ack_summary_fini(struct ack_summary *summary);

#endif
