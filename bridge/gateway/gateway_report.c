#include "base/clock.h"
#include "base/json.h"
#include "gateway/gateway.h"
#include "gateway/session.h"

#include <stdio.h>

static const struct metric table[GATEWAY_COUNTERS + 1] = {
    [GATEWAY_SESSIONS] = {"bourdon_bridge_gateway_sessions", METRIC_GAUGE, "Sessions of clients now.", NULL},
    [GATEWAY_HANDSHAKES] = {"bourdon_bridge_gateway_handshakes", METRIC_GAUGE, "TLS handshakes in progress.",
                            NULL},
    [GATEWAY_OPENED] = {"bourdon_bridge_gateway_sessions_total", METRIC_COUNTER, "Sessions that were opened.",
                        NULL},
    [GATEWAY_REFUSED] = {"bourdon_bridge_gateway_refused_total", METRIC_COUNTER,
                         "Connections that never became a session.", NULL},
    [GATEWAY_REQUESTS] = {"bourdon_bridge_gateway_requests_total", METRIC_COUNTER, "Requests of clients.",
                          NULL},
    [GATEWAY_READS] = {"bourdon_bridge_gateway_reads_total", METRIC_COUNTER,
                       "Reads that came back from a link.", NULL},
    [GATEWAY_WRITES] = {"bourdon_bridge_gateway_writes_total", METRIC_COUNTER,
                        "Writes that came back from a link.", NULL},
    [GATEWAY_DENIED] = {"bourdon_bridge_gateway_denied_total", METRIC_COUNTER,
                        "Requests denied: exception 01.", NULL},
    [GATEWAY_CACHED] = {"bourdon_bridge_gateway_cached_total", METRIC_COUNTER, "Reads answered by a poll.",
                        NULL},
    [GATEWAY_SHARED] = {"bourdon_bridge_gateway_shared_total", METRIC_COUNTER,
                        "Reads answered by the same read of another client.", NULL},
    [GATEWAY_NO_PATH] = {"bourdon_bridge_gateway_no_path_total", METRIC_COUNTER,
                         "Requests to unknown units: exception 0A.", NULL},
    [GATEWAY_NO_ANSWER] = {"bourdon_bridge_gateway_no_answer_total", METRIC_COUNTER,
                           "Requests that no PLC answered: exception 0B.", NULL},
    [GATEWAY_BUSY] = {"bourdon_bridge_gateway_busy_total", METRIC_COUNTER,
                      "Requests too many at once, or writes while the audit fails: exceptions 06 and 04.",
                      NULL},
    [GATEWAY_MALFORMED] = {"bourdon_bridge_gateway_malformed_total", METRIC_COUNTER,
                           "Requests that break the standard: exceptions 01 to 03.", NULL},
};

static void write_session(struct json *json, const struct session *session, int64_t now_us)
{
    const struct tls_peer *peer = io_peer(session->io);
    json_object(json, NULL);
    json_u64(json, "session", session->number);
    json_string(json, "address", io_address(session->io));
    json_string(json, "subject", peer->subject);
    json_string(json, "serial", peer->serial);
    json_string(json, "role", session->role);
    json_i64(json, "age_s", (now_us - session->accepted_us) / CLOCK_US_PER_S);
    json_i64(json, "unused_s", (now_us - session->used_us) / CLOCK_US_PER_S);
    json_u64(json, "reads", session->reads);
    json_u64(json, "writes", session->writes);
    json_u64(json, "denied", session->denied);
    json_object_end(json);
}

static void write_audit(struct json *json, struct audit *audit)
{
    struct audit_head head;
    audit_head(audit, &head);
    json_object(json, "audit");
    json_bool(json, "failing", head.failing);
    if (head.failing) {
        json_string(json, "reason", head.reason);
    }
    json_u64(json, "records", head.last.sequence);
    json_u64(json, "lost", head.lost);
    json_hex(json, "last_hash", head.last.hash, AUDIT_HASH_SIZE);
    json_object_end(json);
}

struct report {
    struct buffer *out;
    enum err result;
};

static void write_status(struct gateway *gateway, void *argument)
{
    struct report *report = argument;
    struct json json = json_start(report->out);
    int64_t now_us = clock_mono_us();
    json_object(&json, NULL);
    json_i64(&json, "requests", metric_get(&gateway->counters[GATEWAY_REQUESTS]));
    json_i64(&json, "denied", metric_get(&gateway->counters[GATEWAY_DENIED]));
    json_i64(&json, "writes", metric_get(&gateway->counters[GATEWAY_WRITES]));
    json_i64(&json, "no_answer", metric_get(&gateway->counters[GATEWAY_NO_ANSWER]));
    json_i64(&json, "handshakes", metric_get(&gateway->counters[GATEWAY_HANDSHAKES]));
    write_audit(&json, gateway->audit);
    json_array(&json, "sessions");
    for (const struct session *session = gateway->sessions; session; session = session->next) {
        if (session->open) {
            write_session(&json, session, now_us);
        }
    }
    json_array_end(&json);
    json_object_end(&json);
    report->result = json_finish(&json);
}

enum err gateway_status(struct gateway *gateway, struct buffer *out)
{
    struct report report = {.out = out, .result = ERR_OK};
    gateway_call(gateway, write_status, &report);
    return report.result;
}

enum err gateway_metrics(struct gateway *gateway, struct buffer *out)
{
    return gateway ? metrics_write(out, table, gateway->counters) : ERR_OK;
}

struct ending {
    uint64_t number;
    bool found;
};

static void end_session(struct gateway *gateway, void *argument)
{
    struct ending *ending = argument;
    for (struct session *session = gateway->sessions; session; session = session->next) {
        if (session->open && session->number == ending->number) {
            ending->found = true;
            session_expel(session, "ended by an operator of the bridge");
            return;
        }
    }
}

bool gateway_end_session(struct gateway *gateway, uint64_t number)
{
    struct ending ending = {.number = number};
    gateway_call(gateway, end_session, &ending);
    return ending.found;
}
