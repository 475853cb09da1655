/* The two ends of a session together: what one says the other understands, whatever happens to the bytes. */
#include "support/suite.h"
#include "support/tunnel_pair.h"

#include <string.h>

static const int64_t second_us = 1000000;

static struct tunnel_pair pair;

static void start(uint64_t seed)
{
    struct frame_hello hello = pair_hello();
    pair_start(&pair, &hello, seed);
}

static void no_end(void)
{
    ck_assert_uint_eq(pair.sender_end.count, 0);
    ck_assert_uint_eq(pair.receiver_end.count, 0);
}

static void commit_all(size_t *committed)
{
    receiver_cork(pair.receiver);
    for (; *committed < pair.handed_count; (*committed)++) {
        pair_commit(&pair, pair.handed[*committed]);
    }
    receiver_uncork(pair.receiver, pair.now_us);
}

static uint64_t sequences_acked(enum ack_result result)
{
    uint64_t count = 0;
    for (size_t i = 0; i < pair.acked_count; i++) {
        count += pair.acked[i].result == result ? pair.acked[i].last - pair.acked[i].first + 1 : 0;
    }
    return count;
}

static void whole_session(uint64_t seed)
{
    enum { BATCHES = 50 };
    start(seed);
    pair_connect(&pair);
    size_t committed = 0;
    for (uint64_t sequence = 1; sequence <= BATCHES;) {
        enum err err = pair_send(&pair, sequence);
        ck_assert(err == ERR_OK || err == ERR_BUSY);
        sequence += err == ERR_OK;
        if (err == ERR_BUSY || sample_below(&pair.split, 3) == 0) {
            pair_pump(&pair);
            commit_all(&committed);
            pair_pump(&pair);
        }
    }
    sender_goodbye(pair.sender, BYE_DONE, "done", pair.now_us);
    ck_assert_int_eq(sender_state(pair.sender), SENDER_DRAINING);
    pair_pump(&pair);
    commit_all(&committed);
    pair_pump(&pair);
    ck_assert_uint_eq(sequences_acked(ACK_COMMITTED), BATCHES);
    for (uint64_t i = 0; i < BATCHES; i++) {
        ck_assert_uint_eq(pair.handed[i], i + 1);
        ck_assert(pair.historical[i] == (pair.handed[i] % 2 == 0));
    }
    ck_assert_int_eq(pair.sender_end.code, ERR_OK);
    ck_assert_int_eq(pair.receiver_end.code, ERR_OK);
    ck_assert_uint_eq(pair.sender_end.count, 1);
    ck_assert_uint_eq(pair.receiver_end.count, 1);
    ck_assert_str_eq(pair.receiver_end.text, "done");
    pair_stop(&pair);
}

START_TEST(a_session_delivers_everything_however_the_streams_are_cut)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        whole_session(seed);
    }
}
END_TEST

START_TEST(the_bridge_learns_what_the_store_has)
{
    start(1);
    pair_pump(&pair);
    ck_assert_int_eq(receiver_state(pair.receiver), RECEIVER_LOOKING_UP);
    ck_assert_mem_eq(pair.open.epoch, pair.epoch, BATCH_EPOCH_SIZE);
    ck_assert_str_eq(pair.open.software, "test bridge");
    ck_assert_uint_eq(pair.ready, 0);
    const struct frame_welcome welcome = {.contiguous = 40, .highest = 42};
    receiver_opened(pair.receiver, &welcome, pair.now_us);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.ready, 1);
    ck_assert_uint_eq(pair.welcome.contiguous, 40);
    ck_assert_uint_eq(pair.welcome.highest, 42);
    pair_stop(&pair);
}
END_TEST

START_TEST(answers_of_one_commit_travel_as_one_range)
{
    start(2);
    pair_connect(&pair);
    for (uint64_t sequence = 1; sequence <= 8; sequence++) {
        ck_assert_int_eq(pair_send(&pair, sequence), ERR_OK);
    }
    pair_pump(&pair);
    size_t committed = 0;
    commit_all(&committed);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.acked_count, 1);
    ck_assert_uint_eq(pair.acked[0].first, 1);
    ck_assert_uint_eq(pair.acked[0].last, 8);
    ck_assert_int_eq(pair.acked[0].committed_us, 1700000000000000);
    pair_stop(&pair);
}
END_TEST

