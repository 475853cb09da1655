#include "gateway/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "gateway/exchange.h"
#include "gateway/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the end ---- */

static void unlink_session(struct session *session)
{
    struct gateway *gateway = session->gateway;
    if (session->previous) {
        session->previous->next = session->next;
    } else {
        gateway->sessions = session->next;
    }
    if (session->next) {
        session->next->previous = session->previous;
    }
    gateway_count(gateway, session->open ? GATEWAY_SESSIONS : GATEWAY_HANDSHAKES, -1);
}

static void log_refused(struct session *session, const char *reason)
{
    uint64_t suppressed;
    gateway_count(session->gateway, GATEWAY_REFUSED, 1);
    if (log_limit_allow(&session->gateway->refused_limit, clock_mono_us(), &suppressed)) {
        log_warn("gateway", log_event("refused"), log_str("address", io_address(session->io)),
                 log_str("reason", reason), log_u64("suppressed", suppressed));
    }
}

void session_close(struct session *session, const char *reason)
{
    if (session->doomed) {
        return;
    }
    session->doomed = true;
    if (session->open) {
        record_closed(session, reason);
        log_info("gateway", log_event("session_closed"), log_u64("session", session->number),
                 log_str("address", io_address(session->io)),
                 log_str("subject", io_peer(session->io)->subject), log_str("reason", reason),
                 log_u64("reads", session->reads), log_u64("writes", session->writes),
                 log_u64("denied", session->denied));
    } else {
        log_refused(session, reason);
    }
    exchange_abandon(session);
    unlink_session(session);
    io_free(session->io);
    /* Whoever called may still look at it: it is buried by the next tick. */
    session->next = session->gateway->graves;
    session->gateway->graves = session;
}

void session_expel(struct session *session, const char *reason)
{
    exchange_cancel(session);
    session_close(session, reason);
}

void session_bury_all(struct gateway *gateway)
{
    struct session **place = &gateway->graves;
    while (*place) {
        struct session *session = *place;
        if (session->outstanding > 0) {
            place = &session->next;
            continue;
        }
        *place = session->next;
        free(session);
    }
}

/* ---- limits ---- */

static bool is_same_host(const char *a, const char *b)
{
    const char *a_end = strrchr(a, ':');
    const char *b_end = strrchr(b, ':');
    return a_end && b_end && a_end - a == b_end - b && memcmp(a, b, (size_t)(a_end - a)) == 0;
}

static bool is_same_subject(const struct session *a, const struct session *b)
{
    return strcmp(io_peer(a->io)->subject, io_peer(b->io)->subject) == 0;
}

/* Makes room for a session that has just been verified: strangers push nobody out. False: all are in use. */
static bool make_room(struct session *session, bool same_subject, int64_t limit, const char *reason)
{
    struct session *unused = NULL;
    int64_t count = 0;
    for (struct session *other = session->gateway->sessions; other; other = other->next) {
        if (other == session || !other->open || (same_subject && !is_same_subject(other, session))) {
            continue;
        }
        count++;
        if (other->outstanding == 0 && (!unused || other->used_us < unused->used_us)) {
            unused = other;
        }
    }
    if (count < limit) {
        return true;
    }
    if (unused) {
        session_close(unused, reason);
    }
    return unused != NULL;
}

static bool is_too_many_from_address(const struct session *session)
{
    int64_t count = 0;
    for (const struct session *other = session->gateway->sessions; other; other = other->next) {
        count += is_same_host(io_address(other->io), io_address(session->io));
    }
    return count > session->gateway->limits.per_address;
}

static void end_oldest_handshake(struct gateway *gateway, const struct session *newest)
{
    struct session *oldest = NULL;
    int64_t count = 0;
    for (struct session *other = gateway->sessions; other; other = other->next) {
        count += !other->open;
        oldest = other->open || other == newest ? oldest : other; /* the list is newest first */
    }
    if (count > gateway->limits.handshakes && oldest) {
        session_close(oldest, "too many handshakes at once, and this was the oldest");
    }
}

/* ---- events of the connection ---- */

void session_find_rules(struct session *session)
{
    session->rules = policy_find(session->gateway->policy, session->role);
}

