#include "front/ingest.h"

#include "base/clock.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

static void count(const struct peer *peer, enum server_metric which, int64_t amount)
{
    server_count(peer->listener->front->metrics, which, amount);
}

/* ---- to the store ---- */

/*
 * A request that is not taken is answered by ingest_refused(), once the session's own call has returned. One
 * that is taken belongs to the store thread at once: it may be answered before the submit returns.
 */
static void submit(struct peer *peer, struct store_request *request)
{
    if (!request) {
        peer->broken = ERR_NO_MEMORY;
        return;
    }
    request->owner = peer;
    request->inbox = peer->listener->inbox;
    request->bridge = peer->bridge->name;
    bool countable = request->view.identity.sequence <= STORE_SEQUENCE_MAX;
    atomic_fetch_add(&peer->references, 1);
    peer->requests++;
    enum err result = countable ? store_thread_submit(peer->listener->front->store, request) : ERR_LIMIT;
    if (result != ERR_OK) {
        request->outcome = result;
        store_queue_append(&peer->refused, request);
        peer->requests--;
        peer_unref(peer);
    }
}

void ingest_look_up(struct peer *peer)
{
    submit(peer, store_request_look_up(peer->session.epoch));
}

void ingest_catalog(struct peer *peer, const struct catalog *catalog)
{
    submit(peer, store_request_catalog(catalog_hash(catalog), catalog_encoded(catalog), clock_wall_us()));
}

void ingest_batch(struct peer *peer, const struct batch_view *view, bool historical)
{
    submit(peer, store_request_batch(view, historical, clock_wall_us()));
}

/* ---- opening ---- */

/* The store has more than the bridge believes to have sent: its spool is a copy. */
static void check_spool(struct peer *peer, const struct store_watermarks *watermarks)
{
    if (peer->next_sequence > watermarks->highest) {
        return;
    }
    count(peer, SERVER_SPOOLS_BEHIND, 1);
    log_error(
        "ingest", log_event("spool_behind"), log_str("bridge", peer->bridge->name),
        log_hex("epoch", peer->session.epoch, BATCH_EPOCH_SIZE), log_u64("next_seq", peer->next_sequence),
        log_u64("stored", watermarks->highest),
        log_str("meaning", "the spool was restored from an old copy, or two bridges run on copies of one"));
}

/* The bridge has trimmed batches, so they were acknowledged once, and they are not here. */
static void check_store(struct peer *peer, const struct store_watermarks *watermarks)
{
    if (peer->first_sequence <= watermarks->contiguous + 1 || watermarks->more) {
        return;
    }
    count(peer, SERVER_STORES_BEHIND, 1);
    log_warn("ingest", log_event("store_behind"), log_str("bridge", peer->bridge->name),
             log_hex("epoch", peer->session.epoch, BATCH_EPOCH_SIZE),
             log_u64("from_seq", watermarks->contiguous + 1), log_u64("to_seq", peer->first_sequence - 1),
             log_str("meaning",
                     "the bridge no longer has these batches and not all of them are stored: they were "
                     "rejected and lie in its quarantine, or this store was restored from an old copy"));
}

static void note_backlog(const struct peer *peer, const struct store_watermarks *watermarks)
{
    uint64_t first =
        peer->first_sequence > watermarks->contiguous + 1 ? peer->first_sequence : watermarks->contiguous + 1;
    metric_set(&peer->bridge->backlog,
               peer->next_sequence > first ? (int64_t)(peer->next_sequence - first) : 0);
}

static void announce(struct peer *peer, const struct store_watermarks *watermarks, int64_t now_us)
{
    uint64_t suppressed;
    peer->announced = roster_may_log(peer->listener->front->roster, peer->bridge, now_us, &suppressed);
    if (peer->announced) {
        log_info("front", log_event("session_opened"), log_str("bridge", peer->bridge->name),
                 log_hex("epoch", peer->session.epoch, BATCH_EPOCH_SIZE),
                 log_str("address", io_address(peer->io)), log_str("cipher", io_cipher(peer->io)),
                 log_str("certificate", io_peer(peer->io)->serial),
                 log_u64("contiguous", watermarks->contiguous), log_u64("highest", watermarks->highest),
                 log_u64("suppressed", suppressed));
    }
}

