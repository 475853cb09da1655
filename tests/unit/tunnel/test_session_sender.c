/* The bridge's end against a server that breaks the rules: nothing is called acknowledged that was not. */
#include "tunnel/session_sender.h"

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
    buffer_init(&frame, 1 << 20);
}

static void teardown(void)
{
    buffer_fini(&frame);
    pair_stop(&pair);
}

static void receive_frame(void)
{
    sender_receive(pair.sender, buffer_bytes(&frame), pair.now_us);
    buffer_clear(&frame);
}

static void ended(enum err code, enum bye_reason reason)
{
    ck_assert_uint_eq(pair.sender_end.count, 1);
    ck_assert_int_eq(pair.sender_end.code, code);
    ck_assert_int_eq(pair.sender_end.reason, reason);
    ck_assert_int_eq(sender_state(pair.sender), SENDER_CLOSED);
}

static void connect_and_send(uint64_t batches)
{
    pair_connect(&pair);
    for (uint64_t sequence = 1; sequence <= batches; sequence++) {
        ck_assert_int_eq(pair_send(&pair, sequence), ERR_OK);
    }
}

START_TEST(an_ack_of_what_is_not_in_flight_ends_the_session)
{
    static const struct {
        const char *name;
        uint64_t first, last;
    } rows[] = {
        {"never sent", 4, 4},      {"reaches beyond", 2, 4},      {"reaches below", 1, 3},
        {"answered before", 1, 1}, {"everything", 1, UINT64_MAX}, {"far away", UINT64_MAX, UINT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        teardown();
        setup();
        connect_and_send(3);
        const struct ack_range good = {.first = 1, .last = 1};
        ck_assert_int_eq(frame_write_ack(&frame, &good, 1), ERR_OK);
        receive_frame();
        ck_assert_uint_eq(pair.acked_count, 1);
        const struct ack_range bad = {.first = rows[i].first, .last = rows[i].last};
        ck_assert_int_eq(frame_write_ack(&frame, &bad, 1), ERR_OK);
        receive_frame();
        ck_assert_msg(pair.sender_end.count == 1, "%s", rows[i].name);
        ended(ERR_MALFORMED, BYE_PROTOCOL);
        ck_assert_msg(pair.acked_count == 1, "%s", rows[i].name);
        ck_assert_uint_eq(sender_in_flight(pair.sender), 2);
    }
}
END_TEST

START_TEST(a_malformed_ack_acknowledges_nothing)
{
    connect_and_send(2);
    const struct ack_range ranges[] = {{.first = 1, .last = 1}, {.first = 2, .last = 1}};
    ck_assert_int_eq(frame_write_ack(&frame, ranges, 2), ERR_OK);
    receive_frame();
    ended(ERR_MALFORMED, BYE_PROTOCOL);
    ck_assert_uint_eq(pair.acked_count, 0);
}
END_TEST

START_TEST(the_first_batch_of_a_range_tells_when_it_was_sent)
{
    connect_and_send(1);
    pair.now_us += 700;
    ck_assert_int_eq(pair_send(&pair, 2), ERR_OK);
    pair_pump(&pair);
    pair_commit(&pair, 1);
    pair_commit(&pair, 2);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.acked_count, 2);
}
END_TEST

