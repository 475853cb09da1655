#include "front/peer.h"

#include "base/clock.h"
#include "front/gate.h"
#include "front/handshakes.h"
#include "front/ingest.h"
#include "front/peer_rivals.h"
#include "front/rounds.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Acks of a full window and a hello; a bridge that does not read them is dropped. */
enum { OUT_LIMIT = 512 * 1024 };

static void count(const struct peer *peer, enum server_metric which, int64_t amount)
{
    server_count(peer->listener->front->metrics, which, amount);
}

static const char *name_of(const struct peer *peer)
{
    return peer->bridge ? peer->bridge->name : "";
}

/* ---- life ---- */

void peer_unref(struct peer *peer)
{
    if (atomic_fetch_sub(&peer->references, 1) == 1) {
        free(peer);
    }
}

static void link_peer(struct peer *peer)
{
    struct listener *listener = peer->listener;
    peer->next = listener->peers;
    if (peer->next) {
        peer->next->previous = peer;
    }
    listener->peers = peer;
}

static void unlink_peer(struct peer *peer)
{
    if (peer->next) {
        peer->next->previous = peer->previous;
    }
    if (peer->previous) {
        peer->previous->next = peer->next;
    } else {
        peer->listener->peers = peer->next;
    }
}

/* ---- the end ---- */

/* The connection is over: releases everything but the memory that the store's requests point to. */
static void release(struct peer *peer)
{
    struct front_context *front = peer->listener->front;
    if (peer->state == PEER_HANDSHAKE) {
        handshakes_remove(peer);
    }
    if (peer->opened) {
        count(peer, SERVER_SESSIONS, -1);
    }
    peer->state = PEER_GONE;
    rounds_leave(peer);
    roster_leave(front->roster, &peer->session);
    admission_leave(front->admission, peer->address);
    io_free(peer->io);
    receiver_free(peer->receiver);
    catalogs_give_back(peer->listener->catalogs, &peer->catalogs);
    peer->io = NULL;
    peer->receiver = NULL;
    store_queue_free(&peer->refused);
    unlink_peer(peer);
    listener_peer_left(peer->listener);
    peer_unref(peer);
}

void peer_drop(struct peer *peer)
{
    if (peer->state != PEER_GONE) {
        release(peer);
    }
}

/* ---- the session's events: they only note ---- */

static void send_bytes(void *owner, struct bytes bytes)
{
    struct peer *peer = owner;
    if (peer->broken == ERR_OK) {
        peer->broken = io_write(peer->io, bytes);
    }
}

static void session_opens(void *owner, const struct frame_open *open)
{
    struct peer *peer = owner;
    peer->first_sequence = open->first_sequence;
    peer->next_sequence = open->next_sequence;
    memcpy(peer->session.epoch, open->epoch, sizeof peer->session.epoch);
    if (roster_enter(peer->listener->front->roster, peer->bridge, &peer->session)) {
        ingest_look_up(peer);
        return;
    }
    int64_t third_ms = peer->listener->policy->hello.t1_ms / 3;
    int64_t wait_ms = third_ms < PEER_CHALLENGE_MS ? third_ms : PEER_CHALLENGE_MS;
    peer->challenge_until_us = clock_mono_us() + wait_ms * CLOCK_US_PER_MS;
}

/* It was challenged, and its bridge is still there. */
static void session_probed(void *owner)
{
    struct peer *peer = owner;
    (void)roster_defend(peer->listener->front->roster, &peer->session);
}

static void catalog_arrived(void *owner, const struct catalog *catalog)
{
    ingest_catalog(owner, catalog);
}

static void batch_arrived(void *owner, const struct batch_view *view, bool historical)
{
    ingest_batch(owner, view, historical);
}

static const struct catalog *find_catalog(void *owner, const uint8_t *hash)
{
    struct peer *peer = owner;
    return catalogs_find(peer->listener->catalogs, hash, &peer->catalogs);
}

