/*
 * A session_sender under a script of a hostile server, its owner and the clock. Each step is an operation and
 * what it needs (see enum step). Whatever comes: only what is in flight is called acknowledged, and once; the
 * window is kept; the end comes once and is the end.
 */
#include "base/wire.h"
#include "tunnel/session_sender.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step {
    STEP_RAW,         /* size, bytes */
    STEP_FRAME,       /* type, size, payload */
    STEP_HELLO,       /* a sound HELLO */
    STEP_WELCOME,     /* a sound WELCOME */
    STEP_ACK,         /* first, last, result */
    STEP_CATALOG_ACK, /* */
    STEP_SEND,        /* sequence */
    STEP_CATALOG,     /* */
    STEP_PASS,        /* tenths of seconds */
    STEP_GOODBYE,     /* reason */
    STEP_COUNT
};

enum { WINDOW = 6, SEQUENCES = 256 };

struct run {
    struct sender *sender;
    bool in_flight[SEQUENCES];
    size_t in_flight_count;
    size_t catalogs_waiting;
    bool ready, closed;
    int64_t now_us;
};

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void on_send(void *owner, struct bytes bytes)
{
    const struct run *run = owner;
    must(!run->closed && bytes.size >= FRAME_HEAD_SIZE);
}

static void on_ready(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome)
{
    struct run *run = owner;
    must(!run->ready && !run->closed && hello->window_batches > 0 && welcome->highest >= welcome->contiguous);
    run->ready = true;
}

static void on_catalog_acked(void *owner, const struct frame_catalog_ack *ack)
{
    struct run *run = owner;
    (void)ack;
    must(!run->closed && run->catalogs_waiting > 0);
    run->catalogs_waiting--;
}

static void on_acked(void *owner, const struct ack_range *range, int64_t first_sent_us)
{
    struct run *run = owner;
    must(!run->closed && first_sent_us <= run->now_us);
    for (uint64_t sequence = range->first; sequence <= range->last; sequence++) {
        must(sequence < SEQUENCES && run->in_flight[sequence]);
        run->in_flight[sequence] = false;
        run->in_flight_count--;
    }
}

static void on_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct run *run = owner;
    (void)reason;
    (void)text;
    must(!run->closed);
    must(code != ERR_OK || run->in_flight_count == 0);
    run->closed = true;
}

static const struct sender_events events = {
    .send = on_send,
    .ready = on_ready,
    .catalog_acked = on_catalog_acked,
    .acked = on_acked,
    .closed = on_closed,
};

static void receive(struct run *run, struct bytes bytes)
{
    sender_receive(run->sender, bytes, run->now_us);
}

static void step_frame(struct run *run, struct wire_reader *script)
{
    uint8_t type = wire_read_u8(script);
    struct bytes payload = wire_read_bytes(script, wire_read_u8(script));
    const uint8_t head[FRAME_HEAD_SIZE] = {0, 0, 0, (uint8_t)payload.size, type};
    receive(run, (struct bytes){.data = head, .size = sizeof head});
    receive(run, payload);
}

static enum err write_sound(enum step step, struct wire_reader *script, struct buffer *frame)
{
    if (step == STEP_HELLO) {
        const struct frame_hello hello = {.version_min = 1,
                                          .version_max = TUNNEL_VERSION,
                                          .max_batch = FRAME_BATCH_LEAST,
                                          .max_catalog = 64,
                                          .window_batches = WINDOW,
                                          .window_bytes = FRAME_BATCH_LEAST,
                                          .t1_ms = 1500,
                                          .t2_ms = 1000,
                                          .t3_ms = 2000};
        return frame_write_hello(frame, &hello);
    }
    if (step == STEP_WELCOME) {
        const struct frame_welcome welcome = {.contiguous = 1, .highest = 2};
        return frame_write_welcome(frame, TUNNEL_VERSION, &welcome);
    }
    if (step == STEP_ACK) {
        struct ack_range range = {.first = wire_read_u8(script)};
        range.last = wire_read_u8(script);
        range.result = (enum ack_result)(wire_read_u8(script) % 4);
        return frame_write_ack(frame, &range, range.first > 0 ? 1 : 0);
    }
    const struct frame_catalog_ack ack = {.result = ACK_COMMITTED};
    return frame_write_catalog_ack(frame, &ack);
}

static void step_sound(struct run *run, enum step step, struct wire_reader *script)
{
    struct buffer frame;
    buffer_init(&frame, SIZE_MAX);
    must(write_sound(step, script, &frame) == ERR_OK);
    receive(run, buffer_bytes(&frame));
    buffer_fini(&frame);
}

static void step_send(struct run *run, uint8_t sequence)
{
    static const uint8_t bytes[1000];
    const struct bytes batch = {.data = bytes, .size = 10 * (size_t)(sequence % 100 + 1)};
    bool room = sender_has_room(run->sender, batch.size);
    enum err err = sender_send_batch(run->sender, sequence, batch, false, run->now_us);
    must((err == ERR_OK) == (room && sequence > 0 && !run->in_flight[sequence]));
    if (err == ERR_OK) {
        run->in_flight[sequence] = true;
        run->in_flight_count++;
    }
    must(run->in_flight_count <= WINDOW);
}

static void step_catalog(struct run *run)
{
    static const uint8_t bytes[10];
    enum err err =
        sender_send_catalog(run->sender, (struct bytes){.data = bytes, .size = sizeof bytes}, run->now_us);
    run->catalogs_waiting += err == ERR_OK;
}

static void step_pass(struct run *run, uint8_t tenths)
{
    run->now_us += (int64_t)tenths * 100000;
    sender_tick(run->sender, run->now_us);
    must(run->closed == (sender_deadline_us(run->sender) == INT64_MAX));
}

static void do_step(struct run *run, enum step step, struct wire_reader *script)
{
    switch (step) {
    case STEP_RAW:
        receive(run, wire_read_bytes(script, wire_read_u8(script)));
        break;
    case STEP_FRAME:
        step_frame(run, script);
        break;
    case STEP_HELLO:
    case STEP_WELCOME:
    case STEP_ACK:
    case STEP_CATALOG_ACK:
        step_sound(run, step, script);
        break;
    case STEP_SEND:
        step_send(run, wire_read_u8(script));
        break;
    case STEP_CATALOG:
        step_catalog(run);
        break;
    case STEP_PASS:
        step_pass(run, wire_read_u8(script));
        break;
    case STEP_GOODBYE:
        sender_goodbye(run->sender, (enum bye_reason)(wire_read_u8(script) % 9), "bye", run->now_us);
        break;
    case STEP_COUNT:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.now_us = 1000000};
    const struct sender_options options = {
        .events = &events, .owner = &run, .open = {.first_sequence = 1, .next_sequence = 1}};
    run.sender = sender_new(&options, run.now_us);
    struct wire_reader script = wire_reader(data, size);
    while (wire_left(&script) > 0) {
        do_step(&run, (enum step)(wire_read_u8(&script) % STEP_COUNT), &script);
        must(run.closed == (sender_state(run.sender) == SENDER_CLOSED));
        must(sender_in_flight(run.sender) == run.in_flight_count);
    }
    sender_free(run.sender);
    return 0;
}
