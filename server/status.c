#include "status.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/json.h"

/* ---- JSON ---- */

static void json_store(struct json *json, struct status *status)
{
    struct err_text why = {""};
    enum err health = store_thread_health(status->store, &why);
    const struct histogram *commit = &status->metrics->commit;
    json_object(json, "store");
    json_bool(json, "healthy", health == ERR_OK);
    json_string(json, "reason", health == ERR_OK ? NULL : why.text);
    json_i64(json, "queue_requests", metric_get(&status->metrics->values[SERVER_QUEUE_REQUESTS]));
    json_i64(json, "queue_bytes", metric_get(&status->metrics->values[SERVER_QUEUE_BYTES]));
    json_i64(json, "groups", metric_get(&status->metrics->values[SERVER_GROUPS]));
    json_i64(json, "commit_p50_us", histogram_quantile_us(commit, 0.5));
    json_i64(json, "commit_p99_us", histogram_quantile_us(commit, 0.99));
    json_object_end(json);
}

static void json_counters(struct json *json, const struct server_metrics *metrics)
{
    static const struct {
        const char *key;
        enum server_metric metric;
    } counters[] = {
        {"connections", SERVER_CONNECTIONS},
        {"sessions", SERVER_SESSIONS},
        {"batches_committed", SERVER_BATCHES_COMMITTED},
        {"batches_duplicate", SERVER_BATCHES_DUPLICATE},
        {"batches_retry_after", SERVER_BATCHES_RETRY_AFTER},
        {"batches_rejected", SERVER_BATCHES_REJECTED},
        {"readings_committed", SERVER_READINGS_COMMITTED},
        {"bytes_committed", SERVER_BYTES_COMMITTED},
        {"conflicts", SERVER_CONFLICTS},
        {"gaps", SERVER_GAPS},
        {"alarms", SERVER_ALARMS},
        {"refused_handshakes", SERVER_REFUSED_HANDSHAKE},
        {"refused_not_allowed", SERVER_REFUSED_NOT_ALLOWED},
        {"refused_no_bridge_name", SERVER_REFUSED_NO_NAME},
        {"protocol_errors", SERVER_PROTOCOL_ERRORS},
        {"superseded", SERVER_SUPERSEDED},
        {"clones_refused", SERVER_CLONES},
    };
    json_object(json, "counters");
    for (size_t i = 0; i < ARRAY_LENGTH(counters); i++) {
        json_i64(json, counters[i].key, metric_get(&metrics->values[counters[i].metric]));
    }
    json_object_end(json);
}

static void json_bridge(void *owner, const struct roster_bridge *bridge)
{
    struct json *json = owner;
    json_object(json, NULL);
    json_string(json, "name", bridge->name);
    json_bool(json, "connected", metric_get(&bridge->sessions) > 0);
    json_i64(json, "sessions", metric_get(&bridge->sessions));
    json_i64(json, "last_seq", metric_get(&bridge->last_sequence));
    json_time(json, "last_ack", metric_get(&bridge->last_ack_us));
    json_double(json, "lag_s", (double)metric_get(&bridge->lag_us) / (double)CLOCK_US_PER_S);
    json_i64(json, "batches", metric_get(&bridge->batches));
    json_i64(json, "readings", metric_get(&bridge->readings));
    json_i64(json, "bytes", metric_get(&bridge->bytes));
    json_i64(json, "duplicates", metric_get(&bridge->duplicates));
    json_i64(json, "rejected", metric_get(&bridge->rejected));
    json_i64(json, "backlog", metric_get(&bridge->backlog));
    json_time(json, "certificate_end", metric_get(&bridge->certificate_end_us));
    json_object_end(json);
}

static enum err write_document(struct status *status, bool with_bridges, struct buffer *out)
{
    struct json json = json_start(out);
    json_object(&json, NULL);
    json_string(&json, "program", "bourdon-server");
    json_string(&json, "version", BOURDON_VERSION);
    json_time(&json, "started", status->started_us);
    json_time(&json, "now", clock_wall_us());
    json_time(&json, "certificate_end", metric_get(&status->certificate_end_us));
    json_store(&json, status);
    json_counters(&json, status->metrics);
    if (with_bridges) {
        json_array(&json, "bridges");
        roster_walk(status->roster, json_bridge, &json);
        json_array_end(&json);
    }
    json_object_end(&json);
    return json_finish(&json);
}

enum err status_json(struct status *status, struct buffer *out)
{
    return write_document(status, true, out);
}

enum err status_summary(struct status *status, struct buffer *out)
{
    return write_document(status, false, out);
}

