#include "tunnel/session_receiver.h"

#include "base/array.h"
#include "tunnel/digest.h"
#include "tunnel/flight.h"
#include "tunnel/frame_stream.h"
#include "tunnel/liveness.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    HELD_ANSWERS_MAX = 8, /* ranges of answers that wait for the end of a cork; more go out at once */
    KEPT_CAPACITY = 4096, /* of the space for outgoing frames; more is given back after use */
    NO_MEMORY_DELAY_MS = 1000,
};

/* A catalog of this session. */
struct held_catalog {
    const struct catalog *catalog;
    struct catalog *owned; /* NULL: the owner's */
    uint8_t hash[CATALOG_HASH_SIZE];
    bool pending; /* not answered yet */
};

struct receiver {
    const struct receiver_events *events; /* borrowed */
    void *owner;
    struct batch_decoder *decoder; /* borrowed */
    enum receiver_state state;
    struct frame_hello hello;
    uint8_t epoch[BATCH_EPOCH_SIZE];
    struct frame_stream stream;
    struct buffer out;
    struct flight outstanding;
    struct liveness liveness;
    int64_t state_since_us; /* WAIT_OPEN, LOOKING_UP: since when */
    int64_t owed_since_us;  /* since when the bridge has heard nothing, while it waits for something */
    struct held_catalog catalogs[TUNNEL_CATALOGS_MAX];
    size_t catalog_count, catalogs_pending;
    size_t catalogs_received, catalog_bytes;
    struct ack_range *answers; /* owned, HELD_ANSWERS_MAX while there are any */
    size_t answer_count;
    unsigned corked;
    struct frame_bye bye; /* DRAINING: what the bridge said */
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

static void move(struct receiver *receiver, enum receiver_state state, int64_t now_us)
{
    bool allowed = may_move(receiver->state, state);
    assert(allowed);
    (void)allowed;
    receiver->state = state;
    receiver->state_since_us = now_us;
}

static void send_out(struct receiver *receiver)
{
    receiver->events->send(receiver->owner, buffer_bytes(&receiver->out));
    if (receiver->out.capacity > KEPT_CAPACITY) {
        buffer_fini(&receiver->out);
    } else {
        buffer_clear(&receiver->out);
    }
}

static void end(struct receiver *receiver, enum err code, const struct frame_bye *bye, int64_t now_us)
{
    move(receiver, RECEIVER_CLOSED, now_us);
    receiver->events->closed(receiver->owner, code, bye->reason, bye->text);
}

/* Says why, as far as there is memory to say it, and ends. */
static void give_up(struct receiver *receiver, enum err code, enum bye_reason reason, const char *text,
                    int64_t now_us)
{
    struct frame_bye bye = {.reason = reason};
    frame_set_text(bye.text, text);
    if (frame_write_bye(&receiver->out, &bye) == ERR_OK) {
        send_out(receiver);
    }
    end(receiver, code, &bye, now_us);
}

static void send_or_give_up(struct receiver *receiver, enum err written, int64_t now_us)
{
    if (written == ERR_OK) {
        send_out(receiver);
    } else {
        give_up(receiver, written, BYE_SHUTTING_DOWN, "out of memory", now_us);
    }
}

static bool is_answering(const struct receiver *receiver)
{
    return receiver->outstanding.count > 0 || receiver->catalogs_pending > 0;
}

static void start_owing(struct receiver *receiver, int64_t now_us)
{
    if (!is_answering(receiver)) {
        receiver->owed_since_us = now_us;
    }
}

static void send_answers(struct receiver *receiver, int64_t now_us)
{
    if (receiver->answer_count == 0 || receiver->state == RECEIVER_CLOSED) {
        return;
    }
    enum err err = frame_write_ack(&receiver->out, receiver->answers, receiver->answer_count);
    receiver->answer_count = 0;
    free(receiver->answers);
    receiver->answers = NULL;
    receiver->owed_since_us = now_us;
    send_or_give_up(receiver, err, now_us);
}

/* Ends the session once the bridge has said goodbye and everything it sent has been answered. */
static void drain(struct receiver *receiver, int64_t now_us)
{
    static const struct frame_bye done = {.reason = BYE_DONE};
    if (receiver->state != RECEIVER_DRAINING || is_answering(receiver)) {
        return;
    }
    send_or_give_up(receiver, frame_write_bye(&receiver->out, &done), now_us);
    if (receiver->state != RECEIVER_CLOSED) {
        end(receiver, bye_reason_err(receiver->bye.reason), &receiver->bye, now_us);
    }
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
        drain(receiver, now_us);
    }
}

