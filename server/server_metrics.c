#include "server_metrics.h"

#define COUNTER(row, metric, text, label)                                                                    \
    [row] = {.name = "bourdon_server_" metric "_total", .kind = METRIC_COUNTER, .help = text, .labels = label}
#define GAUGE(row, metric, text)                                                                             \
    [row] = {.name = "bourdon_server_" metric, .kind = METRIC_GAUGE, .help = text}

#define BATCHES  "Batches answered, by the answer"
#define READINGS "Readings in answered batches"
#define BYTES    "Encoded bytes of answered batches"
#define TURNED   "Connections closed at once because a limit was reached"
#define COMMANDS "Commands and webhooks that were to tell of an alarm"
#define REFUSED  "Peers refused because of what they showed"

static const struct metric table[SERVER_METRICS + 1] = {
    COUNTER(SERVER_BATCHES_COMMITTED, "batches", BATCHES, "result=\"committed\""),
    COUNTER(SERVER_BATCHES_DUPLICATE, "batches", BATCHES, "result=\"duplicate\""),
    COUNTER(SERVER_BATCHES_RETRY_AFTER, "batches", BATCHES, "result=\"retry_after\""),
    COUNTER(SERVER_BATCHES_REJECTED, "batches", BATCHES, "result=\"rejected\""),
    COUNTER(SERVER_READINGS_COMMITTED, "readings", READINGS, "result=\"committed\""),
    COUNTER(SERVER_READINGS_DUPLICATE, "readings", READINGS, "result=\"duplicate\""),
    COUNTER(SERVER_BYTES_COMMITTED, "batch_bytes", BYTES, "result=\"committed\""),
    COUNTER(SERVER_BYTES_DUPLICATE, "batch_bytes", BYTES, "result=\"duplicate\""),
    COUNTER(SERVER_CONFLICTS, "conflicts", "Batches rejected because another one has their identity", NULL),
    COUNTER(SERVER_GAPS, "gaps", "Gap records committed: readings that bridges report as lost", NULL),
    GAUGE(SERVER_CONNECTIONS, "connections", "Open connections, with those in their handshake"),
    GAUGE(SERVER_HANDSHAKES, "handshakes", "Connections in their handshake"),
    GAUGE(SERVER_SESSIONS, "sessions", "Bridges that have opened their session"),
    COUNTER(SERVER_ACCEPTED, "accepted", "Connections accepted", NULL),
    COUNTER(SERVER_TURNED_AWAY_TOTAL, "turned_away", TURNED, "limit=\"connections\""),
    COUNTER(SERVER_TURNED_AWAY_ADDRESS, "turned_away", TURNED, "limit=\"connections_per_address\""),
    COUNTER(SERVER_TURNED_AWAY_HANDSHAKES, "turned_away", TURNED, "limit=\"handshakes\""),
    COUNTER(SERVER_SLOW_HANDSHAKES, "slow_handshakes",
            "Handshakes cut off to make room while there were too many", NULL),
    COUNTER(SERVER_REFUSED_HANDSHAKE, "refused", REFUSED, "reason=\"handshake\""),
    COUNTER(SERVER_REFUSED_NO_NAME, "refused", REFUSED, "reason=\"no_bridge_name\""),
    COUNTER(SERVER_REFUSED_NOT_ALLOWED, "refused", REFUSED, "reason=\"not_allowed\""),
    COUNTER(SERVER_PROTOCOL_ERRORS, "protocol_errors", "Sessions ended because the peer broke the protocol",
            NULL),
    COUNTER(SERVER_TIMEOUTS, "timeouts", "Sessions ended because the peer fell silent", NULL),
    COUNTER(SERVER_SUPERSEDED, "superseded",
            "Sessions ended because the same bridge and epoch connected anew", NULL),
    COUNTER(SERVER_CLONES, "clones_refused",
            "Sessions refused because another bridge with the same name and spool was connected", NULL),
    COUNTER(SERVER_SPOOLS_BEHIND, "spools_behind",
            "Sessions of a spool that is older than what is stored of it", NULL),
    COUNTER(SERVER_STORES_BEHIND, "stores_behind",
            "Sessions of a spool that has trimmed batches which are not stored", NULL),
    COUNTER(SERVER_PAUSES, "pauses", "Times a connection was not read because the store was behind", NULL),
    COUNTER(SERVER_GROUPS, "store_groups", "Group commits", NULL),
    COUNTER(SERVER_GROUPS_PUT_OFF, "store_groups_put_off", "Groups that the store could not take for now",
            NULL),
    COUNTER(SERVER_EXPIRED_BATCHES, "store_expired_batches",
            "Batches removed by the limits of retention (PostgreSQL: from the ledger)", NULL),
    COUNTER(SERVER_EXPIRED_READINGS, "store_expired_readings", "Readings removed by the limits of retention",
            NULL),
    GAUGE(SERVER_QUEUE_REQUESTS, "store_queue_requests", "Requests that wait for the store"),
    GAUGE(SERVER_QUEUE_BYTES, "store_queue_bytes", "Bytes that wait for the store"),
    GAUGE(SERVER_ALARMS, "alarms", "Alarms of tags that a rule watches"),
    GAUGE(SERVER_ALARMS_ACTIVE, "alarms_active", "Alarms that are active and not shelved"),
    GAUGE(SERVER_ALARMS_UNACKNOWLEDGED, "alarms_unacknowledged",
          "Alarms that nobody has acknowledged, active or returned, and that are not shelved"),
    GAUGE(SERVER_ALARMS_SHELVED, "alarms_shelved", "Alarms on the shelf"),
    COUNTER(SERVER_ALARM_CHANGES, "alarm_changes", "Changes of the state of an alarm, and of its shelf",
            NULL),
    COUNTER(SERVER_ALARM_BATCHES_SKIPPED, "alarm_batches_skipped",
            "Batches stored and not, or not wholly, watched for alarms: too many wait, or too many tags",
            NULL),
    COUNTER(SERVER_ALARM_COMMANDS, "alarm_commands", COMMANDS, "result=\"good\""),
    COUNTER(SERVER_ALARM_COMMANDS_FAILED, "alarm_commands", COMMANDS, "result=\"failed\""),
    COUNTER(SERVER_ALARM_COMMANDS_DROPPED, "alarm_commands", COMMANDS, "result=\"dropped\""),
    {.name = NULL},
};

enum err server_metrics_write(struct buffer *out, const struct server_metrics *metrics)
{
    enum err result = metrics_write(out, table, metrics->values);
    if (result == ERR_OK) {
        result = metrics_write_histogram(out, "bourdon_server_commit_seconds", "Duration of a group commit",
                                         &metrics->commit);
    }
    if (result == ERR_OK) {
        result = metrics_write_histogram(out, "bourdon_server_answer_seconds",
                                         "Time from the arrival of a batch to its answer", &metrics->answer);
    }
    return result;
}
