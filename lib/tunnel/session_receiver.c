#include "tunnel/session_receiver.h"

#include "base/array.h"
#include "tunnel/ack_queue.h"
#include "tunnel/catalog_shelf.h"
#include "tunnel/digest.h"
#include "tunnel/flight.h"
#include "tunnel/session_link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT_CAPACITY = 4096, /* of the space for outgoing frames; more is given back after use */
    NO_MEMORY_DELAY_MS = 1000,
};

struct receiver {
    const struct receiver_events *events; /* borrowed */
    void *owner;
    struct batch_decoder *decoder; /* borrowed */
    enum receiver_state state;
    struct frame_hello hello;
    uint16_t version; /* the bridge's choice */
    uint8_t epoch[BATCH_EPOCH_SIZE];
    struct session_link link;
    struct flight outstanding;
    struct catalog_shelf shelf;
    struct ack_queue answers;
    unsigned corked;
    bool probe_wanted;      /* once the bridge may be asked */
    int64_t state_since_us; /* WAIT_OPEN, LOOKING_UP: since when */
    int64_t owed_since_us;  /* since when the bridge has heard nothing, while it waits for something */
    struct frame_bye bye;   /* DRAINING: what the bridge said */
};

static bool may_move(enum receiver_state from, enum receiver_state to)
{
    static const struct {
        enum receiver_state from, to;
    } moves[] = {
        {RECEIVER_WAIT_OPEN, RECEIVER_LOOKING_UP}, {RECEIVER_LOOKING_UP, RECEIVER_READY},
        {RECEIVER_READY, RECEIVER_DRAINING},       {RECEIVER_WAIT_OPEN, RECEIVER_CLOSED},
        {RECEIVER_LOOKING_UP, RECEIVER_CLOSED},    {RECEIVER_READY, RECEIVER_CLOSED},
        {RECEIVER_DRAINING, RECEIVER_CLOSED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(moves); i++) {
        if (moves[i].from == from && moves[i].to == to) {
            return true;
        }
    }
    return false;
}

static void move(struct receiver *receiver, enum receiver_state state)
{
    bool allowed = may_move(receiver->state, state);
    assert(allowed);
    (void)allowed;
    receiver->state = state;
}

static void on_ended(void *machine, enum err code, const struct frame_bye *bye)
{
    struct receiver *receiver = machine;
    move(receiver, RECEIVER_CLOSED);
    receiver->events->closed(receiver->owner, code, bye->reason, bye->text);
}

/* When what is being handled came. */
static int64_t heard_us(const struct receiver *receiver)
{
    return receiver->link.liveness.heard_us;
}

static void send_bytes(void *machine, struct bytes bytes)
{
    const struct receiver *receiver = machine;
    receiver->events->send(receiver->owner, bytes);
}

static bool is_answering(const struct receiver *receiver)
{
    return receiver->outstanding.count > 0 || receiver->shelf.pending > 0;
}

static void start_owing(struct receiver *receiver, int64_t now_us)
{
    if (!is_answering(receiver)) {
        receiver->owed_since_us = now_us;
    }
}

static void send_answers(struct receiver *receiver, int64_t now_us)
{
    if (receiver->answers.count == 0 || receiver->state == RECEIVER_CLOSED) {
        return;
    }
    receiver->owed_since_us = now_us;
    session_link_send(&receiver->link, ack_queue_write(&receiver->answers, &receiver->link.out));
}

/* Ends the session once the bridge has said goodbye and everything it sent has been answered. */
static void drain(struct receiver *receiver)
{
    static const struct frame_bye done = {.reason = BYE_DONE};
    if (receiver->state != RECEIVER_DRAINING || is_answering(receiver)) {
        return;
    }
    session_link_send(&receiver->link, frame_write_bye(&receiver->link.out, &done));
    session_link_end(&receiver->link, bye_reason_err(receiver->bye.reason), &receiver->bye);
}

void receiver_cork(struct receiver *receiver)
{
    receiver->corked++;
}

void receiver_uncork(struct receiver *receiver, int64_t now_us)
{
    assert(receiver->corked > 0);
    receiver->corked--;
    if (receiver->corked == 0) {
        send_answers(receiver, now_us);
        drain(receiver);
    }
}

static void answer(struct receiver *receiver, const struct ack_range *range, int64_t now_us)
{
    enum err err = ack_queue_add(&receiver->answers, range);
    if (err == ERR_LIMIT) {
        send_answers(receiver, now_us);
        err = ack_queue_add(&receiver->answers, range);
    }
    if (err != ERR_OK && receiver->state != RECEIVER_CLOSED) {
        session_link_send(&receiver->link, frame_write_ack(&receiver->link.out, range, 1));
    }
}

void receiver_stored(struct receiver *receiver, uint64_t sequence, enum ack_result result,
                     int64_t committed_us, uint32_t delay_ms, const char *text, int64_t now_us)
{
    struct flight_batch batch;
    if (receiver->state == RECEIVER_CLOSED ||
        !flight_remove(&receiver->outstanding, sequence, sequence, &batch)) {
        return;
    }
    struct ack_range range = {.first = sequence, .last = sequence, .result = result};
    bool durable = result == ACK_COMMITTED || result == ACK_DUPLICATE;
    range.committed_us = durable ? committed_us : 0;
    range.delay_ms = result == ACK_RETRY_AFTER ? delay_ms : 0;
    frame_set_text(range.text, text ? text : "");
    receiver_cork(receiver);
    answer(receiver, &range, now_us);
    receiver_uncork(receiver, now_us);
}

static enum err on_open(struct receiver *receiver, struct bytes payload, struct err_text *why)
{
    struct frame_open open;
    enum err err = frame_read_open(payload, &open, why);
    if (err != ERR_OK) {
        return err;
    }
    if (open.version < TUNNEL_VERSION_MIN || open.version > TUNNEL_VERSION) {
        return err_set(why, ERR_VERSION, "bridge chose version %u, which was not offered", open.version);
    }
    receiver->version = open.version;
    memcpy(receiver->epoch, open.epoch, sizeof receiver->epoch);
    move(receiver, RECEIVER_LOOKING_UP);
    receiver->state_since_us = heard_us(receiver);
    receiver->events->open(receiver->owner, &open);
    return ERR_OK;
}

static void refuse_catalog(struct receiver *receiver, const uint8_t *hash, enum err err, const char *text)
{
    struct frame_catalog_ack ack = {.result = err == ERR_NO_MEMORY ? ACK_RETRY_AFTER : ACK_REJECTED};
    memcpy(ack.hash, hash, sizeof ack.hash);
    frame_set_text(ack.text, text);
    session_link_send(&receiver->link, frame_write_catalog_ack(&receiver->link.out, &ack));
}

/* An owner who shares catalogs among sessions takes it over. */
static void offer_catalog(struct receiver *receiver, struct shelf_catalog *there)
{
    const struct receiver_events *events = receiver->events;
    if (there->owned && events->keep_catalog && events->keep_catalog(receiver->owner, there->owned)) {
        there->owned = NULL;
    }
}

static enum err on_catalog(struct receiver *receiver, struct bytes payload, struct err_text *why)
{
    uint8_t hash[CATALOG_HASH_SIZE];
    enum err err = digest_sha256(payload, hash);
    if (err != ERR_OK) {
        return err_set(why, err, "out of memory");
    }
    const struct catalog *known = receiver->events->find_catalog(receiver->owner, hash);
    start_owing(receiver, heard_us(receiver));
    err = catalog_shelf_put(&receiver->shelf, payload, hash, known, why);
    if (err == ERR_CONFLICT) {
        return err;
    }
    if (err != ERR_OK) {
        refuse_catalog(receiver, hash, err, why->text);
        return ERR_OK;
    }
    struct shelf_catalog *there = catalog_shelf_find(&receiver->shelf, hash);
    if (!known) {
        offer_catalog(receiver, there);
    }
    receiver->events->catalog(receiver->owner, there->catalog);
    return ERR_OK;
}

void receiver_catalog_stored(struct receiver *receiver, const struct frame_catalog_ack *ack, int64_t now_us)
{
    bool stored = ack->result == ACK_COMMITTED || ack->result == ACK_DUPLICATE;
    if (receiver->state == RECEIVER_CLOSED || !catalog_shelf_answer(&receiver->shelf, ack->hash, stored)) {
        return;
    }
    receiver->owed_since_us = now_us;
    session_link_send(&receiver->link, frame_write_catalog_ack(&receiver->link.out, ack));
    if (receiver->corked == 0) {
        drain(receiver);
    }
}

static enum err check_readings(struct receiver *receiver, const struct batch_view *view, struct err_text *why)
{
    const struct shelf_catalog *there = catalog_shelf_find(&receiver->shelf, view->catalog_hash);
    const struct catalog *catalog =
        there ? there->catalog : receiver->events->find_catalog(receiver->owner, view->catalog_hash);
    if (!catalog) {
        return err_set(why, ERR_NOT_FOUND, "batch: its catalog is unknown");
    }
    return batch_decode(receiver->decoder, view, catalog, NULL, why);
}

static enum err check_batch(struct receiver *receiver, const struct frame_batch *frame,
                            struct batch_view *view, struct err_text *why)
{
    enum err err = batch_open(frame->encoded, view, why);
    if (err != ERR_OK) {
        return err;
    }
    if (view->identity.sequence != frame->sequence) {
        return err_set(why, ERR_MALFORMED, "batch: sequence %llu in a frame of another",
                       (unsigned long long)view->identity.sequence);
    }
    if (memcmp(view->identity.epoch, receiver->epoch, BATCH_EPOCH_SIZE) != 0) {
        return err_set(why, ERR_CONFLICT, "batch: its epoch is not that of the session");
    }
    size_t count;
    return view->kind == BATCH_GAPS ? batch_decode_gaps(view, NULL, 0, &count, why)
                                    : check_readings(receiver, view, why);
}

static void refuse(struct receiver *receiver, uint64_t sequence, enum err err, const char *text,
                   int64_t now_us)
{
    if (err == ERR_NO_MEMORY) {
        receiver_stored(receiver, sequence, ACK_RETRY_AFTER, 0, NO_MEMORY_DELAY_MS, text, now_us);
        return;
    }
    receiver_stored(receiver, sequence, ACK_REJECTED, 0, 0, text, now_us);
    receiver->events->rejected(receiver->owner, sequence, text);
}

static enum err on_batch(struct receiver *receiver, struct bytes payload, struct err_text *why)
{
    struct frame_batch frame;
    enum err err = frame_read_batch(payload, &frame, why);
    if (err != ERR_OK) {
        return err;
    }
    const struct flight_batch batch = {
        .sequence = frame.sequence, .size = frame.encoded.size, .sent_us = heard_us(receiver)};
    start_owing(receiver, heard_us(receiver));
    err = flight_add(&receiver->outstanding, &batch);
    if (err != ERR_OK) {
        return err_set(why, err, "batch %llu %s", (unsigned long long)frame.sequence,
                       err == ERR_CONFLICT ? "came again before its answer" : "does not fit into memory");
    }
    struct batch_view view;
    err = check_batch(receiver, &frame, &view, why);
    if (err != ERR_OK) {
        refuse(receiver, frame.sequence, err, why->text, heard_us(receiver));
        return ERR_OK;
    }
    receiver->events->batch(receiver->owner, &view, frame.historical);
    return ERR_OK;
}

static enum err on_bye(struct receiver *receiver, struct bytes payload, struct err_text *why)
{
    enum err err = frame_read_bye(payload, &receiver->bye, why);
    if (err != ERR_OK) {
        return err;
    }
    enum err code = bye_reason_err(receiver->bye.reason);
    if (receiver->state != RECEIVER_READY || code != ERR_OK) {
        session_link_end(&receiver->link, code, &receiver->bye);
        return ERR_OK;
    }
    move(receiver, RECEIVER_DRAINING);
    return ERR_OK;
}

enum {
    IN_WAIT_OPEN = 1 << RECEIVER_WAIT_OPEN,
    IN_READY = 1 << RECEIVER_READY,
    IN_SESSION = IN_READY | 1 << RECEIVER_DRAINING,
    IN_ANY = IN_WAIT_OPEN | 1 << RECEIVER_LOOKING_UP | IN_SESSION,
};

/* TEST and TEST_ACK are the link's to answer. */
static const struct handler {
    unsigned states;
    enum err (*handle)(struct receiver *receiver, struct bytes payload, struct err_text *why);
} handlers[] = {
    [FRAME_OPEN] = {IN_WAIT_OPEN, on_open}, [FRAME_CATALOG] = {IN_READY, on_catalog},
    [FRAME_BATCH] = {IN_READY, on_batch},   [FRAME_TEST] = {IN_SESSION, NULL},
    [FRAME_TEST_ACK] = {IN_SESSION, NULL},  [FRAME_BYE] = {IN_ANY, on_bye},
};

static enum err batch_max(const struct receiver *receiver, uint32_t *max, struct err_text *why)
{
    if (receiver->outstanding.count >= receiver->hello.window_batches) {
        return err_set(why, ERR_LIMIT, "more than the window of %u batches", receiver->hello.window_batches);
    }
    size_t left = receiver->hello.window_bytes - receiver->outstanding.bytes;
    *max = FRAME_BATCH_HEAD_SIZE +
           (left < receiver->hello.max_batch ? (uint32_t)left : receiver->hello.max_batch);
    return ERR_OK;
}

static enum err payload_max(const void *machine, enum frame_type type, uint32_t *max, struct err_text *why)
{
    const struct receiver *receiver = machine;
    if ((size_t)type >= ARRAY_LENGTH(handlers) || !(handlers[type].states & 1U << receiver->state)) {
        return err_set(why, ERR_MALFORMED, "a bridge does not send %s now", frame_type_name(type));
    }
    if (type == FRAME_CATALOG) {
        return catalog_shelf_room(&receiver->shelf, receiver->hello.max_catalog, max, why);
    }
    if (type == FRAME_BATCH) {
        return batch_max(receiver, max, why);
    }
    *max = FRAME_SMALL_MAX;
    return ERR_OK;
}

static enum err on_frame(void *machine, const struct frame *frame, struct err_text *why)
{
    struct receiver *receiver = machine;
    return handlers[frame->type].handle(receiver, frame->payload, why);
}

static void before_bye(void *machine)
{
    struct receiver *receiver = machine;
    send_answers(receiver, heard_us(receiver));
}

static void on_probed(void *machine)
{
    const struct receiver *receiver = machine;
    receiver->events->probed(receiver->owner);
}

static const struct session_link_events link_events = {
    .send = send_bytes,
    .payload_max = payload_max,
    .frame = on_frame,
    .before_bye = before_bye,
    .probed = on_probed,
    .ended = on_ended,
};

void receiver_receive(struct receiver *receiver, struct bytes bytes, int64_t now_us)
{
    bool was_waiting = frame_stream_is_waiting(&receiver->link.stream);
    receiver_cork(receiver);
    session_link_receive(&receiver->link, bytes, now_us);
    receiver_uncork(receiver, now_us);
    if (!was_waiting) {
        start_owing(receiver, now_us);
    }
}

struct receiver *receiver_new(const struct receiver_options *options, int64_t now_us)
{
    struct receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver) {
        return NULL;
    }
    receiver->events = options->events;
    receiver->owner = options->owner;
    receiver->decoder = options->decoder;
    receiver->hello = options->hello;
    receiver->hello.version_min = TUNNEL_VERSION_MIN;
    receiver->hello.version_max = TUNNEL_VERSION;
    if (receiver->hello.window_bytes < receiver->hello.max_batch) {
        receiver->hello.window_bytes = receiver->hello.max_batch;
    }
    receiver->state = RECEIVER_WAIT_OPEN;
    receiver->state_since_us = now_us;
    const struct session_link_options link = {.events = &link_events,
                                              .machine = receiver,
                                              .out_limit = FRAME_HEAD_SIZE + FRAME_SMALL_MAX +
                                                           ACK_QUEUE_MAX * FRAME_ACK_RANGE_MAX,
                                              .out_kept = KEPT_CAPACITY};
    session_link_init(&receiver->link, &link);
    liveness_start(&receiver->link.liveness, options->hello.t1_ms, options->hello.t3_ms, now_us);
    flight_init(&receiver->outstanding);
    catalog_shelf_init(&receiver->shelf);
    ack_queue_init(&receiver->answers);
    return receiver;
}

