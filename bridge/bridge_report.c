#include "bridge_report.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "bridge_state.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = {
    [BRIDGE_STARTING] = "starting", [BRIDGE_RUNNING] = "running", [BRIDGE_FLUSHING] = "stopping",
    [BRIDGE_DRAINING] = "stopping", [BRIDGE_STOPPED] = "stopped",
};

enum spool_metric {
    SPOOL_READINGS,
    SPOOL_BATCHES,
    SPOOL_COMMITS,
    SPOOL_REFUSED,
    SPOOL_LOST,
    SPOOL_DAMAGED,
    SPOOL_WAITING_BATCHES,
    SPOOL_WAITING_READINGS,
    SPOOL_WAITING_BYTES,
    SPOOL_QUARANTINE_BYTES,
    SPOOL_ACCEPTING,
    CERTIFICATE_NOT_AFTER,
    METRICS
};

static const struct metric table[METRICS + 1] = {
    [SPOOL_READINGS] = {"bourdon_bridge_readings_total", METRIC_COUNTER, "Readings taken into batches.",
                        NULL},
    [SPOOL_BATCHES] = {"bourdon_bridge_batches_spooled_total", METRIC_COUNTER,
                       "Batches committed to the spool.", NULL},
    [SPOOL_COMMITS] = {"bourdon_bridge_spool_commits_total", METRIC_COUNTER,
                       "Transactions of the spool, an fsync each.", NULL},
    [SPOOL_REFUSED] = {"bourdon_bridge_readings_refused_total", METRIC_COUNTER,
                       "Readings that found no room; in gap records.", NULL},
    [SPOOL_LOST] = {"bourdon_bridge_readings_dropped_total", METRIC_COUNTER,
                    "Readings dropped from the spool; in gap records.", NULL},
    [SPOOL_DAMAGED] = {"bourdon_bridge_batches_damaged_total", METRIC_COUNTER,
                       "Batches of the spool that failed their checksum; in gap records.", NULL},
    [SPOOL_WAITING_BATCHES] = {"bourdon_bridge_spool_batches", METRIC_GAUGE,
                               "Batches waiting for their acknowledgement.", NULL},
    [SPOOL_WAITING_READINGS] = {"bourdon_bridge_spool_readings", METRIC_GAUGE,
                                "Readings waiting for their acknowledgement.", NULL},
    [SPOOL_WAITING_BYTES] = {"bourdon_bridge_spool_bytes", METRIC_GAUGE,
                             "Bytes waiting for their acknowledgement.", NULL},
    [SPOOL_QUARANTINE_BYTES] = {"bourdon_bridge_quarantine_bytes", METRIC_GAUGE,
                                "Bytes of rejected and damaged batches.", NULL},
    [SPOOL_ACCEPTING] = {"bourdon_bridge_polling", METRIC_GAUGE,
                         "1, or 0 while the spool is full and polling has stopped.", NULL},
    [CERTIFICATE_NOT_AFTER] = {"bourdon_bridge_certificate_not_after_seconds", METRIC_GAUGE,
                               "When this bridge's certificate ends, in seconds since 1970.", NULL},
};

static void write_spool(struct json *json, const struct spool_status *status)
{
    json_object(json, "spool");
    json_bool(json, "accepting", status->accepting);
    json_i64(json, "batches", status->state.batches);
    json_i64(json, "readings", status->state.readings);
    json_i64(json, "bytes", status->state.bytes);
    json_i64(json, "quarantine_bytes", status->state.quarantined);
    json_u64(json, "first_seq", status->first_seq);
    json_u64(json, "next_seq", status->state.next_seq);
    json_u64(json, "readings_taken", status->counts.readings);
    json_u64(json, "batches_made", status->counts.batches);
    json_u64(json, "batches_acked", status->counts.acked);
    json_u64(json, "commits", status->counts.commits);
    json_u64(json, "readings_refused", status->counts.refused);
    json_u64(json, "readings_dropped", status->counts.dropped_readings);
    json_u64(json, "batches_damaged", status->counts.damaged);
    json_object_end(json);
}

static enum err answer_status(struct bridge *bridge, struct buffer *out)
{
    char not_after[CLOCK_TEXT_MAX];
    struct spool_status status;
    struct json json = json_start(out);
    spool_thread_status(bridge->spool, &status);
    json_object(&json, NULL);
    json_string(&json, "program", "bourdon-bridge " BOURDON_VERSION);
    json_string(&json, "bridge", bridge->options.bridge.name);
    json_hex(&json, "epoch", spool_thread_epoch(bridge->spool), BATCH_EPOCH_SIZE);
    json_string(&json, "state", state_names[bridge->state]);
    json_i64(&json, "uptime_s", (clock_mono_us() - bridge->started_us) / CLOCK_US_PER_S);
    json_string(&json, "certificate_not_after",
                clock_format(tls_context_not_after_us(bridge->options.tls), not_after));
    write_spool(&json, &status);
    json_key(&json, "uplink");
    json_fail(&json, uplink_status(bridge->uplink, out));
    if (bridge->field) {
        json_key(&json, "links");
        json_fail(&json, field_status(bridge->field, out));
    }
    if (bridge->gateway) {
        json_key(&json, "gateway");
        json_fail(&json, gateway_status(bridge->gateway, out));
    }
    json_object_end(&json);
    return json_finish(&json);
}