START_TEST(answers_may_come_in_any_order_and_be_of_any_kind)
{
    start(3);
    pair_connect(&pair);
    for (uint64_t sequence = 1; sequence <= 4; sequence++) {
        ck_assert_int_eq(pair_send(&pair, sequence), ERR_OK);
    }
    pair_pump(&pair);
    receiver_cork(pair.receiver);
    receiver_stored(pair.receiver, 4, ACK_RETRY_AFTER, 0, 700, "disk is full", pair.now_us);
    receiver_stored(pair.receiver, 1, ACK_DUPLICATE, 77, 0, NULL, pair.now_us);
    receiver_stored(pair.receiver, 3, ACK_REJECTED, 0, 0, "no", pair.now_us);
    receiver_stored(pair.receiver, 2, ACK_COMMITTED, 78, 0, NULL, pair.now_us);
    receiver_uncork(pair.receiver, pair.now_us);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.acked_count, 4);
    ck_assert_uint_eq(sender_in_flight(pair.sender), 0);
    ck_assert_int_eq(pair.acked[0].result, ACK_RETRY_AFTER);
    ck_assert_uint_eq(pair.acked[0].delay_ms, 700);
    ck_assert_int_eq(pair.acked[1].result, ACK_DUPLICATE);
    ck_assert_int_eq(pair.acked[2].result, ACK_REJECTED);
    ck_assert_str_eq(pair.acked[2].text, "no");
    ck_assert_int_eq(pair.acked[3].committed_us, 78);
    ck_assert_int_eq(pair_send(&pair, 4), ERR_OK);
    no_end();
    pair_stop(&pair);
}
END_TEST

START_TEST(a_batch_sent_again_after_a_lost_connection_is_answered_as_the_store_says)
{
    start(4);
    pair_connect(&pair);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.handed_count, 1);
    pair.downlink_lost = true;
    pair_commit(&pair, 1);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.acked_count, 0);
    pair_stop(&pair);

    start(5);
    pair_connect(&pair);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair_pump(&pair);
    receiver_stored(pair.receiver, 1, ACK_DUPLICATE, 5, 0, NULL, pair.now_us);
    pair_pump(&pair);
    ck_assert_uint_eq(sequences_acked(ACK_DUPLICATE), 1);
    pair_stop(&pair);
}
END_TEST

START_TEST(a_slow_store_does_not_end_the_session)
{
    start(6);
    pair_connect(&pair);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair_pass(&pair, 3600 * second_us);
    no_end();
    ck_assert_uint_eq(sender_in_flight(pair.sender), 1);
    pair_commit(&pair, 1);
    pair_pump(&pair);
    ck_assert_uint_eq(sequences_acked(ACK_COMMITTED), 1);
    pair_stop(&pair);
}
END_TEST

START_TEST(a_slow_catalog_does_not_end_the_session)
{
    start(7);
    const struct frame_welcome nothing = {0};
    pair_pump(&pair);
    receiver_opened(pair.receiver, &nothing, pair.now_us);
    pair_pump(&pair);
    ck_assert_int_eq(sender_send_catalog(pair.sender, catalog_encoded(pair.catalog), pair.now_us), ERR_OK);
    pair_pass(&pair, 3600 * second_us);
    no_end();
    pair_stop(&pair);
}
END_TEST

START_TEST(an_idle_session_lives_on)
{
    start(8);
    pair_connect(&pair);
    pair_pass(&pair, 24 * (3600 * second_us));
    no_end();
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.handed_count, 1);
    pair_stop(&pair);
}
END_TEST

START_TEST(both_ends_find_out_that_the_other_is_gone_within_t3_and_t1)
{
    start(9);
    pair_connect(&pair);
    int64_t lost_us = pair.now_us;
    pair.uplink_lost = pair.downlink_lost = true;
    pair_pass(&pair, 35 * second_us - 1);
    no_end();
    pair_pass(&pair, 1);
    ck_assert_int_eq(pair.sender_end.code, ERR_TIMEOUT);
    ck_assert_int_eq(pair.receiver_end.code, ERR_TIMEOUT);
    ck_assert_int_eq(pair.sender_end.reason, BYE_TIMEOUT);
    ck_assert_int_eq(pair.now_us - lost_us, 35 * second_us);
    ck_assert_int_eq(sender_deadline_us(pair.sender), INT64_MAX);
    ck_assert_int_eq(receiver_deadline_us(pair.receiver), INT64_MAX);
    pair_stop(&pair);
}
END_TEST