static bool keep_catalog(void *owner, struct catalog *catalog)
{
    struct peer *peer = owner;
    return catalogs_keep(peer->listener->catalogs, catalog, &peer->catalogs);
}

static void batch_rejected(void *owner, uint64_t sequence, const char *text)
{
    struct peer *peer = owner;
    uint64_t suppressed;
    metric_add(&peer->bridge->rejected, 1);
    count(peer, SERVER_BATCHES_REJECTED, 1);
    if (log_limit_allow(&peer->listener->limit_malformed, clock_mono_us(), &suppressed)) {
        log_warn("ingest", log_event("batch_rejected"), log_str("bridge", name_of(peer)),
                 log_u64("seq", sequence), log_str("reason", text), log_u64("suppressed", suppressed));
    }
}

/* The end of a session that was announced, or stored something, is worth a line; what a stranger can cause
 * again and again is limited. */
static bool worth_a_line(struct peer *peer)
{
    uint64_t suppressed;
    return peer->announced || peer->batches > 0 ||
           log_limit_allow(&peer->listener->limit_malformed, clock_mono_us(), &suppressed);
}

static void session_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct peer *peer = owner;
    count(peer, SERVER_PROTOCOL_ERRORS, reason == BYE_PROTOCOL);
    count(peer, SERVER_TIMEOUTS, code == ERR_TIMEOUT);
    if (!peer->bridge || !worth_a_line(peer)) {
        return;
    }
    LOG_AT(code == ERR_OK ? LOG_INFO : LOG_WARN, "front", log_event("session_closed"),
           log_str("bridge", name_of(peer)),
           log_hex("epoch", peer->session.epoch, sizeof peer->session.epoch),
           log_str("address", io_address(peer->io)), log_str("reason", bye_reason_name(reason)),
           log_str("text", text), log_u64("batches", peer->batches), log_u64("readings", peer->readings));
}

static const struct receiver_events session_events = {
    .send = send_bytes,
    .open = session_opens,
    .catalog = catalog_arrived,
    .batch = batch_arrived,
    .find_catalog = find_catalog,
    .keep_catalog = keep_catalog,
    .rejected = batch_rejected,
    .probed = session_probed,
    .closed = session_closed,
};

/* ---- what the events noted ---- */

static void part(struct peer *peer)
{
    peer->state = PEER_PARTING;
    rounds_leave(peer);
    roster_leave(peer->listener->front->roster, &peer->session);
    io_shutdown(peer->io, LISTENER_LINGER_MS);
}

/* While the store is behind, a bridge that waits for answers is not read, but never so long that its session
 * would take it for dead. */
static void pause_or_resume(struct peer *peer)
{
    bool behind = peer->requests > 0 && store_thread_is_behind(peer->listener->front->store);
    if (behind && peer->paused_until_us == 0) {
        peer->paused_until_us = clock_mono_us() + LISTENER_PAUSE_MAX_MS * CLOCK_US_PER_MS;
        count(peer, SERVER_PAUSES, 1);
        io_pause(peer->io);
    } else if (peer->paused_until_us != 0 && (!behind || clock_mono_us() >= peer->paused_until_us)) {
        peer->paused_until_us = 0;
        io_resume(peer->io);
    }
}