static void fill_metrics(const struct bridge *bridge, metric_value *values)
{
    struct spool_status status;
    spool_thread_status(bridge->spool, &status);
    metric_set(&values[SPOOL_READINGS], (int64_t)status.counts.readings);
    metric_set(&values[SPOOL_BATCHES], (int64_t)status.counts.batches);
    metric_set(&values[SPOOL_COMMITS], (int64_t)status.counts.commits);
    metric_set(&values[SPOOL_REFUSED], (int64_t)status.counts.refused);
    metric_set(&values[SPOOL_LOST], (int64_t)status.counts.dropped_readings);
    metric_set(&values[SPOOL_DAMAGED], (int64_t)status.counts.damaged);
    metric_set(&values[SPOOL_WAITING_BATCHES], status.state.batches);
    metric_set(&values[SPOOL_WAITING_READINGS], status.state.readings);
    metric_set(&values[SPOOL_WAITING_BYTES], status.state.bytes);
    metric_set(&values[SPOOL_QUARANTINE_BYTES], status.state.quarantined);
    metric_set(&values[SPOOL_ACCEPTING], status.accepting);
    metric_set(&values[CERTIFICATE_NOT_AFTER],
               tls_context_not_after_us(bridge->options.tls) / CLOCK_US_PER_S);
}

static enum err answer_metrics(struct bridge *bridge, struct buffer *out)
{
    metric_value values[METRICS];
    fill_metrics(bridge, values);
    enum err result = metrics_write(out, table, values);
    if (result == ERR_OK) {
        result = uplink_metrics(bridge->uplink, out);
    }
    if (result == ERR_OK) {
        result = gateway_metrics(bridge->gateway, out);
    }
    return result == ERR_OK && bridge->field ? field_metrics(bridge->field, out) : result;
}

static enum err answer_values(struct bridge *bridge, const char *text, struct buffer *out)
{
    struct board_query query;
    struct json json = json_start(out);
    json_object(&json, NULL);
    if (!bridge->field || !board_query_parse(text, &query)) {
        json_string(&json, "error",
                    bridge->field ? "expected: values SKIP ROWS [PATTERN]" : "nothing is polled");
    } else {
        json_string(&json, "bridge", bridge->options.bridge.name);
        json_i64(&json, "now_us", clock_wall_us());
        board_answer(bridge->board, &query, &json);
    }
    json_object_end(&json);
    return json_finish(&json);
}

static const struct {
    const char *request;
    enum err (*answer)(struct bridge *bridge, struct buffer *out);
} answers[] = {{"status", answer_status}, {"metrics", answer_metrics}};

static void say(struct buffer *out, const char *text)
{
    (void)!buffer_append(out, text, strlen(text)); /* an answer that does not fit stays empty */
}

static void say_result(struct buffer *out, enum err result)
{
    if (result != ERR_OK) {
        buffer_clear(out);
        say(out, "{\"error\":\"the answer is too large\"}");
    }
}

/* "end-session N" */
static bool answer_end_session(struct bridge *bridge, const char *request, struct buffer *out)
{
    static const char verb[] = "end-session ";
    if (strncmp(request, verb, sizeof verb - 1) != 0) {
        return false;
    }
    uint64_t number = strtoull(request + sizeof verb - 1, NULL, 10);
    bool ended = bridge->gateway && gateway_end_session(bridge->gateway, number);
    say(out, ended ? "{\"ended\":true}" : "{\"error\":\"the gateway has no such session\"}");
    return true;
}

void bridge_report_answer(void *owner, const char *request, struct buffer *out)
{
    static const char values[] = "values ";
    if (strncmp(request, values, sizeof values - 1) == 0) {
        say_result(out, answer_values(owner, request + sizeof values - 1, out));
        return;
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(request, answers[i].request) == 0) {
            say_result(out, answers[i].answer(owner, out));
            return;
        }
    }
    if (!answer_end_session(owner, request, out)) {
        say(out, "{\"error\":\"unknown request: status, metrics, values SKIP ROWS [PATTERN] or "
                 "end-session NUMBER\"}");
    }
}
