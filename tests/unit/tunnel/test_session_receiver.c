/* The server's end against a bridge that breaks the rules: nothing it sends is kept, stored or acknowledged.
 */
#include "tunnel/session_receiver.h"

#include "base/array.h"
#include "base/wire.h"
#include "support/suite.h"
#include "support/tunnel_pair.h"

#include <string.h>

static const int64_t second_us = 1000000;

static struct tunnel_pair pair;
static struct buffer frame;

static void setup(void)
{
    struct frame_hello hello = pair_hello();
    pair_start(&pair, &hello, 1);
    buffer_init(&frame, 1 << 24);
}

static void teardown(void)
{
    buffer_fini(&frame);
    pair_stop(&pair);
}

static void receive_frame(void)
{
    receiver_receive(pair.receiver, buffer_bytes(&frame), pair.now_us);
    buffer_clear(&frame);
}

static void receive_batch_frame(uint64_t sequence, struct buffer encoded)
{
    const struct frame_batch batch = {.sequence = sequence, .encoded = buffer_bytes(&encoded)};
    ck_assert_int_eq(frame_write_batch(&frame, &batch), ERR_OK);
    buffer_fini(&encoded);
    receive_frame();
}

static void ended(enum err code, enum bye_reason reason)
{
    ck_assert_uint_eq(pair.receiver_end.count, 1);
    ck_assert_int_eq(pair.receiver_end.code, code);
    ck_assert_int_eq(pair.receiver_end.reason, reason);
    ck_assert_uint_gt(strlen(pair.receiver_end.text), 0);
    ck_assert_int_eq(receiver_state(pair.receiver), RECEIVER_CLOSED);
}

static void put_head(uint32_t size, uint8_t type)
{
    uint8_t head[FRAME_HEAD_SIZE];
    struct wire_writer writer = wire_writer(head, sizeof head);
    wire_write_u32(&writer, size);
    wire_write_u8(&writer, type);
    ck_assert_int_eq(buffer_append(&frame, head, sizeof head), ERR_OK);
}

static void opened_only(void)
{
    const struct frame_welcome nothing = {0};
    pair_pump(&pair);
    receiver_opened(pair.receiver, &nothing, pair.now_us);
    pair_pump(&pair);
}