START_TEST(a_batch_without_an_answer_ends_the_session_after_t1)
{
    start(10);
    pair_connect(&pair);
    pair.downlink_lost = true;
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair_pass(&pair, 15 * second_us - 1);
    no_end();
    pair_pass(&pair, 1);
    ck_assert_int_eq(pair.sender_end.code, ERR_TIMEOUT);
    pair_stop(&pair);
}
END_TEST

START_TEST(a_frame_that_takes_minutes_to_arrive_is_waited_for)
{
    start(11);
    pair_connect(&pair);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    struct buffer slow = pair.to_receiver;
    buffer_init(&pair.to_receiver, 1 << 30);
    while (slow.size > 0) {
        receiver_receive(pair.receiver, (struct bytes){.data = buffer_bytes(&slow).data, .size = 1},
                         pair.now_us);
        buffer_consume(&slow, 1);
        pair_pass(&pair, 2 * second_us);
        no_end();
    }
    buffer_fini(&slow);
    ck_assert_uint_eq(pair.handed_count, 1);
    pair_stop(&pair);
}
END_TEST

START_TEST(a_frame_that_stops_arriving_is_not_waited_for)
{
    start(12);
    pair_connect(&pair);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair.to_receiver.size -= 1;
    pair_pump(&pair);
    ck_assert_uint_eq(pair.handed_count, 0);
    pair.uplink_lost = true;
    pair_pass(&pair, 35 * second_us);
    ck_assert_uint_eq(pair.sender_end.count, 1);
    ck_assert_uint_eq(pair.receiver_end.count, 1);
    pair_stop(&pair);
}
END_TEST

START_TEST(the_window_of_batches_is_kept)
{
    start(13);
    pair_connect(&pair);
    for (uint64_t sequence = 1; sequence <= 8; sequence++) {
        ck_assert(sender_has_room(pair.sender, 100));
        ck_assert_int_eq(pair_send(&pair, sequence), ERR_OK);
    }
    ck_assert(!sender_has_room(pair.sender, 100));
    ck_assert_int_eq(pair_send(&pair, 9), ERR_BUSY);
    pair_pump(&pair);
    ck_assert_uint_eq(receiver_outstanding(pair.receiver), 8);
    pair_commit(&pair, 3);
    pair_pump(&pair);
    ck_assert_int_eq(pair_send(&pair, 9), ERR_OK);
    pair_pump(&pair);
    no_end();
    pair_stop(&pair);
}
END_TEST

START_TEST(the_window_of_bytes_is_kept)
{
    struct frame_hello hello = pair_hello();
    struct buffer encoded;
    hello.max_batch = FRAME_BATCH_LEAST;
    hello.window_bytes = FRAME_BATCH_LEAST;
    pair_start(&pair, &hello, 14);
    pair_connect(&pair);
    encoded = pair_batch(&pair, 1, 1000);
    ck_assert_uint_gt(encoded.size, hello.window_bytes / 2);
    ck_assert_uint_le(encoded.size, hello.max_batch);
    ck_assert_int_eq(sender_send_batch(pair.sender, 1, buffer_bytes(&encoded), false, pair.now_us), ERR_OK);
    ck_assert(sender_has_room(pair.sender, hello.window_bytes - encoded.size));
    ck_assert(!sender_has_room(pair.sender, hello.window_bytes - encoded.size + 1));
    ck_assert_int_eq(sender_send_batch(pair.sender, 2, buffer_bytes(&encoded), false, pair.now_us), ERR_BUSY);
    buffer_fini(&encoded);
    pair_pump(&pair);
    no_end();
    pair_stop(&pair);
}
END_TEST

START_TEST(the_server_may_leave_at_any_time)
{
    start(15);
    pair_connect(&pair);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair_pump(&pair);
    receiver_goodbye(pair.receiver, BYE_SHUTTING_DOWN, "maintenance", pair.now_us);
    pair_pump(&pair);
    ck_assert_int_eq(pair.sender_end.code, ERR_CLOSED);
    ck_assert_int_eq(pair.sender_end.reason, BYE_SHUTTING_DOWN);
    ck_assert_str_eq(pair.sender_end.text, "maintenance");
    ck_assert_int_eq(pair.receiver_end.code, ERR_OK);
    pair_commit(&pair, 1);
    ck_assert_uint_eq(pair.to_sender.size, 0);
    pair_stop(&pair);
}
END_TEST