void receiver_free(struct receiver *receiver)
{
    if (!receiver) {
        return;
    }
    session_link_fini(&receiver->link);
    flight_fini(&receiver->outstanding);
    catalog_shelf_fini(&receiver->shelf);
    ack_queue_fini(&receiver->answers);
    free(receiver);
}

enum receiver_state receiver_state(const struct receiver *receiver)
{
    return receiver->state;
}

size_t receiver_outstanding(const struct receiver *receiver)
{
    return receiver->outstanding.count;
}

void receiver_start(struct receiver *receiver, int64_t now_us)
{
    receiver->state_since_us = now_us;
    session_link_send(&receiver->link, frame_write_hello(&receiver->link.out, &receiver->hello));
}

void receiver_opened(struct receiver *receiver, const struct frame_welcome *welcome, int64_t now_us)
{
    if (receiver->state != RECEIVER_LOOKING_UP) {
        return;
    }
    move(receiver, RECEIVER_READY);
    receiver->owed_since_us = now_us;
    session_link_send(&receiver->link, frame_write_welcome(&receiver->link.out, receiver->version, welcome));
    if (receiver->probe_wanted) {
        receiver_probe(receiver);
    }
}

void receiver_probe(struct receiver *receiver)
{
    receiver->probe_wanted = receiver->state < RECEIVER_READY;
    if (!receiver->probe_wanted) {
        session_link_probe(&receiver->link);
    }
}

