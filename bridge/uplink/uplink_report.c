#include "base/clock.h"
#include "base/json.h"
#include "uplink/uplink_state.h"

static const char *const state_names[] = {
    [UPLINK_WAITING] = "waiting",   [UPLINK_CONNECTING] = "connecting", [UPLINK_JOINING] = "connected",
    [UPLINK_SENDING] = "connected", [UPLINK_STOPPED] = "stopped",
};

static const struct metric table[UPLINK_METRICS + 1] = {
    [UPLINK_CONNECTED] = {"bourdon_bridge_connected", METRIC_GAUGE,
                          "Whether a server has welcomed this bridge.", NULL},
    [UPLINK_SESSIONS] = {"bourdon_bridge_sessions_total", METRIC_COUNTER, "Sessions a server has welcomed.",
                         NULL},
    [UPLINK_FAILURES] = {"bourdon_bridge_session_failures_total", METRIC_COUNTER,
                         "Attempts and sessions that ended otherwise than by our wish.", NULL},
    [UPLINK_SENT_BATCHES] = {"bourdon_bridge_batches_sent_total", METRIC_COUNTER,
                             "Batches sent, each time counted.", NULL},
    [UPLINK_SENT_BYTES] = {"bourdon_bridge_bytes_sent_total", METRIC_COUNTER,
                           "Encoded bytes of the batches sent.", NULL},
    [UPLINK_COMMITTED] = {"bourdon_bridge_batches_answered_total", METRIC_COUNTER, "Answers of the server.",
                          "result=\"committed\""},
    [UPLINK_DUPLICATE] = {"bourdon_bridge_batches_answered_total", METRIC_COUNTER, "Answers of the server.",
                          "result=\"duplicate\""},
    [UPLINK_RETRIED] = {"bourdon_bridge_batches_answered_total", METRIC_COUNTER, "Answers of the server.",
                        "result=\"retry_after\""},
    [UPLINK_REJECTED] = {"bourdon_bridge_batches_answered_total", METRIC_COUNTER, "Answers of the server.",
                         "result=\"rejected\""},
    [UPLINK_READINGS] = {"bourdon_bridge_readings_acked_total", METRIC_COUNTER,
                         "Readings the server has committed.", NULL},
    [UPLINK_OUTSTANDING] = {"bourdon_bridge_batches_outstanding", METRIC_GAUGE,
                            "Batches sent and not yet answered.", NULL},
};

static void write_counts(struct json *json, const struct uplink *uplink)
{
    json_i64(json, "sessions", metric_get(&uplink->metrics[UPLINK_SESSIONS]));
    json_i64(json, "failures", metric_get(&uplink->metrics[UPLINK_FAILURES]));
    json_i64(json, "batches_sent", metric_get(&uplink->metrics[UPLINK_SENT_BATCHES]));
    json_i64(json, "bytes_sent", metric_get(&uplink->metrics[UPLINK_SENT_BYTES]));
    json_i64(json, "committed", metric_get(&uplink->metrics[UPLINK_COMMITTED]));
    json_i64(json, "duplicates", metric_get(&uplink->metrics[UPLINK_DUPLICATE]));
    json_i64(json, "retried", metric_get(&uplink->metrics[UPLINK_RETRIED]));
    json_i64(json, "rejected", metric_get(&uplink->metrics[UPLINK_REJECTED]));
    json_i64(json, "readings_acked", metric_get(&uplink->metrics[UPLINK_READINGS]));
    json_i64(json, "outstanding", metric_get(&uplink->metrics[UPLINK_OUTSTANDING]));
}

static void write_latency(struct json *json, const struct uplink *uplink)
{
    json_object(json, "read_to_ack_us");
    json_i64(json, "p50_at_most", histogram_quantile_us(&uplink->latency, 0.5));
    json_i64(json, "p99_at_most", histogram_quantile_us(&uplink->latency, 0.99));
    json_object_end(json);
    json_object(json, "sent_to_ack_us");
    json_i64(json, "p50_at_most", histogram_quantile_us(&uplink->rtt, 0.5));
    json_i64(json, "p99_at_most", histogram_quantile_us(&uplink->rtt, 0.99));
    json_object_end(json);
}

enum err uplink_status(const struct uplink *uplink, struct buffer *out)
{
    struct json json = json_start(out);
    bool connected = uplink_is_connected(uplink);
    json_object(&json, NULL);
    json_string(&json, "state", state_names[uplink->state]);
    json_string(&json, "server", uplink->options.endpoints[uplink->endpoints.current]);
    json_string(&json, "address", uplink->channel ? channel_address(uplink->channel) : "");
    json_string(&json, "cipher", uplink->channel ? channel_cipher(uplink->channel) : "");
    json_string(&json, "server_software", connected ? uplink->hello.server : "");
    json_i64(&json, "connected_s", connected ? (clock_mono_us() - uplink->ready_us) / CLOCK_US_PER_S : 0);
    json_string(&json, "last_failure", uplink->last_failure);
    write_counts(&json, uplink);
    write_latency(&json, uplink);
    json_object_end(&json);
    return json_finish(&json);
}

enum err uplink_metrics(const struct uplink *uplink, struct buffer *out)
{
    enum err result = metrics_write(out, table, uplink->metrics);
    if (result == ERR_OK) {
        result = metrics_write_histogram(out, "bourdon_bridge_ack_seconds",
                                         "Sending of a batch to its answer.", &uplink->rtt);
    }
    if (result == ERR_OK) {
        result = metrics_write_histogram(out, "bourdon_bridge_read_to_ack_seconds",
                                         "Taking of the last reading of a live batch to its answer.",
                                         &uplink->latency);
    }
    return result;
}
