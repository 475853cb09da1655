#include "tunnel/session_receiver.h"

#include "base/array.h"
#include "tunnel/session_receiver_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT_CAPACITY = 4096, /* of the space for outgoing frames; more is given back after use */
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

static void send_bytes(void *machine, struct bytes bytes)
{
    const struct receiver *receiver = machine;
    receiver->events->send(receiver->owner, bytes);
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
    receiver->state_since_us = receiver_heard_us(receiver);
    receiver->events->open(receiver->owner, &open);
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
    [FRAME_OPEN] = {IN_WAIT_OPEN, on_open},        [FRAME_CATALOG] = {IN_READY, receiver_on_catalog},
    [FRAME_BATCH] = {IN_READY, receiver_on_batch}, [FRAME_TEST] = {IN_SESSION, NULL},
    [FRAME_TEST_ACK] = {IN_SESSION, NULL},         [FRAME_BYE] = {IN_ANY, on_bye},
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
    receiver_send_answers(receiver, receiver_heard_us(receiver));
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
        receiver_start_owing(receiver, now_us);
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
    receiver_send_answers(receiver, now_us);
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
    return receiver_is_answering(receiver) || coming;
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
