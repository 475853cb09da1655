#include "support/tunnel_pair.h"

#include "tunnel/batch_builder.h"

#include <check.h>
#include <string.h>

static void travel(struct buffer *to, struct bytes bytes)
{
    ck_assert_int_eq(buffer_append(to, bytes.data, bytes.size), ERR_OK);
}

static void record_end(struct pair_end *end, enum err code, enum bye_reason reason, const char *text)
{
    end->count++;
    end->code = code;
    end->reason = reason;
    frame_set_text(end->text, text);
}

static void sender_send(void *owner, struct bytes bytes)
{
    struct tunnel_pair *pair = owner;
    travel(&pair->to_receiver, bytes);
}

static void sender_ready(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome)
{
    struct tunnel_pair *pair = owner;
    (void)hello;
    pair->ready++;
    pair->welcome = *welcome;
}

static void sender_catalog_acked(void *owner, const struct frame_catalog_ack *ack)
{
    struct tunnel_pair *pair = owner;
    pair->catalog_acks++;
    pair->catalog_ack = *ack;
}

static void sender_acked(void *owner, const struct ack_range *range, int64_t first_sent_us)
{
    struct tunnel_pair *pair = owner;
    ck_assert_int_le(first_sent_us, pair->now_us);
    ck_assert_uint_lt(pair->acked_count, PAIR_RECORD_MAX);
    pair->acked[pair->acked_count++] = *range;
}

static void sender_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct tunnel_pair *pair = owner;
    record_end(&pair->sender_end, code, reason, text);
}

static void receiver_send(void *owner, struct bytes bytes)
{
    struct tunnel_pair *pair = owner;
    travel(&pair->to_sender, bytes);
}

static void receiver_open(void *owner, const struct frame_open *open)
{
    struct tunnel_pair *pair = owner;
    pair->opened++;
    pair->open = *open;
}

static void receiver_catalog(void *owner, const struct catalog *catalog)
{
    struct tunnel_pair *pair = owner;
    pair->catalogs++;
    memcpy(pair->catalog_hash, catalog_hash(catalog), CATALOG_HASH_SIZE);
}

static void receiver_batch(void *owner, const struct batch_view *view, bool historical)
{
    struct tunnel_pair *pair = owner;
    ck_assert_uint_lt(pair->handed_count, PAIR_RECORD_MAX);
    pair->historical[pair->handed_count] = historical;
    pair->handed[pair->handed_count++] = view->identity.sequence;
}

static const struct catalog *receiver_find(void *owner, const uint8_t *hash)
{
    const struct tunnel_pair *pair = owner;
    bool known = pair->known && memcmp(catalog_hash(pair->known), hash, CATALOG_HASH_SIZE) == 0;
    return known ? pair->known : NULL;
}

static bool receiver_keep(void *owner, struct catalog *catalog)
{
    struct tunnel_pair *pair = owner;
    pair->kept = pair->keeps ? catalog : NULL;
    return pair->keeps;
}

static void receiver_rejected(void *owner, uint64_t sequence, const char *text)
{
    struct tunnel_pair *pair = owner;
    ck_assert_uint_gt(strlen(text), 0);
    pair->rejected = sequence;
    pair->rejections++;
}

static void receiver_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct tunnel_pair *pair = owner;
    record_end(&pair->receiver_end, code, reason, text);
}

static const struct sender_events sender_events = {
    .send = sender_send,
    .ready = sender_ready,
    .catalog_acked = sender_catalog_acked,
    .acked = sender_acked,
    .closed = sender_closed,
};

static const struct receiver_events receiver_events = {
    .send = receiver_send,
    .open = receiver_open,
    .catalog = receiver_catalog,
    .batch = receiver_batch,
    .find_catalog = receiver_find,
    .keep_catalog = receiver_keep,
    .rejected = receiver_rejected,
    .closed = receiver_closed,
};

struct frame_hello pair_hello(void)
{
    return (struct frame_hello){.server = "test server",
                                .store_id = {1, 2, 3},
                                .max_batch = 16384,
                                .max_catalog = 65536,
                                .window_batches = 8,
                                .window_bytes = 65536,
                                .t1_ms = 15000,
                                .t2_ms = 10000,
                                .t3_ms = 20000,
                                .wall_us = 1700000000000000};
}

void pair_start(struct tunnel_pair *pair, const struct frame_hello *hello, uint64_t seed)
{
    *pair = (struct tunnel_pair){.split = sample_seed(seed), .now_us = 5000000, .epoch = {0xe0, 1}};
    buffer_init(&pair->to_receiver, 1 << 30);
    buffer_init(&pair->to_sender, 1 << 30);
    pair->catalog = sample_registers(VALUE_UINT16, 10);
    pair->decoder = batch_decoder_new();
    struct sender_options sender = {.events = &sender_events, .owner = pair};
    frame_set_text(sender.open.software, "test bridge");
    memcpy(sender.open.epoch, pair->epoch, sizeof pair->epoch);
    sender.open.first_sequence = 1;
    sender.open.next_sequence = 100;
    pair->sender = sender_new(&sender, pair->now_us);
    const struct receiver_options receiver = {
        .events = &receiver_events, .owner = pair, .decoder = pair->decoder, .hello = *hello};
    pair->receiver = receiver_new(&receiver, pair->now_us);
    receiver_start(pair->receiver, pair->now_us);
}