static bool continues(const struct ack_range *range, const struct ack_range *next)
{
    return next->first > 0 && range->last == next->first - 1 && range->result == next->result &&
           range->committed_us == next->committed_us && range->delay_ms == next->delay_ms &&
           strcmp(range->text, next->text) == 0;
}

static void answer(struct receiver *receiver, const struct ack_range *range, int64_t now_us)
{
    size_t count = receiver->answer_count;
    if (count > 0 && continues(&receiver->answers[count - 1], range)) {
        receiver->answers[count - 1].last = range->last;
        return;
    }
    if (count == HELD_ANSWERS_MAX) {
        send_answers(receiver, now_us);
    }
    if (!receiver->answers) {
        receiver->answers = malloc(HELD_ANSWERS_MAX * sizeof *receiver->answers);
    }
    if (!receiver->answers) {
        send_or_give_up(receiver, frame_write_ack(&receiver->out, range, 1), now_us);
        return;
    }
    receiver->answers[receiver->answer_count++] = *range;
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

static enum err on_open(struct receiver *receiver, struct bytes payload, int64_t now_us, struct err_text *why)
{
    struct frame_open open;
    enum err err = frame_read_open(payload, &open, why);
    if (err != ERR_OK) {
        return err;
    }
    if (open.version != TUNNEL_VERSION) {
        return err_set(why, ERR_VERSION, "bridge chose version %u, which was not offered", open.version);
    }
    memcpy(receiver->epoch, open.epoch, sizeof receiver->epoch);
    move(receiver, RECEIVER_LOOKING_UP, now_us);
    receiver->events->open(receiver->owner, &open);
    return ERR_OK;
}

static struct held_catalog *held_catalog(struct receiver *receiver, const uint8_t *hash)
{
    for (size_t i = 0; i < receiver->catalog_count; i++) {
        if (memcmp(receiver->catalogs[i].hash, hash, CATALOG_HASH_SIZE) == 0) {
            return &receiver->catalogs[i];
        }
    }
    return NULL;
}

static void drop_catalog(struct receiver *receiver, struct held_catalog *held)
{
    catalog_free(held->owned);
    *held = receiver->catalogs[--receiver->catalog_count];
}

/* Finds the catalog with the owner, or decodes it. */
static enum err hold_catalog(struct receiver *receiver, struct bytes encoded, const uint8_t *hash,
                             struct held_catalog **held, struct err_text *why)
{
    struct held_catalog made = {.catalog = receiver->events->find_catalog(receiver->owner, hash)};
    if (!made.catalog) {
        enum err err = catalog_decode(encoded, &made.owned, why);
        if (err != ERR_OK) {
            return err;
        }
        made.catalog = made.owned;
        if (receiver->events->keep_catalog && receiver->events->keep_catalog(receiver->owner, made.owned)) {
            made.owned = NULL;
        }
    }
    memcpy(made.hash, hash, CATALOG_HASH_SIZE);
    *held = &receiver->catalogs[receiver->catalog_count++];
    **held = made;
    return ERR_OK;
}

static void answer_catalog(struct receiver *receiver, const uint8_t *hash, enum err err, const char *text,
                           int64_t now_us)
{
    struct frame_catalog_ack ack = {.result = err == ERR_NO_MEMORY ? ACK_RETRY_AFTER : ACK_REJECTED};
    memcpy(ack.hash, hash, sizeof ack.hash);
    frame_set_text(ack.text, text);
    send_or_give_up(receiver, frame_write_catalog_ack(&receiver->out, &ack), now_us);
}

static enum err on_catalog(struct receiver *receiver, struct bytes payload, int64_t now_us,
                           struct err_text *why)
{
    uint8_t hash[CATALOG_HASH_SIZE];
    enum err err = digest_sha256(payload, hash);
    if (err != ERR_OK) {
        return err_set(why, err, "out of memory");
    }
    receiver->catalogs_received++;
    receiver->catalog_bytes += payload.size;
    struct held_catalog *held = held_catalog(receiver, hash);
    if (held && held->pending) {
        return err_set(why, ERR_MALFORMED, "a catalog sent again before its answer");
    }
    if (!held) {
        err = hold_catalog(receiver, payload, hash, &held, why);
    }
    if (err != ERR_OK) {
        answer_catalog(receiver, hash, err, why->text, now_us);
        return ERR_OK;
    }
    start_owing(receiver, now_us);
    held->pending = true;
    receiver->catalogs_pending++;
    receiver->events->catalog(receiver->owner, held->catalog);
    return ERR_OK;
}

void receiver_catalog_stored(struct receiver *receiver, const struct frame_catalog_ack *ack, int64_t now_us)
{
    struct held_catalog *held = held_catalog(receiver, ack->hash);
    if (receiver->state == RECEIVER_CLOSED || !held || !held->pending) {
        return;
    }
    held->pending = false;
    receiver->catalogs_pending--;
    receiver->owed_since_us = now_us;
    if (ack->result != ACK_COMMITTED && ack->result != ACK_DUPLICATE) {
        drop_catalog(receiver, held);
    }
    send_or_give_up(receiver, frame_write_catalog_ack(&receiver->out, ack), now_us);
    if (receiver->corked == 0) {
        drain(receiver, now_us);
    }
}

static enum err check_readings(struct receiver *receiver, const struct batch_view *view, struct err_text *why)
{
    const struct held_catalog *held = held_catalog(receiver, view->catalog_hash);
    const struct catalog *catalog =
        held ? held->catalog : receiver->events->find_catalog(receiver->owner, view->catalog_hash);
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

static enum err on_batch(struct receiver *receiver, struct bytes payload, int64_t now_us,
                         struct err_text *why)
{
    struct frame_batch frame;
    enum err err = frame_read_batch(payload, &frame, why);
    if (err != ERR_OK) {
        return err;
    }
    const struct flight_batch batch = {
        .sequence = frame.sequence, .size = frame.encoded.size, .sent_us = now_us};
    start_owing(receiver, now_us);
    err = flight_add(&receiver->outstanding, &batch);
    if (err != ERR_OK) {
        return err_set(why, err, "batch %llu came again before its answer",
                       (unsigned long long)frame.sequence);
    }
    struct batch_view view;
    err = check_batch(receiver, &frame, &view, why);
    if (err != ERR_OK) {
        refuse(receiver, frame.sequence, err, why->text, now_us);
        return ERR_OK;
    }
    receiver->events->batch(receiver->owner, &view, frame.historical);
    return ERR_OK;
}

static enum err on_test(struct receiver *receiver, struct bytes payload, int64_t now_us, struct err_text *why)
{
    enum err err = frame_read_empty(payload, why);
    if (err == ERR_OK) {
        send_or_give_up(receiver, frame_write_empty(&receiver->out, FRAME_TEST_ACK), now_us);
    }
    return err;
}

/* That something came is what counts, and it has been counted. */
static enum err on_test_ack(struct receiver *receiver, struct bytes payload, int64_t now_us,
                            struct err_text *why)
{
    (void)receiver;
    (void)now_us;
    return frame_read_empty(payload, why);
}

static enum err on_bye(struct receiver *receiver, struct bytes payload, int64_t now_us, struct err_text *why)
{
    enum err err = frame_read_bye(payload, &receiver->bye, why);
    if (err != ERR_OK) {
        return err;
    }
    enum err code = bye_reason_err(receiver->bye.reason);
    if (receiver->state != RECEIVER_READY || code != ERR_OK) {
        end(receiver, code, &receiver->bye, now_us);
        return ERR_OK;
    }
    move(receiver, RECEIVER_DRAINING, now_us);
    return ERR_OK;
}

enum {
    IN_WAIT_OPEN = 1 << RECEIVER_WAIT_OPEN,
    IN_READY = 1 << RECEIVER_READY,
    IN_SESSION = IN_READY | 1 << RECEIVER_DRAINING,
    IN_ANY = IN_WAIT_OPEN | 1 << RECEIVER_LOOKING_UP | IN_SESSION,
};

static const struct handler {
    unsigned states;
    enum err (*handle)(struct receiver *receiver, struct bytes payload, int64_t now_us, struct err_text *why);
} handlers[] = {
    [FRAME_OPEN] = {IN_WAIT_OPEN, on_open},       [FRAME_CATALOG] = {IN_READY, on_catalog},
    [FRAME_BATCH] = {IN_READY, on_batch},         [FRAME_TEST] = {IN_SESSION, on_test},
    [FRAME_TEST_ACK] = {IN_SESSION, on_test_ack}, [FRAME_BYE] = {IN_ANY, on_bye},
};

static enum err catalog_max(const struct receiver *receiver, uint32_t *max, struct err_text *why)
{
    if (receiver->catalogs_received == TUNNEL_CATALOGS_MAX) {
        return err_set(why, ERR_LIMIT, "more than %d catalogs in a session", TUNNEL_CATALOGS_MAX);
    }
    *max = receiver->hello.max_catalog - (uint32_t)receiver->catalog_bytes;
    return ERR_OK;
}

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

static enum err payload_max(const void *owner, enum frame_type type, uint32_t *max, struct err_text *why)
{
    const struct receiver *receiver = owner;
    if ((size_t)type >= ARRAY_LENGTH(handlers) || !(handlers[type].states & 1U << receiver->state)) {
        return err_set(why, ERR_MALFORMED, "a bridge does not send %s now", frame_type_name(type));
    }
    if (type == FRAME_CATALOG) {
        return catalog_max(receiver, max, why);
    }
    if (type == FRAME_BATCH) {
        return batch_max(receiver, max, why);
    }
    *max = FRAME_SMALL_MAX;
    return ERR_OK;
}

static void fail(struct receiver *receiver, enum err code, const char *text, int64_t now_us)
{
    enum bye_reason reason = BYE_PROTOCOL;
    if (code == ERR_VERSION) {
        reason = BYE_VERSION;
    } else if (code == ERR_NO_MEMORY) {
        reason = BYE_SHUTTING_DOWN;
    }
    send_answers(receiver, now_us);
    if (receiver->state != RECEIVER_CLOSED) {
        give_up(receiver, code, reason, text, now_us);
    }
}

static void take_frames(struct receiver *receiver, struct bytes bytes, int64_t now_us)
{
    const struct frame_gate gate = {.owner = receiver, .payload_max = payload_max};
    bool whole = true;
    while (whole && receiver->state != RECEIVER_CLOSED) {
        struct frame frame;
        struct err_text why = {""};
        enum err err = frame_stream_next(&receiver->stream, &bytes, &gate, &frame, &whole, &why);
        if (err == ERR_OK && whole) {
            err = handlers[frame.type].handle(receiver, frame.payload, now_us, &why);
        }
        if (err != ERR_OK) {
            fail(receiver, err, why.text, now_us);
        }
    }
}

void receiver_receive(struct receiver *receiver, struct bytes bytes, int64_t now_us)
{
    liveness_heard(&receiver->liveness, now_us);
    bool was_waiting = frame_stream_is_waiting(&receiver->stream);
    receiver_cork(receiver);
    take_frames(receiver, bytes, now_us);
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
    receiver->hello.version_min = TUNNEL_VERSION;
    receiver->hello.version_max = TUNNEL_VERSION;
    if (receiver->hello.window_bytes < receiver->hello.max_batch) {
        receiver->hello.window_bytes = receiver->hello.max_batch;
    }
    receiver->state = RECEIVER_WAIT_OPEN;
    receiver->state_since_us = now_us;
    liveness_start(&receiver->liveness, options->hello.t1_ms, options->hello.t3_ms, now_us);
    frame_stream_init(&receiver->stream);
    flight_init(&receiver->outstanding);
    buffer_init(&receiver->out, FRAME_HEAD_SIZE + FRAME_SMALL_MAX + HELD_ANSWERS_MAX * FRAME_ACK_RANGE_MAX);
    return receiver;
}

void receiver_free(struct receiver *receiver)
{
    if (!receiver) {
        return;
    }
    for (size_t i = 0; i < receiver->catalog_count; i++) {
        catalog_free(receiver->catalogs[i].owned);
    }
    frame_stream_fini(&receiver->stream);
    flight_fini(&receiver->outstanding);
    buffer_fini(&receiver->out);
    free(receiver->answers);
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
    send_or_give_up(receiver, frame_write_hello(&receiver->out, &receiver->hello), now_us);
}

void receiver_opened(struct receiver *receiver, const struct frame_welcome *welcome, int64_t now_us)
{
    if (receiver->state != RECEIVER_LOOKING_UP) {
        return;
    }
    move(receiver, RECEIVER_READY, now_us);
    send_or_give_up(receiver, frame_write_welcome(&receiver->out, welcome), now_us);
}

void receiver_goodbye(struct receiver *receiver, enum bye_reason reason, const char *text, int64_t now_us)
{
    send_answers(receiver, now_us);
    if (receiver->state != RECEIVER_CLOSED) {
        give_up(receiver, bye_reason_err(reason), reason, text, now_us);
    }
}

/* While a frame still comes, the bridge waits as well, but only bytes that came since say that it does come.
 */
static bool owes_a_sign(const struct receiver *receiver)
{
    bool coming =
        frame_stream_is_waiting(&receiver->stream) && receiver->liveness.heard_us > receiver->owed_since_us;
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
    int64_t alive_us = liveness_deadline_us(&receiver->liveness);
    return sign_us < alive_us ? sign_us : alive_us;
}

static void tick_opening(struct receiver *receiver, int64_t now_us)
{
    if (now_us >= opening_deadline_us(receiver)) {
        bool late = receiver->state == RECEIVER_WAIT_OPEN;
        give_up(receiver, ERR_TIMEOUT, BYE_TIMEOUT,
                late ? "no OPEN within t1" : "the store took longer than t1", now_us);
    }
}

static void tick_session(struct receiver *receiver, int64_t now_us)
{
    switch (liveness_check(&receiver->liveness, now_us)) {
    case LIVENESS_FINE:
        break;
    case LIVENESS_TEST_DUE:
        send_or_give_up(receiver, frame_write_empty(&receiver->out, FRAME_TEST), now_us);
        break;
    case LIVENESS_GONE:
        give_up(receiver, ERR_TIMEOUT, BYE_TIMEOUT, "no answer to TEST within t1", now_us);
        break;
    }
    if (receiver->state != RECEIVER_CLOSED && now_us >= sign_deadline_us(receiver)) {
        receiver->owed_since_us = now_us;
        send_or_give_up(receiver, frame_write_ack(&receiver->out, NULL, 0), now_us);
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