static int64_t earlier(int64_t a_us, int64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* When it is to be looked at next. Who waits for the store may have to be paused or resumed at any time. */
static int64_t due_us(const struct peer *peer)
{
    int64_t now_us = clock_mono_us();
    if (peer->requests > 0 || peer->paused_until_us != 0) {
        return now_us;
    }
    int64_t due_us =
        earlier(receiver_deadline_us(peer->receiver), now_us + (peer->certificate_end_us - clock_wall_us()));
    return peer->challenge_until_us != 0 ? earlier(due_us, peer->challenge_until_us) : due_us;
}

void peer_settle(struct peer *peer)
{
    if (peer->state != PEER_SESSION) {
        return;
    }
    ingest_refused(peer);
    if (peer->draining && peer->requests == 0 && receiver_state(peer->receiver) != RECEIVER_CLOSED) {
        receiver_goodbye(peer->receiver, BYE_SHUTTING_DOWN, "the server is being stopped", clock_mono_us());
    }
    if (receiver_state(peer->receiver) == RECEIVER_CLOSED) {
        part(peer);
    } else if (peer->broken != ERR_OK) {
        log_warn("front", log_event("session_dropped"), log_str("bridge", name_of(peer)),
                 log_str("address", io_address(peer->io)), log_str("reason", err_name(peer->broken)));
        peer_drop(peer);
    } else {
        if (!peer->draining) {
            pause_or_resume(peer);
        }
        rounds_plan(peer, due_us(peer));
    }
}

void peer_goodbye(struct peer *peer, enum bye_reason reason, const char *text)
{
    if (peer->state == PEER_SESSION) {
        receiver_goodbye(peer->receiver, reason, text, clock_mono_us());
    }
}

/* ---- the connection's events ---- */

static size_t sessions_of(const struct server_metrics *metrics)
{
    int64_t count =
        metric_get(&metrics->values[SERVER_CONNECTIONS]) - metric_get(&metrics->values[SERVER_HANDSHAKES]);
    return count > 0 ? (size_t)count : 0;
}

static enum err start_session(struct peer *peer, int64_t now_us)
{
    struct listener *listener = peer->listener;
    struct receiver_options options = {
        .events = &session_events,
        .owner = peer,
        .decoder = listener->decoder,
        .hello = listener->policy->hello,
    };
    options.hello.wall_us = clock_wall_us();
    options.hello.t3_ms = policy_t3_ms(listener->policy, sessions_of(listener->front->metrics));
    peer->session.tell = peer_rivals_tell;
    peer->receiver = receiver_new(&options, now_us);
    return peer->receiver ? ERR_OK : ERR_NO_MEMORY;
}

/* Whoever is not admitted is told why, and goes. So does everybody while the store has not been reached yet:
 * HELLO would name a store nobody has seen. That needs no line for each: the store has one. */
static enum err greet(struct peer *peer, int64_t now_us)
{
    struct err_text why;
    const struct tls_peer *shown = io_peer(peer->io);
    if (!gate_admits(peer, &why)) {
        gate_log_refused(peer, why.text);
        receiver_goodbye(peer->receiver, BYE_NOT_ALLOWED, why.text, now_us);
        return ERR_OK;
    }
    if (!peer->listener->policy->knows_store) {
        receiver_goodbye(peer->receiver, BYE_STORE_FAILED, "the store is away; come back later", now_us);
        return ERR_OK;
    }
    peer->bridge = roster_bridge(peer->listener->front->roster, shown->bridge);
    if (!peer->bridge) {
        return ERR_NO_MEMORY;
    }
    metric_set(&peer->bridge->certificate_end_us, shown->not_after_us);
    peer->certificate_end_us = shown->not_after_us;
    receiver_start(peer->receiver, now_us);
    return ERR_OK;
}

static void connection_opened(void *owner)
{
    struct peer *peer = owner;
    int64_t now_us = clock_mono_us();
    handshakes_remove(peer);
    peer->state = PEER_SESSION;
    enum err result = start_session(peer, now_us);
    if (result == ERR_OK) {
        result = greet(peer, now_us);
    }
    if (result != ERR_OK) {
        log_error("front", log_event("session_failed"), log_str("address", io_address(peer->io)),
                  log_str("reason", err_name(result)));
        peer_drop(peer);
        return;
    }
    peer_settle(peer);
}

static void bytes_received(void *owner, struct bytes bytes)
{
    struct peer *peer = owner;
    if (peer->state == PEER_SESSION) {
        receiver_receive(peer->receiver, bytes, clock_mono_us());
        peer_settle(peer);
    }
}

static void all_sent(void *owner)
{
    (void)owner;
}

static void connection_closed(void *owner, enum err code, const char *reason)
{
    struct peer *peer = owner;
    if (peer->state == PEER_HANDSHAKE) {
        count(peer, SERVER_REFUSED_HANDSHAKE, 1);
        gate_log_refused(peer, reason);
    } else if (peer->state == PEER_SESSION && worth_a_line(peer)) {
        log_warn("front", log_event("connection_lost"), log_str("bridge", name_of(peer)),
                 log_str("address", io_address(peer->io)), log_str("reason", reason),
                 log_u64("batches", peer->batches), log_u64("readings", peer->readings));
    } else {
        log_debug("front", log_event("connection_closed"), log_str("bridge", name_of(peer)),
                  log_str("result", err_name(code)), log_str("reason", reason));
    }
    release(peer);
}

static const struct io_events connection_events = {
    .opened = connection_opened,
    .received = bytes_received,
    .drained = all_sent,
    .closed = connection_closed,
};

/* ---- accepting ---- */

static void turn_away(struct listener *listener, enum admission_result result)
{
    uint64_t suppressed;
    if (log_limit_allow(&listener->limit_turned_away, clock_mono_us(), &suppressed)) {
        log_warn("front", log_event("turned_away"), log_str("limit", admission_result_name(result)),
                 log_u64("suppressed", suppressed));
    }
}

static enum err start_peer(struct listener *listener, struct admission_address *address, int fd)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    peer->listener = listener;
    peer->address = address;
    peer->generation = listener->generation;
    atomic_init(&peer->references, 1);
    struct io_options options = {
        .loop = listener->loop,
        .tls = listener->policy->tls,
        .events = &connection_events,
        .owner = peer,
        .handshake_ms = listener->policy->handshake_ms,
        .out_limit = OUT_LIMIT,
    };
    enum err result = io_accept(&options, fd, &peer->io);
    if (result != ERR_OK) {
        free(peer);
        return result;
    }
    link_peer(peer);
    handshakes_add(peer);
    return ERR_OK;
}