void pair_stop(struct tunnel_pair *pair)
{
    sender_free(pair->sender);
    receiver_free(pair->receiver);
    batch_decoder_free(pair->decoder);
    catalog_free(pair->catalog);
    buffer_fini(&pair->to_receiver);
    buffer_fini(&pair->to_sender);
}

static size_t next_piece(struct tunnel_pair *pair, size_t waiting)
{
    size_t most = pair->whole || sample_below(&pair->split, 4) == 0 ? waiting : 7;
    return most < waiting ? 1 + sample_below(&pair->split, most) : waiting;
}

/* Takes a piece off the stream, as a copy: what an end keeps of it must be its own. */
static struct buffer take_piece(struct tunnel_pair *pair, struct buffer *stream)
{
    struct buffer piece;
    buffer_init(&piece, SIZE_MAX);
    size_t size = next_piece(pair, stream->size);
    ck_assert_int_eq(buffer_append(&piece, buffer_bytes(stream).data, size), ERR_OK);
    buffer_consume(stream, size);
    return piece;
}

static void pump_once(struct tunnel_pair *pair)
{
    if (pair->uplink_lost) {
        buffer_clear(&pair->to_receiver);
    }
    if (pair->downlink_lost) {
        buffer_clear(&pair->to_sender);
    }
    if (pair->to_receiver.size > 0) {
        struct buffer piece = take_piece(pair, &pair->to_receiver);
        receiver_receive(pair->receiver, buffer_bytes(&piece), pair->now_us);
        buffer_fini(&piece);
    }
    if (pair->to_sender.size > 0) {
        struct buffer piece = take_piece(pair, &pair->to_sender);
        sender_receive(pair->sender, buffer_bytes(&piece), pair->now_us);
        buffer_fini(&piece);
    }
}

void pair_pump(struct tunnel_pair *pair)
{
    while (pair->to_receiver.size > 0 || pair->to_sender.size > 0) {
        pump_once(pair);
    }
}

void pair_pass(struct tunnel_pair *pair, int64_t time_us)
{
    int64_t until_us = pair->now_us + time_us;
    for (;;) {
        pair_pump(pair);
        int64_t sender_us = sender_deadline_us(pair->sender);
        int64_t receiver_us = receiver_deadline_us(pair->receiver);
        int64_t next_us = sender_us < receiver_us ? sender_us : receiver_us;
        if (next_us > until_us) {
            break;
        }
        pair->now_us = next_us > pair->now_us ? next_us : pair->now_us;
        sender_tick(pair->sender, pair->now_us);
        receiver_tick(pair->receiver, pair->now_us);
    }
    pair->now_us = until_us;
}

static void store_catalog(struct tunnel_pair *pair)
{
    struct frame_catalog_ack ack = {.result = ACK_COMMITTED};
    memcpy(ack.hash, pair->catalog_hash, sizeof ack.hash);
    receiver_catalog_stored(pair->receiver, &ack, pair->now_us);
}

void pair_connect(struct tunnel_pair *pair)
{
    const struct frame_welcome nothing = {0};
    pair_pump(pair);
    ck_assert_uint_eq(pair->opened, 1);
    receiver_opened(pair->receiver, &nothing, pair->now_us);
    pair_pump(pair);
    ck_assert_int_eq(sender_state(pair->sender), SENDER_READY);
    ck_assert_int_eq(sender_send_catalog(pair->sender, catalog_encoded(pair->catalog), pair->now_us), ERR_OK);
    pair_pump(pair);
    store_catalog(pair);
    pair_pump(pair);
    ck_assert_uint_eq(pair->catalog_acks, 1);
}

struct buffer pair_batch(const struct tunnel_pair *pair, uint64_t sequence, size_t readings)
{
    struct batch_builder *builder = batch_builder_new(pair->catalog);
    struct sample sample = sample_seed(sequence);
    for (size_t i = 0; i < readings; i++) {
        uint32_t tag = (uint32_t)(i % catalog_count(pair->catalog));
        struct reading reading = sample_reading(&sample, pair->catalog, tag);
        reading.request_us = reading.response_us = 1700000000000000 + (int64_t)i;
        ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    }
    struct batch_identity identity = {.sequence = sequence};
    memcpy(identity.epoch, pair->epoch, sizeof identity.epoch);
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_builder_finish(builder, &identity, &encoded), ERR_OK);
    batch_builder_free(builder);
    return encoded;
}

enum err pair_send(struct tunnel_pair *pair, uint64_t sequence)
{
    struct buffer encoded = pair_batch(pair, sequence, 20);
    enum err err =
        sender_send_batch(pair->sender, sequence, buffer_bytes(&encoded), sequence % 2 == 0, pair->now_us);
    buffer_fini(&encoded);
    return err;
}

void pair_commit(struct tunnel_pair *pair, uint64_t sequence)
{
    receiver_stored(pair->receiver, sequence, ACK_COMMITTED, 1700000000000000, 0, NULL, pair->now_us);
}