void receiver_goodbye(struct receiver *receiver, enum bye_reason reason, const char *text, int64_t now_us)
{
    send_answers(receiver, now_us);
    if (receiver->state != RECEIVER_CLOSED) {
        session_link_give_up(&receiver->link, bye_reason_err(reason), reason, text);
    }
}

/* While a frame still comes, the bridge waits as well, but only bytes that came since say that it does come.
 */
static bool owes_a_sign(const struct receiver *receiver)
{
    bool coming = frame_stream_is_waiting(&receiver->link.stream) &&
                  receiver->link.liveness.heard_us > receiver->owed_since_us;
    return is_answering(receiver) || coming;
}

static int64_t sign_deadline_us(const struct receiver *receiver)
{
    return owes_a_sign(receiver) ? receiver->owed_since_us + (int64_t)receiver->hello.t2_ms * 1000
                                 : INT64_MAX;
}

static bool is_opening(const struct receiver *receiver)
{
    return receiver->state == RECEIVER_WAIT_OPEN || receiver->state == RECEIVER_LOOKING_UP;
}

static int64_t opening_deadline_us(const struct receiver *receiver)
{
    return receiver->state_since_us + (int64_t)receiver->hello.t1_ms * 1000;
}

int64_t receiver_deadline_us(const struct receiver *receiver)
{
    if (receiver->state == RECEIVER_CLOSED) {
        return INT64_MAX;
    }
    if (is_opening(receiver)) {
        return opening_deadline_us(receiver);
    }
    int64_t sign_us = sign_deadline_us(receiver);
    int64_t alive_us = liveness_deadline_us(&receiver->link.liveness);
    return sign_us < alive_us ? sign_us : alive_us;
}

static void tick_opening(struct receiver *receiver, int64_t now_us)
{
    if (now_us >= opening_deadline_us(receiver)) {
        bool late = receiver->state == RECEIVER_WAIT_OPEN;
        session_link_give_up(&receiver->link, ERR_TIMEOUT, BYE_TIMEOUT,
                             late ? "no OPEN within t1" : "the store took longer than t1");
    }
}

static void tick_session(struct receiver *receiver, int64_t now_us)
{
    session_link_check_life(&receiver->link, now_us);
    if (receiver->state != RECEIVER_CLOSED && now_us >= sign_deadline_us(receiver)) {
        receiver->owed_since_us = now_us;
        session_link_send(&receiver->link, frame_write_ack(&receiver->link.out, NULL, 0));
    }
}

void receiver_tick(struct receiver *receiver, int64_t now_us)
{
    if (is_opening(receiver)) {
        tick_opening(receiver, now_us);
    } else if (receiver->state != RECEIVER_CLOSED) {
        tick_session(receiver, now_us);
    }
}
