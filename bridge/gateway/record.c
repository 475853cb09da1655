#include "gateway/record.h"

#include "base/clock.h"

#include <stdio.h>

/* What every record of a session begins with. */
static struct audit_record begin(const struct session *session, const char *event)
{
    return (struct audit_record){
        .event = event,
        .time_us = clock_wall_us(),
        .session = session->number,
        .peer = session->address,
        .certificate = &session->peer,
        .role = session->role,
    };
}

void record_opened(struct session *session)
{
    struct audit_record record = begin(session, "session_opened");
    record.can_wait = true;
    audit_put(session->gateway->audit, &record);
}

static void tell_counted(struct session *session)
{
    if (session->denials_counted > 0) {
        struct audit_record record = begin(session, "denied_more");
        record.count = session->denials_counted;
        audit_put(session->gateway->audit, &record);
        session->denials_counted = 0;
    }
}

void record_closed(struct session *session, const char *reason)
{
    tell_counted(session);
    struct audit_record record = begin(session, "session_closed");
    record.reason = reason;
    record.reads = session->reads;
    record.writes = session->writes;
    record.denied = session->denied;
    record.has_counts = true;
    record.can_wait = true;
    audit_put(session->gateway->audit, &record);
}

void record_pending(struct session *session, int64_t now_us)
{
    if (now_us - session->denials_since_us >= SESSION_DENIAL_WINDOW_US) {
        tell_counted(session);
        session->denials_since_us = now_us;
        session->denials_recorded = 0;
    }
}

void record_denied(struct session *session, uint8_t unit, const struct pdu_request *request,
                   const struct policy_decision *decision, int64_t now_us)
{
    record_pending(session, now_us);
    if (session->denials_recorded >= SESSION_DENIALS_RECORDED) {
        session->denials_counted++;
        return;
    }
    session->denials_recorded++;
    struct audit_record record = begin(session, "denied");
    record.request = request;
    record.unit = unit;
    record.has_values = decision->write && decision->verdict >= POLICY_VALUE;
    record.rule = decision->closest ? decision->closest->name : NULL;
    record.reason = policy_verdict_text(decision->verdict);
    audit_put(session->gateway->audit, &record);
}

static const char *result_text(const struct live_request *live, char *text, size_t size)
{
    switch (live->result) {
    case LIVE_NO_ANSWER:
        return live->sent ? "sent, no answer" : "not sent";
    case LIVE_DENIED:
        return "denied";
    case LIVE_UNVERIFIED:
        return "answered, but not found when read back";
    case LIVE_ANSWERED:
        break;
    }
    if (live->answer_size == 2 && live->answer[0] & 0x80) {
        snprintf(text, size, "exception %u", live->answer[1]);
        return text;
    }
    return "done";
}

void record_write(struct session *session, const struct transaction *transaction)
{
    char text[32];
    const struct live_request *live = &transaction->live;
    struct audit_record record = begin(session, live->result == LIVE_DENIED ? "denied" : "write");
    record.request = &live->request;
    record.unit = transaction->unit;
    record.has_values = true;
    record.old = (struct bytes){.data = live->old, .size = live->old_size};
    record.rule = transaction->rule_name;
    record.result = result_text(live, text, sizeof text);
    record.reason = live->result == LIVE_DENIED ? policy_verdict_text(POLICY_CHANGE) : NULL;
    audit_put(session->gateway->audit, &record);
}