START_TEST(frames_out_of_place_end_the_session)
{
    static const struct {
        const char *name;
        enum sender_state state;
        uint8_t type;
    } rows[] = {
        {"welcome before hello", SENDER_WAIT_HELLO, FRAME_WELCOME},
        {"ack before hello", SENDER_WAIT_HELLO, FRAME_ACK},
        {"open of a server", SENDER_WAIT_HELLO, FRAME_OPEN},
        {"unknown type", SENDER_WAIT_HELLO, 77},
        {"hello again", SENDER_WAIT_WELCOME, FRAME_HELLO},
        {"ack before welcome", SENDER_WAIT_WELCOME, FRAME_ACK},
        {"welcome again", SENDER_READY, FRAME_WELCOME},
        {"batch of a server", SENDER_READY, FRAME_BATCH},
        {"catalog of a server", SENDER_READY, FRAME_CATALOG},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        teardown();
        setup();
        if (rows[i].state == SENDER_WAIT_WELCOME) {
            pair_pump(&pair);
        } else if (rows[i].state == SENDER_READY) {
            pair_connect(&pair);
        }
        ck_assert_msg(sender_state(pair.sender) == rows[i].state, "%s", rows[i].name);
        const uint8_t head[] = {0, 0, 0, 1, rows[i].type};
        sender_receive(pair.sender, (struct bytes){.data = head, .size = sizeof head}, pair.now_us);
        ck_assert_msg(pair.sender_end.count == 1, "%s", rows[i].name);
        ended(ERR_MALFORMED, BYE_PROTOCOL);
    }
}
END_TEST

START_TEST(a_server_without_a_common_version_is_left)
{
    struct frame_hello hello = pair_hello();
    hello.version_min = TUNNEL_VERSION + 1;
    hello.version_max = TUNNEL_VERSION + 2;
    ck_assert_int_eq(frame_write_hello(&frame, &hello), ERR_OK);
    receive_frame();
    ended(ERR_VERSION, BYE_VERSION);
}
END_TEST

START_TEST(a_server_that_speaks_more_versions_is_taken)
{
    struct frame_hello hello = pair_hello();
    hello.version_min = TUNNEL_VERSION;
    hello.version_max = TUNNEL_VERSION + 5;
    ck_assert_int_eq(frame_write_hello(&frame, &hello), ERR_OK);
    receive_frame();
    ck_assert_int_eq(sender_state(pair.sender), SENDER_WAIT_WELCOME);
}
END_TEST

START_TEST(a_server_of_version_1_is_taken_and_says_nothing_of_what_is_missing)
{
    struct frame_hello hello = pair_hello();
    const struct frame_welcome welcome = {
        .contiguous = 1, .highest = 9, .missing_count = 1, .missing = {{2, 3}}};
    hello.version_min = hello.version_max = 1;
    ck_assert_int_eq(frame_write_hello(&frame, &hello), ERR_OK);
    receive_frame();
    buffer_clear(&frame);
    ck_assert_int_eq(frame_write_welcome(&frame, 1, &welcome), ERR_OK);
    receive_frame();
    ck_assert_int_eq(sender_state(pair.sender), SENDER_READY);
    ck_assert_uint_eq(pair.welcome.highest, 9);
    ck_assert_uint_eq(pair.welcome.missing_count, 0);
}
END_TEST