static void opened(struct peer *peer, const struct store_request *request, int64_t now_us)
{
    const struct store_watermarks *watermarks = request->watermarks;
    if (receiver_state(peer->receiver) != RECEIVER_LOOKING_UP) {
        return;
    }
    peer->opened = true;
    count(peer, SERVER_SESSIONS, 1);
    peer->stored_before = watermarks->highest;
    announce(peer, watermarks, now_us);
    if (peer->announced) {
        check_spool(peer, watermarks);
        check_store(peer, watermarks);
    }
    note_backlog(peer, watermarks);
    struct frame_welcome welcome = {.contiguous = watermarks->contiguous,
                                    .highest = watermarks->highest,
                                    .missing_count = watermarks->missing_count};
    memcpy(welcome.missing, watermarks->missing, sizeof welcome.missing);
    receiver_opened(peer->receiver, &welcome, now_us);
}

static void on_look_up(struct peer *peer, const struct store_request *request, int64_t now_us)
{
    if (request->outcome == ERR_OK) {
        opened(peer, request, now_us);
    } else {
        peer_goodbye(peer, BYE_STORE_FAILED, "the store cannot be read now");
    }
}

/* ---- catalogs ---- */

static bool is_passing(enum err outcome)
{
    return outcome == ERR_DISK_FULL || outcome == ERR_BUSY || outcome == ERR_NO_MEMORY;
}

static void on_catalog(struct peer *peer, const struct store_request *request, int64_t now_us)
{
    struct frame_catalog_ack ack = {.result = request->outcome == ERR_OK ? ACK_COMMITTED : ACK_RETRY_AFTER};
    memcpy(ack.hash, request->view.catalog_hash, sizeof ack.hash);
    frame_set_text(ack.text, request->outcome == ERR_OK ? "" : err_name(request->outcome));
    receiver_catalog_stored(peer->receiver, &ack, now_us);
}

/* ---- batches ---- */

/* What the bridge is told about a batch. */
struct verdict {
    enum ack_result result;
    const char *text;
};

static struct verdict judge(const struct store_request *request)
{
    static const struct verdict by_result[] = {
        [STORE_COMMITTED] = {ACK_COMMITTED, ""},
        [STORE_DUPLICATE] = {ACK_DUPLICATE, ""},
        [STORE_CONFLICT] =
            {ACK_REJECTED, "another batch with this identity is stored: the spool is a copy, or was restored "
                           "from one"},
        [STORE_NO_CATALOG] = {ACK_RETRY_AFTER, "its catalog is not stored yet"},
    };
    if (request->outcome == ERR_LIMIT) {
        return (struct verdict){ACK_REJECTED, "its sequence is higher than this store can count"};
    }
    if (request->outcome != ERR_OK) {
        return (struct verdict){ACK_RETRY_AFTER, err_name(request->outcome)};
    }
    return by_result[request->batch.result];
}

static void count_answer(struct peer *peer, const struct store_request *request, enum ack_result result,
                         int64_t now_us)
{
    static const struct {
        enum server_metric batches, readings, bytes;
    } metrics[] = {
        [ACK_COMMITTED] = {SERVER_BATCHES_COMMITTED, SERVER_READINGS_COMMITTED, SERVER_BYTES_COMMITTED},
        [ACK_DUPLICATE] = {SERVER_BATCHES_DUPLICATE, SERVER_READINGS_DUPLICATE, SERVER_BYTES_DUPLICATE},
    };
    histogram_add(&peer->listener->front->metrics->answer, now_us - request->submitted_us);
    if (result == ACK_RETRY_AFTER || result == ACK_REJECTED) {
        count(peer, result == ACK_REJECTED ? SERVER_BATCHES_REJECTED : SERVER_BATCHES_RETRY_AFTER, 1);
        return;
    }
    bool gaps = request->view.kind == BATCH_GAPS;
    count(peer, metrics[result].batches, 1);
    count(peer, metrics[result].readings, gaps ? 0 : request->view.count);
    count(peer, metrics[result].bytes, (int64_t)request->view.encoded.size);
    count(peer, SERVER_GAPS, gaps && result == ACK_COMMITTED ? request->view.count : 0);
}

