#include "store_peer.h"

#include "base/clock.h"
#include "net/io.h"
#include "tunnel/batch_decoder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HANDSHAKE_MS = 5000, OUT_LIMIT = 1 << 20, HELD_MAX = 1024, KEPT_CATALOGS = 64 };

struct peer {
    struct loop *loop;
    struct peer_orders orders;
    struct io_listener *listener;
    char endpoint[32];
    struct batch_decoder *decoder;
    struct io *io;
    struct receiver *receiver;
    struct loop_timer *later; /* acts outside the receiver's callbacks */
    bool opened, cut;
    uint64_t catalogs_to_answer;
    uint8_t hashes[KEPT_CATALOGS][CATALOG_HASH_SIZE];
    uint64_t to_answer[HELD_MAX];
    size_t answer_count;
    struct peer_batch batches[PEER_BATCHES_MAX];
    struct peer_arrival arrivals[PEER_BATCHES_MAX * 2];
    size_t arrival_count;
    unsigned sessions, catalogs;
    size_t most_outstanding;
    enum bye_reason last_bye;
};

static uint64_t highest(const struct peer *peer)
{
    uint64_t seq = PEER_BATCHES_MAX - 1;
    while (seq > 0 && !peer->batches[seq].stored) {
        seq--;
    }
    return seq;
}

static void end_session(struct peer *peer)
{
    io_free(peer->io);
    receiver_free(peer->receiver);
    peer->io = NULL;
    peer->receiver = NULL;
    peer->opened = peer->cut = false;
    peer->catalogs_to_answer = 0;
    peer->answer_count = 0;
}

/* ---- the receiver's events ---- */

static void on_send(void *owner, struct bytes bytes)
{
    struct peer *peer = owner;
    ck_assert_int_eq(io_write(peer->io, bytes), ERR_OK);
}

static void on_open(void *owner, const struct frame_open *open)
{
    struct peer *peer = owner;
    (void)open;
    peer->opened = true;
    peer->sessions++;
}

static void on_catalog(void *owner, const struct catalog *catalog)
{
    struct peer *peer = owner;
    ck_assert_uint_lt(peer->catalogs_to_answer, KEPT_CATALOGS);
    memcpy(peer->hashes[peer->catalogs_to_answer++], catalog_hash(catalog), CATALOG_HASH_SIZE);
    peer->catalogs++;
}

static void on_batch(void *owner, const struct batch_view *view, bool historical)
{
    struct peer *peer = owner;
    ck_assert_uint_lt(view->identity.sequence, PEER_BATCHES_MAX);
    peer->arrivals[peer->arrival_count++] =
        (struct peer_arrival){.seq = view->identity.sequence, .historical = historical};
    ck_assert_uint_lt(peer->answer_count, HELD_MAX);
    peer->to_answer[peer->answer_count++] = view->identity.sequence;
    if (peer->answer_count > peer->most_outstanding) {
        peer->most_outstanding = peer->answer_count;
    }
    struct peer_batch *batch = &peer->batches[view->identity.sequence];
    ck_assert(!batch->stored || memcmp(batch->digest, view->digest, sizeof batch->digest) == 0);
    batch->readings = view->kind == BATCH_READINGS ? view->count : 0;
    batch->kind = view->kind;
    memcpy(batch->digest, view->digest, sizeof batch->digest);
}

static const struct catalog *find_catalog(void *owner, const uint8_t *hash)
{
    (void)owner;
    (void)hash;
    return NULL;
}

static void on_rejected(void *owner, uint64_t sequence, const char *text)
{
    (void)owner;
    ck_abort_msg("batch %u is broken: %s", (unsigned)sequence, text);
}

static void on_session_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct peer *peer = owner;
    (void)code;
    (void)text;
    peer->last_bye = reason;
    io_shutdown(peer->io, 1000);
}

static const struct receiver_events receiver_events = {
    .send = on_send,
    .open = on_open,
    .catalog = on_catalog,
    .batch = on_batch,
    .find_catalog = find_catalog,
    .rejected = on_rejected,
    .closed = on_session_closed,
};

/* ---- answering ---- */

static void answer_batch(struct peer *peer, uint64_t seq, int64_t now_us)
{
    if (peer->orders.swallow > 0) {
        peer->batches[seq].stored = true;
        peer->orders.swallow--;
        peer->cut = peer->orders.swallow == 0;
    } else if (peer->orders.retries > 0) {
        peer->orders.retries--;
        receiver_stored(peer->receiver, seq, ACK_RETRY_AFTER, 0, peer->orders.retry_ms, NULL, now_us);
    } else if (seq == peer->orders.reject_seq) {
        receiver_stored(peer->receiver, seq, ACK_REJECTED, 0, 0, "the test says so", now_us);
    } else {
        peer->batches[seq].stored = true;
        receiver_stored(peer->receiver, seq, ACK_COMMITTED, clock_wall_us(), 0, NULL, now_us);
    }
}