static void opened(void *owner)
{
    struct session *session = owner;
    struct gateway *gateway = session->gateway;
    const struct tls_peer *peer = io_peer(session->io);
    struct err_text why = {.text = ""};
    bool reloaded = session->generation != gateway->generation; /* since the handshake began */
    if (reloaded && io_judge(session->io, gateway->tls, &why) != ERR_OK) {
        session_close(session, why.text);
        return;
    }
    if (!make_room(session, true, gateway->limits.per_identity, "its identity opened a newer session") ||
        !make_room(session, false, gateway->limits.connections, "a newer session needed the room")) {
        session_close(session, "too many sessions, and all of them in use");
        return;
    }
    gateway_count(gateway, GATEWAY_HANDSHAKES, -1);
    gateway_count(gateway, GATEWAY_SESSIONS, 1);
    gateway_count(gateway, GATEWAY_OPENED, 1);
    session->open = true;
    session->number = ++gateway->last_session;
    session->opened_wall_us = clock_wall_us();
    session->used_us = clock_mono_us();
    session->peer = *peer;
    peer = &session->peer;
    snprintf(session->address, sizeof session->address, "%s", io_address(session->io));
    session->role = peer->role_count == 1 && peer->role[0] != '\0' ? peer->role : NULL;
    session_find_rules(session);
    record_opened(session);
    log_info("gateway", log_event("session_opened"), log_u64("session", session->number),
             log_str("address", io_address(session->io)), log_str("subject", peer->subject),
             log_str("serial", peer->serial), log_str("role", session->role ? session->role : "(none)"),
             log_str("cipher", io_cipher(session->io)));
}

static void received(void *owner, struct bytes bytes)
{
    struct session *session = owner;
    int64_t now_us = clock_mono_us();
    for (;;) {
        struct mbap adu;
        switch (mbap_read(&session->reader, &bytes, &adu)) {
        case MBAP_ADU:
            exchange_request(session, &adu, now_us);
            if (session->doomed) {
                return;
            }
            break;
        case MBAP_DISCARDED:
            break;
        case MBAP_NEED_MORE:
            session->frame_us = !mbap_reader_is_inside(&session->reader) ? 0
                                : session->frame_us > 0                  ? session->frame_us
                                                                         : now_us;
            return;
        case MBAP_BROKEN:
            session_close(session, "a length that no Modbus frame has");
            return;
        }
        session->frame_us = 0;
    }
}

static void closed(void *owner, enum err code, const char *reason)
{
    struct session *session = owner;
    (void)code;
    session_close(session, reason);
}

static const struct io_events io_callbacks = {.opened = opened, .received = received, .closed = closed};

static struct session *new_session(struct gateway *gateway, int fd)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        close(fd);
        return NULL;
    }
    *session = (struct session){
        .gateway = gateway, .generation = gateway->generation, .accepted_us = clock_mono_us()};
    const struct io_options options = {
        .loop = gateway->loop,
        .tls = gateway->tls,
        .events = &io_callbacks,
        .owner = session,
        .handshake_ms = gateway->limits.handshake_us / CLOCK_US_PER_MS,
        .out_limit = SESSION_OUT_MAX,
        .handshake_apart = true,
    };
    if (io_accept(&options, fd, &session->io) != ERR_OK) {
        free(session);
        return NULL;
    }
    return session;
}

void session_accept(struct gateway *gateway, int fd)
{
    struct session *session = new_session(gateway, fd);
    if (!session) {
        return;
    }
    session->next = gateway->sessions;
    if (session->next) {
        session->next->previous = session;
    }
    gateway->sessions = session;
    gateway_count(gateway, GATEWAY_HANDSHAKES, 1);
    if (is_too_many_from_address(session)) {
        session_close(session, "too many connections from this address");
        return;
    }
    end_oldest_handshake(gateway, session);
}

void session_answer(struct session *session, uint16_t transaction, uint8_t unit, struct bytes pdu)
{
    uint8_t frame[MBAP_ADU_MAX];
    struct wire_writer writer = wire_writer(frame, sizeof frame);
    const struct mbap adu = {.transaction = transaction, .unit = unit, .pdu = pdu};
    mbap_write(&writer, &adu);
    const struct bytes bytes = {.data = frame, .size = wire_written(&writer)};
    if (writer.failed || io_write(session->io, bytes) != ERR_OK) {
        session_close(session, "it does not take its answers");
    }
}

void session_tick(struct session *session, int64_t now_us, int64_t wall_us)
{
    const struct gateway_limit_options *limits = &session->gateway->limits;
    if (!session->open) {
        return;
    }
    record_pending(session, now_us);
    if (session->frame_us > 0 && now_us - session->frame_us > limits->frame_us) {
        session_close(session, "a request was begun and not finished in time");
    } else if (limits->idle_us > 0 && session->outstanding == 0 &&
               now_us - session->used_us > limits->idle_us) {
        session_close(session, "no request for the longest time allowed");
    } else if (io_peer(session->io)->not_after_us <= wall_us) {
        session_expel(session, "its certificate has expired");
    }
}

void session_judge(struct session *session, const struct tls_context *tls)
{
    struct err_text why = {.text = ""};
    if (session->open && io_judge(session->io, tls, &why) != ERR_OK) {
        session_expel(session, why.text);
    }
}