START_TEST(a_goodbye_waits_for_what_is_in_flight)
{
    start(16);
    pair_connect(&pair);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    sender_goodbye(pair.sender, BYE_SHUTTING_DOWN, "restart", pair.now_us);
    ck_assert_int_eq(pair_send(&pair, 2), ERR_BUSY);
    pair_pass(&pair, 100 * second_us);
    no_end();
    pair_commit(&pair, 1);
    pair_pump(&pair);
    ck_assert_int_eq(pair.sender_end.code, ERR_OK);
    ck_assert_int_eq(pair.sender_end.reason, BYE_SHUTTING_DOWN);
    ck_assert_int_eq(pair.receiver_end.code, ERR_OK);
    ck_assert_int_eq(pair.receiver_end.reason, BYE_SHUTTING_DOWN);
    pair_stop(&pair);
}
END_TEST

START_TEST(a_goodbye_without_an_answer_ends_after_t1)
{
    start(17);
    pair_connect(&pair);
    pair.downlink_lost = true;
    sender_goodbye(pair.sender, BYE_DONE, "", pair.now_us);
    pair_pass(&pair, 15 * second_us - 1);
    ck_assert_uint_eq(pair.sender_end.count, 0);
    pair_pass(&pair, 1);
    ck_assert_int_eq(pair.sender_end.code, ERR_TIMEOUT);
    ck_assert_int_eq(pair.receiver_end.code, ERR_OK);
    pair_stop(&pair);
}
END_TEST

START_TEST(a_catalog_the_server_knows_is_not_decoded_again)
{
    start(18);
    pair.known = pair.catalog;
    pair_connect(&pair);
    ck_assert_mem_eq(pair.catalog_hash, catalog_hash(pair.catalog), CATALOG_HASH_SIZE);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.handed_count, 1);
    pair_stop(&pair);
}
END_TEST

START_TEST(a_catalog_the_server_takes_over_is_its_own)
{
    start(20);
    pair.keeps = true;
    pair_connect(&pair);
    ck_assert_ptr_nonnull(pair.kept);
    ck_assert_mem_eq(catalog_hash(pair.kept), catalog_hash(pair.catalog), CATALOG_HASH_SIZE);
    ck_assert_int_eq(pair_send(&pair, 1), ERR_OK);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.handed_count, 1);
    pair_stop(&pair);
    catalog_free(pair.kept); /* the session has not: the sanitizer would tell */
}
END_TEST

START_TEST(gaps_need_no_catalog)
{
    start(19);
    const struct frame_welcome nothing = {0};
    pair_pump(&pair);
    receiver_opened(pair.receiver, &nothing, pair.now_us);
    pair_pump(&pair);
    struct batch_identity identity = {.sequence = 1};
    memcpy(identity.epoch, pair.epoch, sizeof identity.epoch);
    const struct gap gap = {.reason = GAP_SPOOL_FULL, .first_sequence = 1, .last_sequence = 2};
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_encode_gaps(&gap, 1, &identity, &encoded), ERR_OK);
    ck_assert_int_eq(sender_send_batch(pair.sender, 1, buffer_bytes(&encoded), false, pair.now_us), ERR_OK);
    pair_pump(&pair);
    ck_assert_uint_eq(pair.handed_count, 1);
    buffer_fini(&encoded);
    pair_stop(&pair);
}
END_TEST

int main(void)
{
    return suite_run("session", (const TTest *[]){
                                    a_session_delivers_everything_however_the_streams_are_cut,
                                    the_bridge_learns_what_the_store_has,
                                    answers_of_one_commit_travel_as_one_range,
                                    answers_may_come_in_any_order_and_be_of_any_kind,
                                    a_batch_sent_again_after_a_lost_connection_is_answered_as_the_store_says,
                                    a_slow_store_does_not_end_the_session,
                                    a_slow_catalog_does_not_end_the_session,
                                    an_idle_session_lives_on,
                                    both_ends_find_out_that_the_other_is_gone_within_t3_and_t1,
                                    a_batch_without_an_answer_ends_the_session_after_t1,
                                    a_frame_that_takes_minutes_to_arrive_is_waited_for,
                                    a_frame_that_stops_arriving_is_not_waited_for,
                                    the_window_of_batches_is_kept,
                                    the_window_of_bytes_is_kept,
                                    the_server_may_leave_at_any_time,
                                    a_goodbye_waits_for_what_is_in_flight,
                                    a_goodbye_without_an_answer_ends_after_t1,
                                    a_catalog_the_server_knows_is_not_decoded_again,
                                    a_catalog_the_server_takes_over_is_its_own,
                                    gaps_need_no_catalog,
                                    NULL,
                                });
}