static void note_bridge(struct peer *peer, const struct store_request *request, enum ack_result result)
{
    struct roster_bridge *bridge = peer->bridge;
    const struct batch_view *view = &request->view;
    metric_add(&bridge->duplicates, result == ACK_DUPLICATE);
    metric_add(&bridge->rejected, result == ACK_REJECTED);
    if (result != ACK_COMMITTED) {
        return;
    }
    peer->batches++;
    peer->readings += view->count;
    bool waited = view->identity.sequence < peer->next_sequence; // when it connected, historical or not
    if (waited && metric_get(&bridge->backlog) > 0) {
        metric_add(&bridge->backlog, -1);
    }
    metric_add(&bridge->batches, 1);
    metric_add(&bridge->readings, view->count);
    metric_add(&bridge->bytes, (int64_t)view->encoded.size);
    metric_set(&bridge->last_sequence, (int64_t)view->identity.sequence);
    metric_set(&bridge->last_ack_us, request->batch.committed_us);
    metric_set(&bridge->lag_us, request->batch.committed_us - view->last_us);
}

/* `acked`: the session still was there to be told. */
static void log_answer(const struct peer *peer, const struct store_request *request, enum ack_result result,
                       bool acked, int64_t now_us)
{
    const struct batch_view *view = &request->view;
    if (result == ACK_RETRY_AFTER) {
        log_debug("ingest", log_event("batch_put_off"), log_str("bridge", peer->bridge->name),
                  log_u64("seq", view->identity.sequence), log_str("reason", err_name(request->outcome)));
        return;
    }
    log_info("ingest", log_event(acked ? "batch_acked" : "batch_stored_unheard"),
             log_str("bridge", peer->bridge->name), log_hex("epoch", view->identity.epoch, BATCH_EPOCH_SIZE),
             log_u64("seq", view->identity.sequence), log_u64("readings", view->count),
             log_u64("bytes", view->encoded.size), log_str("result", ack_result_name(result)),
             log_bool("historical", request->batch.historical),
             log_ms("commit_ms", now_us - request->submitted_us));
}

static void log_conflict(struct peer *peer, const struct store_request *request, const char *text,
                         int64_t now_us)
{
    uint64_t suppressed;
    count(peer, SERVER_CONFLICTS, 1);
    if (log_limit_allow(&peer->listener->limit_conflict, now_us, &suppressed)) {
        log_error("ingest", log_event("batch_conflict"), log_str("bridge", peer->bridge->name),
                  log_hex("epoch", request->view.identity.epoch, BATCH_EPOCH_SIZE),
                  log_u64("seq", request->view.identity.sequence), log_str("reason", text),
                  log_u64("suppressed", suppressed));
    }
}

/* Somebody else has used the number since this session opened. The bridge keeps the batch, and learns from
 * the next WELCOME that the number is taken. */
static void fence(struct peer *peer)
{
    peer_goodbye(peer, BYE_FENCED,
                 "another batch with this identity was stored meanwhile: two bridges run with copies of one "
                 "spool");
}