static void answer(struct peer *peer)
{
    int64_t now_us = clock_mono_us();
    if (peer->opened) {
        struct frame_welcome welcome = {.highest = peer->orders.welcome_highest};
        welcome.highest = welcome.highest ? welcome.highest : highest(peer);
        peer->opened = false;
        receiver_opened(peer->receiver, &welcome, now_us);
    }
    for (; peer->catalogs_to_answer > 0; peer->catalogs_to_answer--) {
        struct frame_catalog_ack ack = {.result = ACK_COMMITTED};
        memcpy(ack.hash, peer->hashes[peer->catalogs_to_answer - 1], sizeof ack.hash);
        receiver_catalog_stored(peer->receiver, &ack, now_us);
    }
    for (size_t i = 0; !peer->orders.hold && i < peer->answer_count; i++) {
        answer_batch(peer, peer->to_answer[i], now_us);
    }
    peer->answer_count = peer->orders.hold ? peer->answer_count : 0;
    if (peer->cut) {
        end_session(peer);
    }
}

static void on_later(void *owner)
{
    struct peer *peer = owner;
    if (peer->receiver) {
        answer(peer);
    }
}

/* ---- the connection's events ---- */

static void on_opened(void *owner)
{
    struct peer *peer = owner;
    struct receiver_options options = {
        .events = &receiver_events,
        .owner = peer,
        .decoder = peer->decoder,
        .hello =
            {
                .server = "a test",
                .store_id = {peer->orders.store},
                .max_batch = peer->orders.max_batch ? peer->orders.max_batch : BATCH_SIZE_MAX,
                .max_catalog = CATALOG_SIZE_MAX,
                .window_batches = peer->orders.window_batches ? peer->orders.window_batches : 64,
                .window_bytes = 16 * 1024 * 1024,
                .t1_ms = 15000,
                .t2_ms = 10000,
                .t3_ms = 20000,
                .wall_us = clock_wall_us(),
            },
    };
    peer->receiver = receiver_new(&options, clock_mono_us());
    ck_assert_ptr_nonnull(peer->receiver);
    receiver_start(peer->receiver, clock_mono_us());
}

static void on_received(void *owner, struct bytes bytes)
{
    struct peer *peer = owner;
    receiver_receive(peer->receiver, bytes, clock_mono_us());
    loop_timer_start_ms(peer->later, 0);
}

static void on_closed(void *owner, enum err code, const char *reason)
{
    (void)code;
    (void)reason;
    end_session(owner);
}

static const struct io_events io_events = {.opened = on_opened, .received = on_received, .closed = on_closed};

static void on_accepted(void *owner, int fd)
{
    struct peer *peer = owner;
    const struct io_options options = {
        .loop = peer->loop,
        .events = &io_events,
        .owner = peer,
        .handshake_ms = HANDSHAKE_MS,
        .out_limit = OUT_LIMIT,
    };
    end_session(peer);
    ck_assert_int_eq(io_accept(&options, fd, &peer->io), ERR_OK);
}

/* ---- for the tests ---- */

struct peer *peer_listen(struct loop *loop, const struct peer_orders *orders)
{
    struct peer *peer = calloc(1, sizeof *peer);
    struct err_text why = {{0}};
    ck_assert_ptr_nonnull(peer);
    peer->loop = loop;
    peer->orders = *orders;
    peer->decoder = batch_decoder_new();
    peer->later = loop_timer_new(loop, on_later, peer);
    enum err result = io_listen(loop, "127.0.0.1", "0", false, on_accepted, peer, &peer->listener, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    snprintf(peer->endpoint, sizeof peer->endpoint, "127.0.0.1:%u", io_listener_port(peer->listener));
    return peer;
}

void peer_free(struct peer *peer)
{
    if (peer) {
        end_session(peer);
        io_listener_free(peer->listener);
        loop_timer_free(peer->later);
        batch_decoder_free(peer->decoder);
        free(peer);
    }
}

const char *peer_endpoint(const struct peer *peer)
{
    return peer->endpoint;
}

struct peer_orders *peer_orders(struct peer *peer)
{
    return &peer->orders;
}

void peer_cut(struct peer *peer)
{
    end_session(peer);
}

void peer_release(struct peer *peer)
{
    peer->orders.hold = false;
    loop_timer_start_ms(peer->later, 0);
}

const struct peer_batch *peer_batch(const struct peer *peer, uint64_t seq)
{
    return &peer->batches[seq];
}

uint64_t peer_readings(const struct peer *peer)
{
    uint64_t readings = 0;
    for (size_t seq = 0; seq < PEER_BATCHES_MAX; seq++) {
        readings += peer->batches[seq].stored ? peer->batches[seq].readings : 0;
    }
    return readings;
}

const struct peer_arrival *peer_arrivals(const struct peer *peer, size_t *count)
{
    *count = peer->arrival_count;
    return peer->arrivals;
}

unsigned peer_sessions(const struct peer *peer)
{
    return peer->sessions;
}

unsigned peer_catalogs(const struct peer *peer)
{
    return peer->catalogs;
}

size_t peer_most_outstanding(const struct peer *peer)
{
    return peer->most_outstanding;
}

enum bye_reason peer_last_bye(const struct peer *peer)
{
    return peer->last_bye;
}
