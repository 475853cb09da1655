/*
 * A session_receiver under a script of a hostile bridge, a slow store and the clock. Each step is an
 * operation and what it needs (see enum step). Whatever comes: nothing is acknowledged that the store did not
 * commit, the window is kept, the end comes once and is the end, and everything said is well-formed.
 */
#include "base/wire.h"
#include "support/sample.h"
#include "tunnel/batch_builder.h"
#include "tunnel/frame_stream.h"
#include "tunnel/session_receiver.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step {
    STEP_RAW,          /* size, bytes */
    STEP_FRAME,        /* type, size, payload */
    STEP_OPEN,         /* a sound OPEN */
    STEP_CATALOG,      /* the catalog */
    STEP_BATCH,        /* sequence: a sound batch */
    STEP_STORED,       /* sequence, result */
    STEP_OPENED,       /* */
    STEP_CATALOG_DONE, /* result */
    STEP_PASS,         /* tenths of seconds */
    STEP_CORK,
    STEP_UNCORK,
    STEP_GOODBYE, /* reason */
    STEP_COUNT
};

enum { WINDOW = 4, SEQUENCES = 256 };

struct run {
    struct receiver *receiver;
    bool outstanding[SEQUENCES]; /* handed to the store */
    unsigned durable[SEQUENCES]; /* how often the store said so without an acknowledgement yet */
    size_t outstanding_count;
    unsigned corked;
    bool closed;
    struct frame_stream said;
    int64_t now_us;
};

/* Kept between inputs, for speed. */
static struct catalog *catalog;
static struct batch_decoder *decoder;
static struct buffer batches[SEQUENCES];

static void make_once(void)
{
    if (catalog) {
        return;
    }
    catalog = sample_registers(VALUE_UINT16, 2);
    decoder = batch_decoder_new();
    struct batch_builder *builder = batch_builder_new(catalog);
    for (size_t i = 1; i < SEQUENCES; i++) {
        const struct reading reading = {.word_count = 1, .words = {(uint16_t)i}};
        const struct batch_identity identity = {.sequence = i};
        buffer_init(&batches[i], BATCH_SIZE_MAX);
        if (batch_builder_add(builder, &reading) != ERR_OK ||
            batch_builder_finish(builder, &identity, &batches[i]) != ERR_OK) {
            abort();
        }
    }
    batch_builder_free(builder);
}

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static enum err check_range(void *owner, const struct ack_range *range, struct err_text *why)
{
    struct run *run = owner;
    (void)why;
    bool durable = range->result == ACK_COMMITTED || range->result == ACK_DUPLICATE;
    for (uint64_t sequence = range->first; durable && sequence <= range->last; sequence++) {
        must(sequence < SEQUENCES && run->durable[sequence] > 0);
        run->durable[sequence]--;
    }
    return ERR_OK;
}

static void check_said(struct run *run, const struct frame *frame)
{
    struct frame_hello hello;
    struct frame_welcome welcome;
    struct frame_catalog_ack catalog_ack;
    struct frame_bye bye;
    const struct ack_visitor visitor = {.owner = run, .range = check_range};
    size_t count;
    must(frame->type != FRAME_HELLO || frame_read_hello(frame->payload, &hello, NULL) == ERR_OK);
    must(frame->type != FRAME_WELCOME || frame_read_welcome(frame->payload, 1, &welcome, NULL) == ERR_OK ||
         frame_read_welcome(frame->payload, 2, &welcome, NULL) == ERR_OK);
    must(frame->type != FRAME_CATALOG_ACK ||
         frame_read_catalog_ack(frame->payload, &catalog_ack, NULL) == ERR_OK);
    must(frame->type != FRAME_ACK || frame_read_ack(frame->payload, &visitor, &count, NULL) == ERR_OK);
    must(frame->type != FRAME_BYE || frame_read_bye(frame->payload, &bye, NULL) == ERR_OK);
    must(frame->type != FRAME_OPEN && frame->type != FRAME_CATALOG && frame->type != FRAME_BATCH);
}

static enum err anything(const void *owner, enum frame_type type, uint32_t *max, struct err_text *why)
{
    (void)owner;
    (void)type;
    (void)why;
    *max = UINT32_MAX;
    return ERR_OK;
}

static void on_send(void *owner, struct bytes bytes)
{
    struct run *run = owner;
    const struct frame_gate gate = {.payload_max = anything};
    bool whole = true;
    must(!run->closed);
    while (whole) {
        struct frame frame;
        must(frame_stream_next(&run->said, &bytes, &gate, &frame, &whole, NULL) == ERR_OK);
        if (whole) {
            check_said(run, &frame);
        }
    }
}

static void on_open(void *owner, const struct frame_open *open)
{
    const struct run *run = owner;
    (void)open;
    must(!run->closed);
}

static void on_catalog(void *owner, const struct catalog *came)
{
    const struct run *run = owner;
    must(!run->closed && catalog_count(came) <= CATALOG_TAGS_MAX);
}

static void on_batch(void *owner, const struct batch_view *view, bool historical)
{
    struct run *run = owner;
    (void)historical;
    uint64_t sequence = view->identity.sequence;
    must(!run->closed && sequence < SEQUENCES && !run->outstanding[sequence]);
    run->outstanding[sequence] = true;
    run->outstanding_count++;
    must(run->outstanding_count <= WINDOW);
}

static const struct catalog *no_catalog(void *owner, const uint8_t *hash)
{
    (void)owner;
    (void)hash;
    return NULL;
}

static void on_rejected(void *owner, uint64_t sequence, const char *text)
{
    const struct run *run = owner;
    (void)sequence;
    must(!run->closed && text[0]);
}