START_TEST(a_frame_out_of_place_ends_the_session_at_its_head)
{
    static const struct {
        const char *name;
        enum receiver_state state;
        uint32_t size;
        uint8_t type;
    } rows[] = {
        {"hello of a bridge", RECEIVER_WAIT_OPEN, 1, FRAME_HELLO},
        {"batch before open", RECEIVER_WAIT_OPEN, 1, FRAME_BATCH},
        {"catalog before open", RECEIVER_WAIT_OPEN, 1, FRAME_CATALOG},
        {"test before open", RECEIVER_WAIT_OPEN, 1, FRAME_TEST},
        {"open too large", RECEIVER_WAIT_OPEN, FRAME_SMALL_MAX + 1, FRAME_OPEN},
        {"unknown type", RECEIVER_WAIT_OPEN, 1, 99},
        {"type zero", RECEIVER_WAIT_OPEN, 1, 0},
        {"batch before welcome", RECEIVER_LOOKING_UP, 1, FRAME_BATCH},
        {"open again before welcome", RECEIVER_LOOKING_UP, 1, FRAME_OPEN},
        {"open again", RECEIVER_READY, 1, FRAME_OPEN},
        {"welcome of a bridge", RECEIVER_READY, 1, FRAME_WELCOME},
        {"ack of a bridge", RECEIVER_READY, 1, FRAME_ACK},
        {"batch too large", RECEIVER_READY, 16384 + FRAME_BATCH_HEAD_SIZE + 1, FRAME_BATCH},
        {"catalog too large", RECEIVER_READY, 65537, FRAME_CATALOG},
        {"size beyond everything", RECEIVER_READY, UINT32_MAX, FRAME_CATALOG},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        teardown();
        setup();
        if (rows[i].state == RECEIVER_LOOKING_UP) {
            pair_pump(&pair);
        } else if (rows[i].state == RECEIVER_READY) {
            opened_only();
        }
        ck_assert_msg(receiver_state(pair.receiver) == rows[i].state, "%s", rows[i].name);
        put_head(rows[i].size, rows[i].type);
        receive_frame();
        ck_assert_msg(pair.receiver_end.count == 1, "%s", rows[i].name);
        ended(pair.receiver_end.code, BYE_PROTOCOL);
        ck_assert_msg(pair.receiver_end.code != ERR_OK, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(the_largest_batch_and_catalog_are_let_in)
{
    opened_only();
    put_head(65536, FRAME_CATALOG);
    receive_frame();
    ck_assert_uint_eq(pair.receiver_end.count, 0);
    teardown();
    setup();
    opened_only();
    put_head(16384 + FRAME_BATCH_HEAD_SIZE, FRAME_BATCH);
    receive_frame();
    ck_assert_uint_eq(pair.receiver_end.count, 0);
}
END_TEST

START_TEST(a_payload_that_breaks_its_form_ends_the_session)
{
    static const struct {
        const char *name;
        uint8_t type;
        uint8_t payload[12];
        uint32_t size;
    } rows[] = {
        {"empty test", FRAME_TEST, {0}, 0},
        {"test with content", FRAME_TEST, {0x81, 0x01}, 2},
        {"test answer with a byte behind", FRAME_TEST_ACK, {0x80, 0x00}, 2},
        {"bye without text", FRAME_BYE, {0x81, 0x00}, 2},
        {"bye of unknown reason", FRAME_BYE, {0x82, 0x09, 0x60}, 3},
        {"batch of sequence 0", FRAME_BATCH, {0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 10},
        {"batch with an unknown flag", FRAME_BATCH, {4, 0, 0, 0, 0, 0, 0, 0, 1, 1}, 10},
        {"batch cut in its head", FRAME_BATCH, {0, 0, 0}, 3},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        teardown();
        setup();
        opened_only();
        put_head(rows[i].size, rows[i].type);
        ck_assert_int_eq(buffer_append(&frame, rows[i].payload, rows[i].size), ERR_OK);
        receive_frame();
        ck_assert_msg(pair.receiver_end.count == 1, "%s", rows[i].name);
        ended(ERR_MALFORMED, BYE_PROTOCOL);
    }
}
END_TEST

START_TEST(a_version_that_was_not_offered_ends_the_session)
{
    const struct frame_open open = {.version = TUNNEL_VERSION + 1, .first_sequence = 1, .next_sequence = 1};
    ck_assert_int_eq(frame_write_open(&frame, &open), ERR_OK);
    receive_frame();
    ended(ERR_VERSION, BYE_VERSION);
    ck_assert_uint_eq(pair.opened, 0);
}
END_TEST

static void rejected(uint64_t sequence)
{
    ck_assert_uint_eq(pair.receiver_end.count, 0);
    ck_assert_uint_eq(pair.rejections, 1);
    ck_assert_uint_eq(pair.rejected, sequence);
    ck_assert_uint_eq(pair.handed_count, 0);
    ck_assert_uint_eq(receiver_outstanding(pair.receiver), 0);
}

START_TEST(a_batch_of_an_unknown_catalog_is_rejected)
{
    opened_only();
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair_pump(&pair);
    rejected(1);
    ck_assert_uint_eq(pair.acked_count, 1);
    ck_assert_int_eq(pair.acked[0].result, ACK_REJECTED);
    ck_assert_uint_gt(strlen(pair.acked[0].text), 0);
}
END_TEST

START_TEST(a_batch_of_another_epoch_is_rejected)
{
    pair_connect(&pair);
    pair.epoch[0] ^= 1;
    receive_batch_frame(1, pair_batch(&pair, 1, 5));
    rejected(1);
}
END_TEST

START_TEST(a_batch_in_a_frame_of_another_sequence_is_rejected)
{
    pair_connect(&pair);
    receive_batch_frame(2, pair_batch(&pair, 1, 5));
    rejected(2);
}
END_TEST

START_TEST(a_damaged_batch_is_rejected_and_the_next_is_taken)
{
    pair_connect(&pair);
    struct buffer encoded = pair_batch(&pair, 1, 5);
    encoded.data[encoded.size / 2] ^= 1;
    receive_batch_frame(1, encoded);
    rejected(1);
    receive_batch_frame(2, pair_batch(&pair, 2, 5));
    ck_assert_uint_eq(pair.handed_count, 1);
    ck_assert_uint_eq(pair.handed[0], 2);
}
END_TEST

START_TEST(a_batch_whose_columns_lie_is_rejected)
{
    pair_connect(&pair);
    struct buffer encoded = pair_batch(&pair, 1, 5);
    struct batch_view view;
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, NULL), ERR_OK);
    view.count++;
    struct buffer lying;
    buffer_init(&lying, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_seal(&view, &lying), ERR_OK);
    buffer_fini(&encoded);
    receive_batch_frame(1, lying);
    rejected(1);
}
END_TEST

START_TEST(a_batch_sent_again_before_its_answer_ends_the_session)
{
    pair_connect(&pair);
    receive_batch_frame(1, pair_batch(&pair, 1, 5));
    receive_batch_frame(1, pair_batch(&pair, 1, 5));
    ended(ERR_CONFLICT, BYE_PROTOCOL);
    ck_assert_uint_eq(pair.handed_count, 1);
}
END_TEST

START_TEST(a_bridge_that_ignores_the_window_of_batches_is_cut_off)
{
    pair_connect(&pair);
    for (uint64_t sequence = 1; sequence <= 8; sequence++) {
        receive_batch_frame(sequence, pair_batch(&pair, sequence, 5));
    }
    ck_assert_uint_eq(pair.receiver_end.count, 0);
    put_head(100, FRAME_BATCH);
    receive_frame();
    ended(ERR_LIMIT, BYE_PROTOCOL);
}
END_TEST

START_TEST(a_bridge_that_ignores_the_window_of_bytes_is_cut_off)
{
    teardown();
    struct frame_hello hello = pair_hello();
    hello.max_batch = FRAME_BATCH_LEAST;
    hello.window_bytes = FRAME_BATCH_LEAST;
    pair_start(&pair, &hello, 1);
    buffer_init(&frame, 1 << 24);
    pair_connect(&pair);
    struct buffer first = pair_batch(&pair, 1, 1000);
    uint32_t left = hello.window_bytes - (uint32_t)first.size + FRAME_BATCH_HEAD_SIZE;
    receive_batch_frame(1, first);
    put_head(left, FRAME_BATCH);
    receive_frame();
    ck_assert_uint_eq(pair.receiver_end.count, 0);
    teardown();
    pair_start(&pair, &hello, 1);
    buffer_init(&frame, 1 << 24);
    pair_connect(&pair);
    receive_batch_frame(1, pair_batch(&pair, 1, 1000));
    put_head(left + 1, FRAME_BATCH);
    receive_frame();
    ended(ERR_LIMIT, BYE_PROTOCOL);
}
END_TEST

START_TEST(rejected_batches_leave_the_window)
{
    pair_connect(&pair);
    pair.epoch[0] ^= 1;
    for (uint64_t sequence = 1; sequence <= 100; sequence++) {
        receive_batch_frame(sequence, pair_batch(&pair, sequence, 1));
    }
    ck_assert_uint_eq(pair.receiver_end.count, 0);
    ck_assert_uint_eq(pair.rejections, 100);
}
END_TEST

static void receive_catalog(struct bytes encoded)
{
    ck_assert_int_eq(frame_write_catalog(&frame, encoded), ERR_OK);
    receive_frame();
}

static void store_catalog(enum ack_result result)
{
    struct frame_catalog_ack ack = {.result = result};
    memcpy(ack.hash, pair.catalog_hash, sizeof ack.hash);
    receiver_catalog_stored(pair.receiver, &ack, pair.now_us);
}

START_TEST(a_broken_catalog_is_answered_with_its_own_hash_and_forgotten)
{
    opened_only();
    ck_assert_int_eq(
        sender_send_catalog(pair.sender, (struct bytes){(const uint8_t *)"\x82\x01", 2}, pair.now_us),
        ERR_OK);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.catalog_acks, 1);
    ck_assert_int_eq(pair.catalog_ack.result, ACK_REJECTED);
    ck_assert_uint_eq(pair.catalogs, 0);
    ck_assert_uint_eq(pair.receiver_end.count, 0);
}
END_TEST

START_TEST(a_catalog_that_could_not_be_stored_may_come_again)
{
    opened_only();
    receive_catalog(catalog_encoded(pair.catalog));
    store_catalog(ACK_RETRY_AFTER);
    receive_batch_frame(1, pair_batch(&pair, 1, 5));
    rejected(1);
    receive_catalog(catalog_encoded(pair.catalog));
    store_catalog(ACK_COMMITTED);
    receive_batch_frame(2, pair_batch(&pair, 2, 5));
    ck_assert_uint_eq(pair.handed_count, 1);
}
END_TEST

START_TEST(a_catalog_sent_again_before_its_answer_ends_the_session)
{
    opened_only();
    receive_catalog(catalog_encoded(pair.catalog));
    receive_catalog(catalog_encoded(pair.catalog));
    ended(ERR_CONFLICT, BYE_PROTOCOL);
}
END_TEST

START_TEST(batches_may_follow_a_catalog_at_once)
{
    opened_only();
    receive_catalog(catalog_encoded(pair.catalog));
    receive_batch_frame(1, pair_batch(&pair, 1, 5));
    ck_assert_uint_eq(pair.handed_count, 1);
}
END_TEST

START_TEST(so_many_catalogs_fit_a_session_and_not_one_more)
{
    opened_only();
    for (size_t i = 1; i <= TUNNEL_CATALOGS_MAX + 1; i++) {
        ck_assert_uint_eq(pair.receiver_end.count, 0);
        struct catalog *catalog = sample_registers(VALUE_UINT16, i);
        receive_catalog(catalog_encoded(catalog));
        catalog_free(catalog);
    }
    ck_assert_uint_eq(pair.catalogs, TUNNEL_CATALOGS_MAX);
    ended(ERR_LIMIT, BYE_PROTOCOL);
}
END_TEST

START_TEST(the_bytes_of_all_catalogs_together_are_bounded)
{
    opened_only();
    struct catalog *large = sample_registers(VALUE_UINT16, 700);
    struct catalog *other = sample_registers(VALUE_UINT16, 701);
    ck_assert_uint_gt(catalog_encoded(large).size, 65536 / 2);
    receive_catalog(catalog_encoded(large));
    ck_assert_uint_eq(pair.receiver_end.count, 0);
    receive_catalog(catalog_encoded(other));
    ended(ERR_LIMIT, BYE_PROTOCOL);
    catalog_free(large);
    catalog_free(other);
}
END_TEST

START_TEST(a_bridge_that_says_nothing_is_let_go_after_t1)
{
    pair_pump(&pair);
    teardown();
    setup();
    pair.uplink_lost = true;
    pair_pass(&pair, 15 * second_us - 1);
    ck_assert_uint_eq(pair.receiver_end.count, 0);
    pair_pass(&pair, 1);
    ended(ERR_TIMEOUT, BYE_TIMEOUT);
}
END_TEST

START_TEST(a_store_that_cannot_look_up_ends_the_session_after_t1)
{
    pair_pump(&pair);
    ck_assert_int_eq(receiver_state(pair.receiver), RECEIVER_LOOKING_UP);
    int64_t deadline_us = receiver_deadline_us(pair.receiver);
    ck_assert_int_eq(deadline_us, pair.now_us + 15 * second_us);
    receiver_tick(pair.receiver, deadline_us);
    ended(ERR_TIMEOUT, BYE_TIMEOUT);
}
END_TEST

START_TEST(answers_to_what_is_not_outstanding_have_no_effect)
{
    pair_connect(&pair);
    size_t before = pair.to_sender.size;
    pair_commit(&pair, 1);
    store_catalog(ACK_COMMITTED);
    const struct frame_welcome again = {0};
    receiver_opened(pair.receiver, &again, pair.now_us);
    ck_assert_uint_eq(pair.to_sender.size, before);
}
END_TEST

START_TEST(an_empty_ack_goes_out_every_t2_while_the_store_works)
{
    pair_connect(&pair);
    receive_batch_frame(1, pair_batch(&pair, 1, 5));
    for (int i = 0; i < 5; i++) {
        int64_t due_us = receiver_deadline_us(pair.receiver);
        ck_assert_int_eq(due_us, pair.now_us + 10 * second_us);
        pair.now_us = due_us;
        receiver_tick(pair.receiver, pair.now_us);
        static const uint8_t empty_ack[] = {0, 0, 0, 1, FRAME_ACK, 0x80};
        ck_assert_uint_eq(pair.to_sender.size, sizeof empty_ack);
        ck_assert_mem_eq(buffer_bytes(&pair.to_sender).data, empty_ack, sizeof empty_ack);
        buffer_clear(&pair.to_sender);
        receiver_receive(pair.receiver, (struct bytes){(const uint8_t *)"\0\0\0\1\10\200", 6}, pair.now_us);
        buffer_clear(&pair.to_sender);
    }
}
END_TEST

START_TEST(many_different_answers_at_once_are_all_sent)
{
    teardown();
    struct frame_hello hello = pair_hello();
    hello.window_batches = 64;
    pair_start(&pair, &hello, 1);
    buffer_init(&frame, 1 << 24);
    pair_connect(&pair);
    for (uint64_t sequence = 1; sequence <= 40; sequence++) {
        ck_assert_int_eq(pair_send(&pair, sequence), ERR_OK);
    }
    pair_pump(&pair);
    receiver_cork(pair.receiver);
    for (uint64_t sequence = 40; sequence >= 1; sequence--) {
        receiver_stored(pair.receiver, sequence, ACK_COMMITTED, (int64_t)sequence, 0, NULL, pair.now_us);
    }
    receiver_uncork(pair.receiver, pair.now_us);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.acked_count, 40);
    ck_assert_uint_eq(sender_in_flight(pair.sender), 0);
}
END_TEST

