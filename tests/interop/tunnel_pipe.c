/*
 * tunnel_pipe: one end of a tunnel session on standard input and output, for peers this project did not
 * write.
 *
 *   tunnel_pipe receiver    stores nothing, but answers as if it did; writes the readings to standard error
 *   tunnel_pipe sender      delivers the examples of docs/protocol.md
 *
 * Exit status 0: the session ended clean.
 */
#include "base/clock.h"
#include "support/protocol_examples.h"
#include "tunnel/session_receiver.h"
#include "tunnel/session_sender.h"
#include "tunnel/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HANDED_MAX = 64, INPUT_SIZE = 65536, DEADLINE_S = 20 };

struct pipe {
    struct sender *sender;
    struct receiver *receiver;
    struct batch_decoder *decoder;
    struct catalog *catalog; /* owned: the receiver's last */
    uint64_t handed[HANDED_MAX];
    size_t handed_count;
    bool opened, catalog_came, ready, ended;
    enum err code;
};

static void send_bytes(void *owner, struct bytes bytes)
{
    (void)owner;
    while (bytes.size > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes.data, bytes.size);
        if (written <= 0) {
            _exit(EXIT_FAILURE);
        }
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
}

static void on_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct pipe *pipe = owner;
    pipe->ended = true;
    pipe->code = code;
    if (code != ERR_OK) {
        fprintf(stderr, "ended: %s, %s: %s\n", err_name(code), bye_reason_name(reason), text);
    }
}

static void on_open(void *owner, const struct frame_open *open)
{
    struct pipe *pipe = owner;
    (void)open;
    pipe->opened = true;
}

static void on_catalog(void *owner, const struct catalog *catalog)
{
    struct pipe *pipe = owner;
    catalog_free(pipe->catalog);
    if (catalog_decode(catalog_encoded(catalog), &pipe->catalog, NULL) != ERR_OK) {
        abort();
    }
    pipe->catalog_came = true;
}

static enum err print_reading(void *owner, const struct reading *reading)
{
    struct pipe *pipe = owner;
    const struct catalog_tag *tag = catalog_tag(pipe->catalog, reading->tag);
    struct value value = {.form = VALUE_FORM_NONE};
    char text[VALUE_TEXT_MAX];
    if (reading->word_count > 0 && value_decode(tag, reading->words, reading->word_count, &value) != ERR_OK) {
        return ERR_MALFORMED;
    }
    fprintf(stderr, "reading %s %" PRId64 " %" PRId64 " %d %s\n", tag->name, reading->request_us,
            reading->response_us, (int)reading->quality, value_text(&value, text));
    return ERR_OK;
}

static void print_gaps(const struct batch_view *view)
{
    static struct gap gaps[BATCH_GAPS_MAX];
    size_t count;
    if (batch_decode_gaps(view, gaps, BATCH_GAPS_MAX, &count, NULL) != ERR_OK) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "gap %d %s\n", (int)gaps[i].reason, gaps[i].link);
    }
}

static void on_batch(void *owner, const struct batch_view *view, bool historical)
{
    struct pipe *pipe = owner;
    const struct batch_visitor visitor = {.owner = pipe, .reading = print_reading};
    fprintf(stderr, "batch %" PRIu64 " %s\n", view->identity.sequence, historical ? "historical" : "live");
    if (view->kind == BATCH_GAPS) {
        print_gaps(view);
    } else if (batch_decode(pipe->decoder, view, pipe->catalog, &visitor, NULL) != ERR_OK) {
        abort();
    }
    pipe->handed[pipe->handed_count++] = view->identity.sequence;
}

static const struct catalog *no_catalog(void *owner, const uint8_t *hash)
{
    (void)owner;
    (void)hash;
    return NULL;
}

static void on_rejected(void *owner, uint64_t sequence, const char *text)
{
    (void)owner;
    fprintf(stderr, "rejected %" PRIu64 " %s\n", sequence, text);
}

static void on_ready(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome)
{
    struct pipe *pipe = owner;
    (void)hello;
    (void)welcome;
    pipe->ready = true;
}

static void on_catalog_acked(void *owner, const struct frame_catalog_ack *ack)
{
    (void)owner;
    fprintf(stderr, "catalog %s\n", ack_result_name(ack->result));
}

static void on_acked(void *owner, const struct ack_range *range, int64_t first_sent_us)
{
    (void)owner;
    (void)first_sent_us;
    fprintf(stderr, "acked %" PRIu64 " %" PRIu64 " %s\n", range->first, range->last,
            ack_result_name(range->result));
}

static const struct receiver_events receiver_events = {
    .send = send_bytes,
    .open = on_open,
    .catalog = on_catalog,
    .batch = on_batch,
    .find_catalog = no_catalog,
    .rejected = on_rejected,
    .closed = on_closed,
};