void peer_accept(struct listener *listener, int fd)
{
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    struct admission_address *address;
    (void)getpeername(fd, (struct sockaddr *)&from, &size);
    struct admission *admission = listener->front->admission;
    enum admission_result result =
        admission_enter(admission, &from, handshakes_has_place(listener), &address);
    if (result == ADMISSION_TOO_MANY_HANDSHAKES && handshakes_make_room(listener, &from)) {
        result = admission_enter(admission, &from, true, &address);
    }
    if (result != ADMISSION_GRANTED) {
        close(fd);
        turn_away(listener, result);
        return;
    }
    if (start_peer(listener, address, fd) != ERR_OK) {
        admission_handshake_done(listener->front->admission, address);
        admission_leave(listener->front->admission, address);
    }
}

/* ---- from the listener ---- */

void peer_tick(struct peer *peer, int64_t now_us)
{
    if (peer->state != PEER_SESSION) {
        return;
    }
    peer_rivals_hear(peer);
    peer_rivals_press(peer, now_us);
    if (now_us >= receiver_deadline_us(peer->receiver)) {
        receiver_tick(peer->receiver, now_us);
    }
    if (clock_wall_us() > peer->certificate_end_us) {
        peer_goodbye(peer, BYE_NOT_ALLOWED, "the bridge's certificate has expired");
    }
    peer_settle(peer);
}

void peer_judge(struct peer *peer)
{
    struct err_text why;
    if (peer->state == PEER_SESSION && !gate_admits(peer, &why)) {
        gate_log_refused(peer, why.text);
        peer_goodbye(peer, BYE_NOT_ALLOWED, why.text);
    }
    peer_settle(peer);
}

void peer_drain(struct peer *peer)
{
    peer->draining = true;
    if (peer->state == PEER_HANDSHAKE) {
        peer_drop(peer);
        return;
    }
    if (peer->state == PEER_SESSION) {
        io_pause(peer->io);
    }
    peer_settle(peer);
}