START_TEST(nothing_is_taken_after_the_end)
{
    opened_only();
    receiver_goodbye(pair.receiver, BYE_SUPERSEDED, "again", pair.now_us);
    ck_assert_int_eq(pair.receiver_end.code, ERR_CONFLICT);
    size_t sent = pair.to_sender.size;
    receive_catalog(catalog_encoded(pair.catalog));
    receiver_goodbye(pair.receiver, BYE_DONE, "again", pair.now_us);
    receiver_tick(pair.receiver, INT64_MAX);
    ck_assert_uint_eq(pair.catalogs, 0);
    ck_assert_uint_eq(pair.to_sender.size, sent);
    ck_assert_uint_eq(pair.receiver_end.count, 1);
}
END_TEST

START_TEST(a_bridge_that_leaves_in_anger_is_let_go_at_once)
{
    pair_connect(&pair);
    receive_batch_frame(1, pair_batch(&pair, 1, 5));
    const struct frame_bye bye = {.reason = BYE_FENCED, .text = "restored from an old copy"};
    ck_assert_int_eq(frame_write_bye(&frame, &bye), ERR_OK);
    receive_frame();
    ended(ERR_CONFLICT, BYE_FENCED);
}
END_TEST

int main(void)
{
    return suite_run_with("session_receiver", setup, teardown,
                          (const TTest *[]){
                              a_frame_out_of_place_ends_the_session_at_its_head,
                              the_largest_batch_and_catalog_are_let_in,
                              a_payload_that_breaks_its_form_ends_the_session,
                              a_version_that_was_not_offered_ends_the_session,
                              a_batch_of_an_unknown_catalog_is_rejected,
                              a_batch_of_another_epoch_is_rejected,
                              a_batch_in_a_frame_of_another_sequence_is_rejected,
                              a_damaged_batch_is_rejected_and_the_next_is_taken,
                              a_batch_whose_columns_lie_is_rejected,
                              a_batch_sent_again_before_its_answer_ends_the_session,
                              a_bridge_that_ignores_the_window_of_batches_is_cut_off,
                              a_bridge_that_ignores_the_window_of_bytes_is_cut_off,
                              rejected_batches_leave_the_window,
                              a_broken_catalog_is_answered_with_its_own_hash_and_forgotten,
                              a_catalog_that_could_not_be_stored_may_come_again,
                              a_catalog_sent_again_before_its_answer_ends_the_session,
                              batches_may_follow_a_catalog_at_once,
                              so_many_catalogs_fit_a_session_and_not_one_more,
                              the_bytes_of_all_catalogs_together_are_bounded,
                              a_bridge_that_says_nothing_is_let_go_after_t1,
                              a_store_that_cannot_look_up_ends_the_session_after_t1,
                              answers_to_what_is_not_outstanding_have_no_effect,
                              an_empty_ack_goes_out_every_t2_while_the_store_works,
                              many_different_answers_at_once_are_all_sent,
                              nothing_is_taken_after_the_end,
                              a_bridge_that_leaves_in_anger_is_let_go_at_once,
                              NULL,
                          });
}