START_TEST(a_server_that_claims_what_nobody_can_have_made_is_not_believed)
{
    static const struct {
        const char *name;
        uint64_t highest;
        bool believed;
    } rows[] = {
        {"what an earlier life may have made", SENDER_SEQUENCE_MAX, true},
        {"one more", SENDER_SEQUENCE_MAX + 1, false},
        {"everything", UINT64_MAX, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        teardown();
        setup();
        const struct frame_welcome welcome = {.highest = rows[i].highest};
        pair_pump(&pair);
        ck_assert_int_eq(frame_write_welcome(&frame, TUNNEL_VERSION, &welcome), ERR_OK);
        receive_frame();
        ck_assert_msg(pair.ready == rows[i].believed, "%s", rows[i].name);
        if (!rows[i].believed) {
            ended(ERR_MALFORMED, BYE_PROTOCOL);
        }
    }
}
END_TEST

START_TEST(an_answer_to_a_catalog_that_was_not_sent_ends_the_session)
{
    pair_connect(&pair);
    const struct frame_catalog_ack ack = {.result = ACK_COMMITTED};
    ck_assert_int_eq(frame_write_catalog_ack(&frame, &ack), ERR_OK);
    receive_frame();
    ended(ERR_MALFORMED, BYE_PROTOCOL);
    ck_assert_uint_eq(pair.catalog_acks, 1);
}
END_TEST

START_TEST(the_server_must_say_hello_and_welcome_within_t1)
{
    pair.downlink_lost = true;
    pair_pass(&pair, 15 * second_us - 1);
    ck_assert_uint_eq(pair.sender_end.count, 0);
    pair_pass(&pair, 1);
    ended(ERR_TIMEOUT, BYE_TIMEOUT);
    teardown();
    setup();
    pair_pump(&pair);
    ck_assert_int_eq(sender_deadline_us(pair.sender), pair.now_us + 15 * second_us);
    sender_tick(pair.sender, pair.now_us + 15 * second_us);
    ended(ERR_TIMEOUT, BYE_TIMEOUT);
}
END_TEST

START_TEST(a_test_is_answered)
{
    pair_connect(&pair);
    ck_assert_int_eq(frame_write_empty(&frame, FRAME_TEST), ERR_OK);
    receive_frame();
    static const uint8_t answer[] = {0, 0, 0, 1, FRAME_TEST_ACK, 0x80};
    ck_assert_uint_eq(pair.to_receiver.size, sizeof answer);
    ck_assert_mem_eq(buffer_bytes(&pair.to_receiver).data, answer, sizeof answer);
}
END_TEST

START_TEST(sends_only_what_the_server_takes)
{
    struct buffer encoded = pair_batch(&pair, 1, 5);
    struct bytes batch = buffer_bytes(&encoded);
    ck_assert_int_eq(sender_send_batch(pair.sender, 1, batch, false, pair.now_us), ERR_BUSY);
    ck_assert_int_eq(sender_send_catalog(pair.sender, batch, pair.now_us), ERR_BUSY);
    ck_assert(!sender_has_room(pair.sender, 1));
    pair_connect(&pair);
    struct bytes large = {.data = batch.data, .size = pair_hello().max_batch + 1};
    ck_assert_int_eq(sender_send_batch(pair.sender, 1, large, false, pair.now_us), ERR_LIMIT);
    ck_assert_int_eq(sender_send_batch(pair.sender, 0, batch, false, pair.now_us), ERR_MALFORMED);
    ck_assert_uint_eq(pair.to_receiver.size, 0);
    ck_assert_int_eq(sender_send_batch(pair.sender, 1, batch, false, pair.now_us), ERR_OK);
    size_t sent = pair.to_receiver.size;
    ck_assert_int_eq(sender_send_batch(pair.sender, 1, batch, false, pair.now_us), ERR_CONFLICT);
    ck_assert_uint_eq(pair.to_receiver.size, sent);
    ck_assert_uint_eq(sender_in_flight(pair.sender), 1);
    buffer_fini(&encoded);
}
END_TEST

START_TEST(sends_so_many_catalogs_and_not_one_more)
{
    pair_connect(&pair);
    for (size_t i = 1; i < TUNNEL_CATALOGS_MAX; i++) {
        struct catalog *catalog = sample_registers(VALUE_UINT16, i);
        ck_assert_int_eq(sender_send_catalog(pair.sender, catalog_encoded(catalog), pair.now_us), ERR_OK);
        catalog_free(catalog);
    }
    pair_pump(&pair);
    ck_assert_uint_eq(pair.receiver_end.count, 0);
    ck_assert_int_eq(sender_send_catalog(pair.sender, catalog_encoded(pair.catalog), pair.now_us), ERR_LIMIT);
}
END_TEST

START_TEST(sends_no_more_bytes_of_catalogs_than_the_server_takes)
{
    pair_connect(&pair);
    static const uint8_t bytes[65536];
    size_t left = pair_hello().max_catalog - catalog_encoded(pair.catalog).size;
    struct bytes too_many = {.data = bytes, .size = left + 1};
    ck_assert_int_eq(sender_send_catalog(pair.sender, too_many, pair.now_us), ERR_LIMIT);
    too_many.size = left;
    ck_assert_int_eq(sender_send_catalog(pair.sender, too_many, pair.now_us), ERR_OK);
}
END_TEST

START_TEST(goodbye_before_the_session_is_said_at_once)
{
    pair_pump(&pair);
    sender_goodbye(pair.sender, BYE_SHUTTING_DOWN, "stopped", pair.now_us);
    ended(ERR_OK, BYE_SHUTTING_DOWN);
    pair_pump(&pair);
    ck_assert_int_eq(pair.receiver_end.code, ERR_OK);
}
END_TEST

START_TEST(what_the_server_says_when_it_leaves_is_passed_on)
{
    static const struct {
        enum bye_reason reason;
        enum err code;
    } rows[] = {
        {BYE_DONE, ERR_OK},         {BYE_SHUTTING_DOWN, ERR_OK},    {BYE_PROTOCOL, ERR_MALFORMED},
        {BYE_VERSION, ERR_VERSION}, {BYE_NOT_ALLOWED, ERR_REFUSED}, {BYE_SUPERSEDED, ERR_CONFLICT},
        {BYE_TIMEOUT, ERR_TIMEOUT}, {BYE_STORE_FAILED, ERR_IO},     {BYE_FENCED, ERR_CONFLICT},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        teardown();
        setup();
        pair_connect(&pair);
        receiver_goodbye(pair.receiver, rows[i].reason, "said why", pair.now_us);
        pair_pump(&pair);
        ended(rows[i].code, rows[i].reason);
        ck_assert_str_eq(pair.sender_end.text, "said why");
    }
}
END_TEST

START_TEST(a_server_that_refuses_at_the_door_is_understood)
{
    const struct frame_bye bye = {.reason = BYE_NOT_ALLOWED, .text = "cell-9 is not on the list"};
    ck_assert_int_eq(frame_write_bye(&frame, &bye), ERR_OK);
    receive_frame();
    ended(ERR_REFUSED, BYE_NOT_ALLOWED);
    ck_assert_str_eq(pair.sender_end.text, "cell-9 is not on the list");
}
END_TEST

START_TEST(nothing_is_taken_after_the_end)
{
    pair_connect(&pair);
    receiver_goodbye(pair.receiver, BYE_DONE, "", pair.now_us);
    pair_pump(&pair);
    ended(ERR_OK, BYE_DONE);
    ck_assert_int_eq(frame_write_empty(&frame, FRAME_TEST), ERR_OK);
    receive_frame();
    sender_goodbye(pair.sender, BYE_DONE, "", pair.now_us);
    sender_tick(pair.sender, INT64_MAX);
    ck_assert_uint_eq(pair.sender_end.count, 1);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_BUSY);
}
END_TEST

int main(void)
{
    return suite_run_with("session_sender", setup, teardown,
                          (const TTest *[]){
                              an_ack_of_what_is_not_in_flight_ends_the_session,
                              a_malformed_ack_acknowledges_nothing,
                              the_first_batch_of_a_range_tells_when_it_was_sent,
                              frames_out_of_place_end_the_session,
                              a_server_without_a_common_version_is_left,
                              a_server_that_speaks_more_versions_is_taken,
                              a_server_of_version_1_is_taken_and_says_nothing_of_what_is_missing,
                              a_server_that_claims_what_nobody_can_have_made_is_not_believed,
                              an_answer_to_a_catalog_that_was_not_sent_ends_the_session,
                              the_server_must_say_hello_and_welcome_within_t1,
                              a_test_is_answered,
                              sends_only_what_the_server_takes,
                              sends_so_many_catalogs_and_not_one_more,
                              sends_no_more_bytes_of_catalogs_than_the_server_takes,
                              goodbye_before_the_session_is_said_at_once,
                              what_the_server_says_when_it_leaves_is_passed_on,
                              a_server_that_refuses_at_the_door_is_understood,
                              nothing_is_taken_after_the_end,
                              NULL,
                          });
}