struct bridge_lines {
    struct buffer *out;
    enum err result;
};

static void write_bridge_line(void *owner, const struct roster_bridge *bridge)
{
    struct bridge_lines *lines = owner;
    if (lines->result == ERR_OK) {
        lines->result = buffer_format(lines->out, "%s ", bridge->name);
    }
    if (lines->result == ERR_OK) {
        struct json json = json_start(lines->out);
        json_bridge(&json, bridge);
        lines->result = json_finish(&json);
    }
    if (lines->result == ERR_OK) {
        lines->result = buffer_append(lines->out, "\n", 1);
    }
}

enum err status_bridges(struct status *status, struct buffer *out)
{
    struct bridge_lines lines = {.out = out};
    roster_walk(status->roster, write_bridge_line, &lines);
    return lines.result;
}

/* ---- Prometheus ---- */

static double seconds(int64_t us)
{
    return (double)us / (double)CLOCK_US_PER_S;
}

static double sessions_of(const struct roster_bridge *bridge)
{
    return (double)metric_get(&bridge->sessions);
}
static double batches_of(const struct roster_bridge *bridge)
{
    return (double)metric_get(&bridge->batches);
}
static double readings_of(const struct roster_bridge *bridge)
{
    return (double)metric_get(&bridge->readings);
}
static double last_sequence_of(const struct roster_bridge *bridge)
{
    return (double)metric_get(&bridge->last_sequence);
}
static double last_ack_of(const struct roster_bridge *bridge)
{
    return seconds(metric_get(&bridge->last_ack_us));
}
static double lag_of(const struct roster_bridge *bridge)
{
    return seconds(metric_get(&bridge->lag_us));
}
static double certificate_end_of(const struct roster_bridge *bridge)
{
    return seconds(metric_get(&bridge->certificate_end_us));
}

/* One metric with a sample a bridge; in the exposition all samples of a name stand together. */
struct family {
    const char *name;
    enum metric_kind kind;
    const char *help;
    double (*sample)(const struct roster_bridge *bridge);
};

static const struct family families[] = {
    {"bourdon_server_bridge_sessions", METRIC_GAUGE, "Open sessions", sessions_of},
    {"bourdon_server_bridge_batches_total", METRIC_COUNTER, "Batches committed", batches_of},
    {"bourdon_server_bridge_readings_total", METRIC_COUNTER, "Readings committed", readings_of},
    {"bourdon_server_bridge_last_sequence", METRIC_GAUGE, "Sequence of the last batch committed",
     last_sequence_of},
    {"bourdon_server_bridge_last_ack_timestamp_seconds", METRIC_GAUGE, "When the last batch was committed",
     last_ack_of},
    {"bourdon_server_bridge_lag_seconds", METRIC_GAUGE,
     "Age of the newest reading of the last batch when it was committed", lag_of},
    {"bourdon_server_bridge_certificate_end_timestamp_seconds", METRIC_GAUGE,
     "End of the bridge's certificate", certificate_end_of},
};

struct family_walk {
    const struct family *family;
    struct buffer *out;
    enum err result;
};

static void write_sample(void *owner, const struct roster_bridge *bridge)
{
    struct family_walk *walk = owner;
    if (walk->result == ERR_OK) {
        walk->result = metrics_write_sample(walk->out, walk->family->name, "bridge", bridge->name,
                                            walk->family->sample(bridge));
    }
}

static enum err write_family(struct status *status, const struct family *family, struct buffer *out)
{
    struct family_walk walk = {.family = family, .out = out};
    walk.result = metrics_write_head(out, family->name, family->kind, family->help);
    roster_walk(status->roster, write_sample, &walk);
    return walk.result;
}

static enum err write_single(struct buffer *out, const char *name, const char *help, double sample)
{
    enum err result = metrics_write_head(out, name, METRIC_GAUGE, help);
    return result == ERR_OK ? metrics_write_sample(out, name, NULL, NULL, sample) : result;
}

enum err status_metrics(struct status *status, struct buffer *out)
{
    enum err result = server_metrics_write(out, status->metrics);
    if (result == ERR_OK) {
        result = write_single(out, "bourdon_server_store_healthy", "1 while the store takes batches",
                              store_thread_health(status->store, NULL) == ERR_OK);
    }
    if (result == ERR_OK) {
        result =
            write_single(out, "bourdon_server_certificate_end_timestamp_seconds",
                         "End of the server's certificate", seconds(metric_get(&status->certificate_end_us)));
    }
    for (size_t i = 0; i < ARRAY_LENGTH(families) && result == ERR_OK; i++) {
        result = write_family(status, &families[i], out);
    }
    return result;
}
