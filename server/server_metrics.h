/*
 * server_metrics: what the control server counts. The table names each counter for Prometheus; the values are
 * atomics that any thread may bump.
 */
#ifndef BOURDON_SERVER_SERVER_METRICS_H
#define BOURDON_SERVER_SERVER_METRICS_H

#include "base/metrics.h"

enum server_metric {
    SERVER_BATCHES_COMMITTED,
    SERVER_BATCHES_DUPLICATE,
    SERVER_BATCHES_RETRY_AFTER,
    SERVER_BATCHES_REJECTED,
    SERVER_READINGS_COMMITTED,
    SERVER_READINGS_DUPLICATE,
    SERVER_BYTES_COMMITTED,
    SERVER_BYTES_DUPLICATE,
    SERVER_CONFLICTS,
    SERVER_GAPS,
    SERVER_CONNECTIONS,
    SERVER_HANDSHAKES,
    SERVER_SESSIONS,
    SERVER_ACCEPTED,
    SERVER_TURNED_AWAY_TOTAL,
    SERVER_TURNED_AWAY_ADDRESS,
    SERVER_TURNED_AWAY_HANDSHAKES,
    SERVER_SLOW_HANDSHAKES,
    SERVER_REFUSED_HANDSHAKE,
    SERVER_REFUSED_NO_NAME,
    SERVER_REFUSED_NOT_ALLOWED,
    SERVER_PROTOCOL_ERRORS,
    SERVER_TIMEOUTS,
    SERVER_SUPERSEDED,
    SERVER_CLONES,
    SERVER_SPOOLS_BEHIND,
    SERVER_STORES_BEHIND,
    SERVER_PAUSES,
    SERVER_GROUPS,
    SERVER_GROUPS_PUT_OFF,
    SERVER_EXPIRED_BATCHES,
    SERVER_EXPIRED_READINGS,
    SERVER_QUEUE_REQUESTS,
    SERVER_QUEUE_BYTES,
    SERVER_ALARMS,
    SERVER_ALARMS_ACTIVE,
    SERVER_ALARMS_UNACKNOWLEDGED,
    SERVER_ALARMS_SHELVED,
    SERVER_ALARM_CHANGES,
    SERVER_ALARM_BATCHES_SKIPPED,
    SERVER_ALARM_COMMANDS,
    SERVER_ALARM_COMMANDS_FAILED,
    SERVER_ALARM_COMMANDS_DROPPED,
    SERVER_METRICS
};

struct server_metrics {
    metric_value values[SERVER_METRICS];
    struct histogram commit; /* one group: begin to commit */
    struct histogram answer; /* one batch: received to answered */
};

static inline void server_count(struct server_metrics *metrics, enum server_metric which, int64_t amount)
{
    metric_add(&metrics->values[which], amount);
}

/* Appends everything as Prometheus text. Any thread. */
MUST_USE enum err server_metrics_write(struct buffer *out, const struct server_metrics *metrics);

#endif
