#include "tunnel/session_sender.h"

#include "base/array.h"
#include "tunnel/flight.h"
#include "tunnel/session_link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Until HELLO names the server's own. */
    FIRST_T1_MS = 15000,
    FIRST_T3_MS = 20000,
    KEPT_CAPACITY = 65536, /* of the space for outgoing frames; more is given back after use */
};

struct sender {
    const struct sender_events *events; /* borrowed */
    void *owner;
    enum sender_state state;
    struct frame_open open;
    struct frame_hello hello;
    struct session_link link;
    struct flight flight;
    size_t catalogs_sent, catalog_bytes, catalogs_waiting;
    int64_t state_since_us;   /* WAIT_HELLO, WAIT_WELCOME: since when */
    int64_t waiting_since_us; /* for an answer to a batch or catalog, while there is one to come */
    struct frame_bye goodbye; /* DRAINING: what to say */
    bool said_bye;
    int64_t said_bye_us;
};

static bool may_move(enum sender_state from, enum sender_state to)
{
    static const struct {
        enum sender_state from, to;
    } moves[] = {
        {SENDER_WAIT_HELLO, SENDER_WAIT_WELCOME}, {SENDER_WAIT_WELCOME, SENDER_READY},
        {SENDER_READY, SENDER_DRAINING},          {SENDER_WAIT_HELLO, SENDER_CLOSED},
        {SENDER_WAIT_WELCOME, SENDER_CLOSED},     {SENDER_READY, SENDER_CLOSED},
        {SENDER_DRAINING, SENDER_CLOSED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(moves); i++) {
        if (moves[i].from == from && moves[i].to == to) {
            return true;
        }
    }
    return false;
}

static void move(struct sender *sender, enum sender_state state)
{
    bool allowed = may_move(sender->state, state);
    assert(allowed);
    (void)allowed;
    sender->state = state;
}

static void on_ended(void *machine, enum err code, const struct frame_bye *bye)
{
    struct sender *sender = machine;
    move(sender, SENDER_CLOSED);
    sender->events->closed(sender->owner, code, bye->reason, bye->text);
}

/* When what is being handled came. */
static int64_t heard_us(const struct sender *sender)
{
    return sender->link.liveness.heard_us;
}

static void send_bytes(void *machine, struct bytes bytes)
{
    const struct sender *sender = machine;
    sender->events->send(sender->owner, bytes);
}

static bool is_waiting(const struct sender *sender)
{
    return sender->flight.count > 0 || sender->catalogs_waiting > 0;
}

/* Says goodbye once nothing is left to be answered. */
static void drain(struct sender *sender, int64_t now_us)
{
    if (sender->state != SENDER_DRAINING || sender->said_bye || is_waiting(sender)) {
        return;
    }
    sender->said_bye = true;
    sender->said_bye_us = now_us;
    session_link_send(&sender->link, frame_write_bye(&sender->link.out, &sender->goodbye));
}

static enum err on_hello(struct sender *sender, struct bytes payload, struct err_text *why)
{
    enum err err = frame_read_hello(payload, &sender->hello, why);
    if (err != ERR_OK) {
        return err;
    }
    if (sender->hello.version_min > TUNNEL_VERSION || sender->hello.version_max < TUNNEL_VERSION_MIN) {
        return err_set(why, ERR_VERSION, "server speaks versions %u to %u, this bridge %d to %d",
                       sender->hello.version_min, sender->hello.version_max, TUNNEL_VERSION_MIN,
                       TUNNEL_VERSION);
    }
    sender->open.version =
        sender->hello.version_max < TUNNEL_VERSION ? sender->hello.version_max : TUNNEL_VERSION;
    liveness_start(&sender->link.liveness, sender->hello.t1_ms, sender->hello.t3_ms, heard_us(sender));
    move(sender, SENDER_WAIT_WELCOME);
    sender->state_since_us = heard_us(sender);
    session_link_send(&sender->link, frame_write_open(&sender->link.out, &sender->open));
    return ERR_OK;
}

static enum err on_welcome(struct sender *sender, struct bytes payload, struct err_text *why)
{
    struct frame_welcome welcome;
    enum err err = frame_read_welcome(payload, sender->open.version, &welcome, why);
    if (err != ERR_OK) {
        return err;
    }
    if (welcome.highest >= sender->open.next_sequence && welcome.highest > SENDER_SEQUENCE_MAX) {
        return err_set(why, ERR_MALFORMED,
                       "welcome: batch %llu is said to be stored, which nobody can have made",
                       (unsigned long long)welcome.highest);
    }
    move(sender, SENDER_READY);
    sender->events->ready(sender->owner, &sender->hello, &welcome);
    return ERR_OK;
}

static enum err on_catalog_ack(struct sender *sender, struct bytes payload, struct err_text *why)
{
    struct frame_catalog_ack ack;
    enum err err = frame_read_catalog_ack(payload, &ack, why);
    if (err != ERR_OK) {
        return err;
    }
    if (sender->catalogs_waiting == 0) {
        return err_set(why, ERR_MALFORMED, "an answer to a catalog that was not sent");
    }
    sender->catalogs_waiting--;
    sender->waiting_since_us = heard_us(sender);
    sender->events->catalog_acked(sender->owner, &ack);
    drain(sender, heard_us(sender));
    return ERR_OK;
}

static enum err on_range(void *owner, const struct ack_range *range, struct err_text *why)
{
    struct sender *sender = owner;
    struct flight_batch first;
    if (!flight_remove(&sender->flight, range->first, range->last, &first)) {
        return err_set(why, ERR_MALFORMED, "an ack of %llu to %llu, which are not all in flight",
                       (unsigned long long)range->first, (unsigned long long)range->last);
    }
    sender->events->acked(sender->owner, range, first.sent_us);
    return ERR_OK;
}

static enum err on_ack(struct sender *sender, struct bytes payload, struct err_text *why)
{
    const struct ack_visitor visitor = {.owner = sender, .range = on_range};
    size_t ranges;
    enum err err = frame_read_ack(payload, &visitor, &ranges, why);
    if (err != ERR_OK) {
        return err;
    }
    sender->waiting_since_us = heard_us(sender);
    drain(sender, heard_us(sender));
    return ERR_OK;
}

static void answer_bye(struct sender *sender)
{
    static const struct frame_bye done = {.reason = BYE_DONE};
    struct session_link *link = &sender->link;
    if (!sender->said_bye && frame_write_bye(&link->out, &done) == ERR_OK) {
        session_link_send(link, ERR_OK);
    }
}

static enum err on_bye(struct sender *sender, struct bytes payload, struct err_text *why)
{
    struct frame_bye bye;
    enum err err = frame_read_bye(payload, &bye, why);
    if (err != ERR_OK) {
        return err;
    }
    enum err code = bye_reason_err(bye.reason);
    if (code == ERR_OK && (is_waiting(sender) || sender->state < SENDER_READY)) {
        code = ERR_CLOSED;
    }
    answer_bye(sender);
    session_link_end(&sender->link, code, sender->said_bye && code == ERR_OK ? &sender->goodbye : &bye);
    return ERR_OK;
}

enum {
    IN_WAIT_HELLO = 1 << SENDER_WAIT_HELLO,
    IN_WAIT_WELCOME = 1 << SENDER_WAIT_WELCOME,
    IN_SESSION = 1 << SENDER_READY | 1 << SENDER_DRAINING,
    IN_ANY = IN_WAIT_HELLO | IN_WAIT_WELCOME | IN_SESSION,
};

/* TEST and TEST_ACK are the link's to answer. */
static const struct handler {
    unsigned states;
    enum err (*handle)(struct sender *sender, struct bytes payload, struct err_text *why);
} handlers[] = {
    [FRAME_HELLO] = {IN_WAIT_HELLO, on_hello},
    [FRAME_WELCOME] = {IN_WAIT_WELCOME, on_welcome},
    [FRAME_CATALOG_ACK] = {IN_SESSION, on_catalog_ack},
    [FRAME_ACK] = {IN_SESSION, on_ack},
    [FRAME_TEST] = {IN_SESSION, NULL},
    [FRAME_TEST_ACK] = {IN_SESSION, NULL},
    [FRAME_BYE] = {IN_ANY, on_bye},
};

static enum err payload_max(const void *machine, enum frame_type type, uint32_t *max, struct err_text *why)
{
    const struct sender *sender = machine;
    if ((size_t)type >= ARRAY_LENGTH(handlers) || !(handlers[type].states & 1U << sender->state)) {
        return err_set(why, ERR_MALFORMED, "a server does not send %s now", frame_type_name(type));
    }
    *max = UINT32_MAX; /* none of a server's frames has more than frame.c allows it */
    return ERR_OK;
}

static enum err on_frame(void *machine, const struct frame *frame, struct err_text *why)
{
    struct sender *sender = machine;
    return handlers[frame->type].handle(sender, frame->payload, why);
}

static const struct session_link_events link_events = {
    .send = send_bytes,
    .payload_max = payload_max,
    .frame = on_frame,
    .ended = on_ended,
};

void sender_receive(struct sender *sender, struct bytes bytes, int64_t now_us)
{
    session_link_receive(&sender->link, bytes, now_us);
}

struct sender *sender_new(const struct sender_options *options, int64_t now_us)
{
    struct sender *sender = calloc(1, sizeof *sender);
    if (!sender) {
        return NULL;
    }
    sender->events = options->events;
    sender->owner = options->owner;
    sender->open = options->open;
    sender->state = SENDER_WAIT_HELLO;
    sender->state_since_us = now_us;
    sender->hello.t1_ms = FIRST_T1_MS;
    const struct session_link_options link = {.events = &link_events,
                                              .machine = sender,
                                              .out_limit = FRAME_HEAD_SIZE + CATALOG_SIZE_MAX,
                                              .out_kept = KEPT_CAPACITY};
    session_link_init(&sender->link, &link);
    liveness_start(&sender->link.liveness, FIRST_T1_MS, FIRST_T3_MS, now_us);
    flight_init(&sender->flight);
    return sender;
}

void sender_free(struct sender *sender)
{
    if (!sender) {
        return;
    }
    session_link_fini(&sender->link);
    flight_fini(&sender->flight);
    free(sender);
}

enum sender_state sender_state(const struct sender *sender)
{
    return sender->state;
}

size_t sender_in_flight(const struct sender *sender)
{
    return sender->flight.count;
}

static int64_t t1_us(const struct sender *sender)
{
    return (int64_t)sender->hello.t1_ms * 1000;
}

/* When the answer now waited for is too late; INT64_MAX: none is. */
static int64_t answer_deadline_us(const struct sender *sender)
{
    if (sender->state == SENDER_WAIT_HELLO || sender->state == SENDER_WAIT_WELCOME) {
        return sender->state_since_us + t1_us(sender);
    }
    if (is_waiting(sender)) {
        return sender->waiting_since_us + t1_us(sender);
    }
    return sender->said_bye ? sender->said_bye_us + t1_us(sender) : INT64_MAX;
}

int64_t sender_deadline_us(const struct sender *sender)
{
    if (sender->state == SENDER_CLOSED) {
        return INT64_MAX;
    }
    int64_t answer_us = answer_deadline_us(sender);
    if (sender->state < SENDER_READY) {
        return answer_us;
    }
    int64_t alive_us = liveness_deadline_us(&sender->link.liveness);
    return answer_us < alive_us ? answer_us : alive_us;
}

static const char *what_is_late(const struct sender *sender)
{
    if (sender->state == SENDER_WAIT_HELLO) {
        return "no HELLO within t1";
    }
    if (sender->state == SENDER_WAIT_WELCOME) {
        return "no WELCOME within t1";
    }
    return is_waiting(sender) ? "no answer to a batch or catalog within t1" : "no answer to BYE within t1";
}

void sender_tick(struct sender *sender, int64_t now_us)
{
    if (sender->state == SENDER_CLOSED) {
        return;
    }
    if (now_us >= answer_deadline_us(sender)) {
        session_link_give_up(&sender->link, ERR_TIMEOUT, BYE_TIMEOUT, what_is_late(sender));
        return;
    }
    if (sender->state >= SENDER_READY) {
        session_link_check_life(&sender->link, now_us);
    }
}

bool sender_has_room(const struct sender *sender, size_t batch_size)
{
    return sender->state == SENDER_READY && sender->flight.count < sender->hello.window_batches &&
           sender->flight.count < SENDER_WINDOW_MAX && batch_size <= sender->hello.window_bytes &&
           sender->flight.bytes <= sender->hello.window_bytes - batch_size;
}

static void start_waiting(struct sender *sender, int64_t now_us)
{
    if (!is_waiting(sender)) {
        sender->waiting_since_us = now_us;
    }
}

enum err sender_send_batch(struct sender *sender, uint64_t sequence, struct bytes encoded, bool historical,
                           int64_t now_us)
{
    if (sender->state != SENDER_READY) {
        return ERR_BUSY;
    }
    if (sequence == 0) {
        return ERR_MALFORMED;
    }
    if (encoded.size > sender->hello.max_batch) {
        return ERR_LIMIT;
    }
    if (!sender_has_room(sender, encoded.size)) {
        return ERR_BUSY;
    }
    const struct frame_batch frame = {.historical = historical, .sequence = sequence, .encoded = encoded};
    const struct flight_batch batch = {.sequence = sequence, .size = encoded.size, .sent_us = now_us};
    enum err err = frame_write_batch(&sender->link.out, &frame);
    if (err != ERR_OK) {
        return err;
    }
    start_waiting(sender, now_us);
    err = flight_add(&sender->flight, &batch);
    if (err != ERR_OK) {
        buffer_clear(&sender->link.out);
        return err;
    }
    session_link_send(&sender->link, ERR_OK);
    return ERR_OK;
}

enum err sender_send_catalog(struct sender *sender, struct bytes encoded, int64_t now_us)
{
    if (sender->state != SENDER_READY) {
        return ERR_BUSY;
    }
    if (sender->catalogs_sent == TUNNEL_CATALOGS_MAX ||
        encoded.size > sender->hello.max_catalog - sender->catalog_bytes) {
        return ERR_LIMIT;
    }
    enum err err = frame_write_catalog(&sender->link.out, encoded);
    if (err != ERR_OK) {
        return err;
    }
    start_waiting(sender, now_us);
    sender->catalogs_sent++;
    sender->catalog_bytes += encoded.size;
    sender->catalogs_waiting++;
    session_link_send(&sender->link, ERR_OK);
    return ERR_OK;
}

void sender_goodbye(struct sender *sender, enum bye_reason reason, const char *text, int64_t now_us)
{
    if (sender->state == SENDER_CLOSED || sender->state == SENDER_DRAINING) {
        return;
    }
    if (sender->state != SENDER_READY) {
        session_link_give_up(&sender->link, ERR_OK, reason, text);
        return;
    }
    sender->goodbye.reason = reason;
    frame_set_text(sender->goodbye.text, text);
    move(sender, SENDER_DRAINING);
    drain(sender, now_us);
}