static const struct sender_events sender_events = {
    .send = send_bytes,
    .ready = on_ready,
    .catalog_acked = on_catalog_acked,
    .acked = on_acked,
    .closed = on_closed,
};

static void answer_as_a_store(struct pipe *pipe, int64_t now_us)
{
    if (pipe->opened) {
        const struct frame_welcome nothing = {0};
        pipe->opened = false;
        receiver_opened(pipe->receiver, &nothing, now_us);
    }
    if (pipe->catalog_came) {
        struct frame_catalog_ack ack = {.result = ACK_COMMITTED};
        memcpy(ack.hash, catalog_hash(pipe->catalog), sizeof ack.hash);
        pipe->catalog_came = false;
        receiver_catalog_stored(pipe->receiver, &ack, now_us);
    }
    receiver_cork(pipe->receiver);
    for (size_t i = 0; i < pipe->handed_count; i++) {
        receiver_stored(pipe->receiver, pipe->handed[i], ACK_COMMITTED, clock_wall_us(), 0, NULL, now_us);
    }
    pipe->handed_count = 0;
    receiver_uncork(pipe->receiver, now_us);
}

static const struct protocol_example *example(const char *name)
{
    const struct protocol_example *at = protocol_examples;
    while (strcmp(at->name, name) != 0) {
        at++;
    }
    return at;
}

static void deliver(struct pipe *pipe, const char *name, bool historical, int64_t now_us)
{
    struct buffer encoded;
    struct batch_view view;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    example(name)->make(&encoded);
    if (batch_open(buffer_bytes(&encoded), &view, NULL) != ERR_OK ||
        sender_send_batch(pipe->sender, view.identity.sequence, view.encoded, historical, now_us) != ERR_OK) {
        abort();
    }
    buffer_fini(&encoded);
}

static void deliver_examples(struct pipe *pipe, int64_t now_us)
{
    if (!pipe->ready) {
        return;
    }
    pipe->ready = false;
    struct catalog *catalog = protocol_example_catalog();
    if (sender_send_catalog(pipe->sender, catalog_encoded(catalog), now_us) != ERR_OK) {
        abort();
    }
    catalog_free(catalog);
    deliver(pipe, "batch", false, now_us);
    deliver(pipe, "gap-batch", true, now_us);
    sender_goodbye(pipe->sender, BYE_DONE, "all delivered", now_us);
}

static void run(struct pipe *pipe)
{
    static uint8_t input[INPUT_SIZE];
    while (!pipe->ended) {
        ssize_t size = read(STDIN_FILENO, input, sizeof input);
        if (size <= 0) {
            return;
        }
        int64_t now_us = clock_mono_us();
        struct bytes bytes = {.data = input, .size = (size_t)size};
        if (pipe->receiver) {
            receiver_receive(pipe->receiver, bytes, now_us);
            answer_as_a_store(pipe, now_us);
        } else {
            sender_receive(pipe->sender, bytes, now_us);
            deliver_examples(pipe, now_us);
        }
    }
}

static void start_receiver(struct pipe *pipe)
{
    const struct receiver_options options = {.events = &receiver_events,
                                             .owner = pipe,
                                             .decoder = pipe->decoder,
                                             .hello = {.server = "tunnel_pipe",
                                                       .max_batch = 1 << 20,
                                                       .max_catalog = 1 << 24,
                                                       .window_batches = 4,
                                                       .window_bytes = 1 << 22,
                                                       .t1_ms = 15000,
                                                       .t2_ms = 10000,
                                                       .t3_ms = 20000}};
    pipe->receiver = receiver_new(&options, clock_mono_us());
    receiver_start(pipe->receiver, clock_mono_us());
}

static void start_sender(struct pipe *pipe)
{
    struct sender_options options = {.events = &sender_events, .owner = pipe};
    options.open.first_sequence = 812;
    options.open.next_sequence = 814;
    for (size_t i = 0; i < BATCH_EPOCH_SIZE; i++) {
        options.open.epoch[i] = (uint8_t)(0xa0 + i);
    }
    frame_set_text(options.open.software, "tunnel_pipe");
    pipe->sender = sender_new(&options, clock_mono_us());
}

int main(int argc, char **argv)
{
    struct pipe pipe = {.decoder = batch_decoder_new()};
    if (argc == 2 && strcmp(argv[1], "receiver") == 0) {
        start_receiver(&pipe);
    } else if (argc == 2 && strcmp(argv[1], "sender") == 0) {
        start_sender(&pipe);
    } else {
        fprintf(stderr, "usage: tunnel_pipe receiver|sender\n");
        return 2;
    }
    alarm(DEADLINE_S);
    run(&pipe);
    sender_free(pipe.sender);
    receiver_free(pipe.receiver);
    batch_decoder_free(pipe.decoder);
    catalog_free(pipe.catalog);
    return pipe.ended && pipe.code == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