static void on_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct run *run = owner;
    (void)code;
    (void)reason;
    (void)text;
    must(!run->closed);
    run->closed = true;
}

static const struct receiver_events events = {
    .send = on_send,
    .open = on_open,
    .catalog = on_catalog,
    .batch = on_batch,
    .find_catalog = no_catalog,
    .rejected = on_rejected,
    .closed = on_closed,
};

static void receive(struct run *run, struct bytes bytes)
{
    receiver_receive(run->receiver, bytes, run->now_us);
}

static void receive_written(struct run *run, struct buffer *frame, enum err written)
{
    must(written == ERR_OK);
    receive(run, buffer_bytes(frame));
    buffer_fini(frame);
}

static void step_frame(struct run *run, struct wire_reader *script)
{
    uint8_t type = wire_read_u8(script);
    struct bytes payload = wire_read_bytes(script, wire_read_u8(script));
    const uint8_t head[FRAME_HEAD_SIZE] = {0, 0, 0, (uint8_t)payload.size, type};
    receive(run, (struct bytes){.data = head, .size = sizeof head});
    receive(run, payload);
}

static void step_open(struct run *run)
{
    struct buffer frame;
    const struct frame_open open = {.version = 1, .first_sequence = 1, .next_sequence = 1};
    buffer_init(&frame, SIZE_MAX);
    receive_written(run, &frame, frame_write_open(&frame, &open));
}

static void step_catalog(struct run *run)
{
    struct buffer frame;
    buffer_init(&frame, SIZE_MAX);
    receive_written(run, &frame, frame_write_catalog(&frame, catalog_encoded(catalog)));
}

static void step_batch(struct run *run, uint8_t sequence)
{
    struct buffer frame;
    const struct frame_batch batch = {.sequence = sequence, .encoded = buffer_bytes(&batches[sequence])};
    buffer_init(&frame, SIZE_MAX);
    receive_written(run, &frame, frame_write_batch(&frame, &batch));
}

static void step_stored(struct run *run, uint8_t sequence, enum ack_result result)
{
    if (run->outstanding[sequence]) {
        run->outstanding[sequence] = false;
        run->outstanding_count--;
        run->durable[sequence] += result == ACK_COMMITTED || result == ACK_DUPLICATE;
    }
    receiver_stored(run->receiver, sequence, result, 1, 1, "x", run->now_us);
}

static void step_catalog_done(struct run *run, enum ack_result result)
{
    struct frame_catalog_ack ack = {.result = result};
    memcpy(ack.hash, catalog_hash(catalog), sizeof ack.hash);
    receiver_catalog_stored(run->receiver, &ack, run->now_us);
}

static void step_pass(struct run *run, uint8_t tenths)
{
    run->now_us += (int64_t)tenths * 100000;
    receiver_tick(run->receiver, run->now_us);
    must(run->closed == (receiver_deadline_us(run->receiver) == INT64_MAX));
}

static void do_step(struct run *run, enum step step, struct wire_reader *script)
{
    static const struct frame_welcome nothing = {0};
    switch (step) {
    case STEP_RAW:
        receive(run, wire_read_bytes(script, wire_read_u8(script)));
        break;
    case STEP_FRAME:
        step_frame(run, script);
        break;
    case STEP_OPEN:
        step_open(run);
        break;
    case STEP_CATALOG:
        step_catalog(run);
        break;
    case STEP_BATCH:
        step_batch(run, wire_read_u8(script));
        break;
    case STEP_STORED: {
        uint8_t sequence = wire_read_u8(script);
        step_stored(run, sequence, (enum ack_result)(wire_read_u8(script) % 4));
        break;
    }
    case STEP_OPENED:
        receiver_opened(run->receiver, &nothing, run->now_us);
        break;
    case STEP_CATALOG_DONE:
        step_catalog_done(run, (enum ack_result)(wire_read_u8(script) % 4));
        break;
    case STEP_PASS:
        step_pass(run, wire_read_u8(script));
        break;
    case STEP_CORK:
        receiver_cork(run->receiver);
        run->corked++;
        break;
    case STEP_UNCORK:
        if (run->corked > 0) {
            run->corked--;
            receiver_uncork(run->receiver, run->now_us);
        }
        break;
    case STEP_GOODBYE:
        receiver_goodbye(run->receiver, (enum bye_reason)(wire_read_u8(script) % 9), "bye", run->now_us);
        break;
    case STEP_COUNT:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_once();
    struct run run = {.now_us = 1000000};
    const struct receiver_options options = {.events = &events,
                                             .owner = &run,
                                             .decoder = decoder,
                                             .hello = {.max_batch = FRAME_BATCH_LEAST,
                                                       .max_catalog = 4096,
                                                       .window_batches = WINDOW,
                                                       .window_bytes = FRAME_BATCH_LEAST,
                                                       .t1_ms = 1500,
                                                       .t2_ms = 1000,
                                                       .t3_ms = 2000}};
    frame_stream_init(&run.said);
    run.receiver = receiver_new(&options, run.now_us);
    receiver_start(run.receiver, run.now_us);
    struct wire_reader script = wire_reader(data, size);
    while (wire_left(&script) > 0) {
        do_step(&run, (enum step)(wire_read_u8(&script) % STEP_COUNT), &script);
        must(run.closed == (receiver_state(run.receiver) == RECEIVER_CLOSED));
        must(run.closed || receiver_outstanding(run.receiver) == run.outstanding_count);
    }
    receiver_free(run.receiver);
    frame_stream_fini(&run.said);
    return 0;
}
