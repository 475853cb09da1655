/*
 * status: what the server is doing, as JSON for `bourdon status` and as Prometheus text. Any thread.
 */
#ifndef BOURDON_SERVER_STATUS_H
#define BOURDON_SERVER_STATUS_H

#include "front/roster.h"
#include "server_metrics.h"
#include "store/store_thread.h"

/* Borrowed. */
struct status {
    const struct server_metrics *metrics;
    struct roster *roster;
    struct store_thread *store;
    int64_t started_us;              /* wall clock */
    metric_value certificate_end_us; /* wall clock */
};

/* One document: server, store, counters, bridges. */
MUST_USE enum err status_json(struct status *status, struct buffer *out);
/* The same without the bridges. */
MUST_USE enum err status_summary(struct status *status, struct buffer *out);
/* The bridges alone, one a line: the name, a space, and its object of the document. */
MUST_USE enum err status_bridges(struct status *status, struct buffer *out);
MUST_USE enum err status_metrics(struct status *status, struct buffer *out);

#endif