/* After the session was told. The session may be gone, and its catalogs with it. */
static void observe(struct peer *peer, const struct store_request *request, const struct verdict *verdict)
{
    const struct front_observer *observer = &peer->listener->front->observer;
    struct catalog_uses uses = {0};
    if (!observer->answered) {
        return;
    }
    const struct observed_batch batch = {
        .bridge = peer->bridge->name,
        .view = &request->view,
        .catalog = request->view.kind == BATCH_READINGS
                       ? catalogs_find(peer->listener->catalogs, request->view.catalog_hash, &uses)
                       : NULL,
        .result = verdict->result,
        .text = verdict->text,
        .historical = request->batch.historical,
        .received_us = request->batch.received_us,
        .committed_us = request->batch.committed_us,
    };
    observer->answered(observer->owner, &batch);
    catalogs_give_back(peer->listener->catalogs, &uses);
}

static void on_batch(struct peer *peer, const struct store_request *request, int64_t now_us)
{
    struct verdict verdict = judge(request);
    bool listens = peer->state == PEER_SESSION && receiver_state(peer->receiver) != RECEIVER_CLOSED;
    bool conflict = request->outcome == ERR_OK && request->batch.result == STORE_CONFLICT;
    count_answer(peer, request, verdict.result, now_us);
    note_bridge(peer, request, verdict.result);
    if (conflict) {
        log_conflict(peer, request, verdict.text, now_us);
    } else {
        log_answer(peer, request, verdict.result, listens, now_us);
    }
    if (listens && conflict && request->view.identity.sequence > peer->stored_before) {
        fence(peer);
    } else if (listens) {
        uint32_t delay_ms =
            verdict.result == ACK_RETRY_AFTER ? INGEST_RETRY_MS + random_u32() % INGEST_RETRY_MS : 0;
        receiver_stored(peer->receiver, request->view.identity.sequence, verdict.result,
                        request->batch.committed_us, delay_ms, verdict.text, now_us);
    }
    observe(peer, request, &verdict);
}

/* ---- from the store ---- */

static void answer(struct peer *peer, const struct store_request *request, int64_t now_us)
{
    bool failed =
        request->outcome != ERR_OK && request->outcome != ERR_LIMIT && !is_passing(request->outcome);
    if (failed) {
        peer_goodbye(peer, BYE_STORE_FAILED, "the store has failed; nothing is acknowledged any more");
    } else if (request->kind == STORE_REQUEST_BATCH) {
        on_batch(peer, request, now_us);
    } else if (peer->state != PEER_SESSION) {
        return;
    } else if (request->kind == STORE_REQUEST_CATALOG) {
        on_catalog(peer, request, now_us);
    } else {
        on_look_up(peer, request, now_us);
    }
}

void ingest_refused(struct peer *peer)
{
    struct store_queue refused = peer->refused;
    struct store_request *request;
    peer->refused = (struct store_queue){0};
    while ((request = store_queue_take(&refused))) {
        request->submitted_us = clock_mono_us();
        answer(peer, request, request->submitted_us);
        store_request_free(request);
    }
}

static void cork(struct peer *peer, struct peer **corked)
{
    if (peer->corked || peer->state != PEER_SESSION) {
        return;
    }
    peer->corked = true;
    receiver_cork(peer->receiver);
    peer->next_corked = *corked;
    *corked = peer;
}

static void uncork(struct peer *corked, int64_t now_us)
{
    while (corked) {
        struct peer *peer = corked;
        corked = peer->next_corked;
        peer->corked = false;
        receiver_uncork(peer->receiver, now_us);
        peer_settle(peer);
    }
}

void ingest_answered(struct store_queue *answered)
{
    int64_t now_us = clock_mono_us();
    struct peer *corked = NULL;
    for (struct store_request *request = answered->first; request; request = request->next) {
        struct peer *peer = request->owner;
        peer->requests--;
        cork(peer, &corked);
        answer(peer, request, now_us);
    }
    uncork(corked, now_us);
    struct store_request *request;
    while ((request = store_queue_take(answered))) {
        struct peer *peer = request->owner;
        store_request_free(request);
        peer_unref(peer);
    }
}
