#include "base/array.h"
#include "base/clock.h"
#include "server_fixture.h"
#include "store/db.h"
#include "support/failing_vfs.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One more than SQL can count to. */
#define TOO_HIGH ((uint64_t)INT64_MAX + 1)

static struct remote_bridge bridge;

static enum ack_result result_of(const struct remote_bridge *remote, uint64_t sequence)
{
    return remote->acks[sequence % REMOTE_SEQUENCES_MAX].result;
}

/* ---- storing ---- */

START_TEST(batches_are_stored_then_acknowledged)
{
    enum { BATCHES = 200 };
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        remote_bridge_send(&bridge, sequence, 7);
    }
    remote_bridge_await_acks(&bridge, BATCHES);
    ck_assert_int_eq(server_fixture_stored("SELECT count(*) FROM batch"), BATCHES);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        ck_assert_int_eq(result_of(&bridge, sequence), ACK_COMMITTED);
        ck_assert_int_gt(bridge.acks[sequence].committed_us, 0);
    }
    remote_bridge_close(&bridge);
    ck_assert_int_eq(server_fixture_stop(), 0);
}
END_TEST

START_TEST(a_batch_sent_again_is_a_duplicate_and_another_one_is_refused)
{
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    int64_t committed_us = bridge.acks[1].committed_us;
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 2);
    ck_assert_int_eq(result_of(&bridge, 1), ACK_DUPLICATE);
    ck_assert_int_eq(bridge.acks[1].committed_us, committed_us);
    remote_bridge_close(&bridge);
    server_fixture_connect(&bridge, 1, 1, 2);
    remote_bridge_send(&bridge, 1, 8);
    remote_bridge_await_acks(&bridge, 1);
    ck_assert_int_eq(result_of(&bridge, 1), ACK_REJECTED);
    ck_assert_ptr_nonnull(strstr(bridge.acks[1].text, "another batch"));
    remote_bridge_send(&bridge, TOO_HIGH, 7);
    remote_bridge_await_acks(&bridge, 2);
    ck_assert_int_eq(result_of(&bridge, TOO_HIGH), ACK_REJECTED);
    ck_assert_int_eq(server_fixture_stored("SELECT count(*) FROM batch"), 1);
    remote_bridge_close(&bridge);
}
END_TEST

static void with_a_folder_for_a_key(struct server_options *options)
{
    *strrchr(options->key, '/') = '\0';
}

START_TEST(a_start_that_fails_for_its_key_leaves_no_store_behind)
{
    ck_assert_int_ne(server_fixture_fail(with_a_folder_for_a_key), ERR_OK);
    ck_assert_int_eq(access(server_fixture_store(), F_OK), -1);
}
END_TEST

START_TEST(a_session_is_told_what_is_stored_of_its_epoch)
{
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    ck_assert_uint_eq(bridge.welcome.highest, 0);
    static const uint64_t sequences[] = {1, 2, 5};
    for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
        remote_bridge_send(&bridge, sequences[i], 7);
    }
    remote_bridge_await_acks(&bridge, 3);
    remote_bridge_close(&bridge);
    ck_assert_int_eq(server_fixture_stop(), 0);
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 3, 6);
    ck_assert_uint_eq(bridge.welcome.contiguous, 2);
    ck_assert_uint_eq(bridge.welcome.highest, 5);
    remote_bridge_close(&bridge);
    server_fixture_connect(&bridge, 2, 1, 1);
    ck_assert_uint_eq(bridge.welcome.highest, 0);
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_full_disk_puts_batches_off_and_loses_nothing)
{
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    failing_vfs_arm(FAILING_WRITE, 1, true, SQLITE_FULL);
    remote_bridge_send(&bridge, 2, 7);
    remote_bridge_await_acks(&bridge, 2);
    ck_assert_int_eq(result_of(&bridge, 2), ACK_RETRY_AFTER);
    ck_assert_uint_gt(bridge.acks[2].delay_ms, 0);
    failing_vfs_arm(FAILING_WRITE, 0, false, SQLITE_OK);
    remote_bridge_send(&bridge, 2, 7);
    remote_bridge_await_acks(&bridge, 3);
    ck_assert_int_eq(result_of(&bridge, 2), ACK_COMMITTED);
    remote_bridge_close(&bridge);
    ck_assert_int_eq(server_fixture_stop(), 0);
}
END_TEST

static void with_a_database_that_is_away(struct server_options *options)
{
    free(options->store);
    options->store = strdup("postgresql:///plant?host=/nowhere");
}

/* HELLO would name a store that nobody has seen. */
START_TEST(while_the_store_was_never_reached_nothing_is_said_of_it)
{
    server_fixture_start("", with_a_database_that_is_away);
    for (int i = 0; i < 2; i++) {
        remote_bridge_open(&bridge, server_fixture_plant(), "bridge/cell-3", server_fixture_port(), 1, 1, 1);
        remote_bridge_await(&bridge, remote_bridge_is_gone);
        ck_assert(!bridge.ready);
        ck_assert_int_eq(bridge.type, FRAME_BYE);
        ck_assert_int_eq(bridge.bye, BYE_STORE_FAILED);
        ck_assert_ptr_nonnull(strstr(bridge.bye_text, "come back later"));
        remote_bridge_close(&bridge);
        server_fixture_reload(); // which knows the store no better
    }
    remote_bridge_open(&bridge, server_fixture_plant(), "bridge/cell-4", server_fixture_port(), 1, 1, 1);
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert_int_eq(bridge.bye, BYE_NOT_ALLOWED); // who is not on the list learns nothing of the store
    remote_bridge_close(&bridge);
    ck_assert(server_fixture_said("event=store_away"));
    ck_assert(!server_fixture_said("event=session_closed"));
    ck_assert_int_eq(server_fixture_stop(), 0);
}
END_TEST

static bool one_batch_is_left(const struct remote_bridge *remote)
{
    (void)remote;
    return server_fixture_stored("SELECT count(*) FROM batch") == 1;
}

START_TEST(what_is_too_old_goes_while_bridges_are_served)
{
    enum { BATCHES = 50 };
    server_fixture_start("retention: {age: 1ms}\n", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        remote_bridge_send(&bridge, sequence, 7);
    }
    remote_bridge_await_acks(&bridge, BATCHES);
    remote_bridge_await(&bridge, one_batch_is_left);
    ck_assert_int_eq(server_fixture_stored("SELECT sum(last_seq - first_seq + 1) FROM expired"), BATCHES - 1);
    remote_bridge_send(&bridge, BATCHES + 1, 7);
    remote_bridge_await_acks(&bridge, BATCHES + 1);
    ck_assert_int_eq(result_of(&bridge, BATCHES + 1), ACK_COMMITTED);
    remote_bridge_close(&bridge);
    server_fixture_connect(&bridge, 1, 1, BATCHES + 2); // what is gone is not missing
    ck_assert_uint_eq(bridge.welcome.contiguous, BATCHES + 1);
    remote_bridge_close(&bridge);
    ck_assert_int_eq(server_fixture_stop(), 0);
}
END_TEST

START_TEST(a_failed_sync_acknowledges_nothing_and_ends_the_server)
{
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    failing_vfs_arm(FAILING_SYNC, 1, false, SQLITE_IOERR_FSYNC);
    remote_bridge_send(&bridge, 2, 7);
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert_uint_eq(bridge.ack_count, 1);
    ck_assert_int_eq(server_fixture_wait(), EXIT_FAILURE);
    remote_bridge_close(&bridge);
}
END_TEST

/* Room for one small batch, not for two. */
static void shorten_queue(struct server_options *options)
{
    enum { QUEUE_BYTES = 700 };
    options->limits.queue_bytes = QUEUE_BYTES;
}

/* Another writer keeps the store waiting. */
static sqlite3 *block_store(void)
{
    sqlite3 *handle = NULL;
    ck_assert_int_eq(sqlite3_open(server_fixture_store(), &handle), SQLITE_OK);
    ck_assert_int_eq(sqlite3_busy_timeout(handle, REMOTE_DEADLINE_MS), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return handle;
}

START_TEST(a_full_queue_puts_batches_off_until_the_store_has_caught_up)
{
    server_fixture_start("", shorten_queue);
    server_fixture_connect(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    sqlite3 *blocker = block_store();
    remote_bridge_send(&bridge, 2, 7);
    remote_bridge_send(&bridge, 3, 7);
    remote_bridge_await_acks(&bridge, 2);
    ck_assert_uint_eq(bridge.acks[2].last, 0);
    ck_assert_int_eq(result_of(&bridge, 3), ACK_RETRY_AFTER);
    sqlite3_close(blocker);
    remote_bridge_await_acks(&bridge, 3);
    ck_assert_int_eq(result_of(&bridge, 2), ACK_COMMITTED);
    remote_bridge_send(&bridge, 3, 7);
    remote_bridge_await_acks(&bridge, 4);
    ck_assert_int_eq(result_of(&bridge, 3), ACK_COMMITTED);
    remote_bridge_close(&bridge);
}
END_TEST

/* ---- stopping ---- */

START_TEST(stopping_answers_what_was_received_and_says_goodbye)
{
    enum { BATCHES = 50 };
    server_fixture_start("", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        remote_bridge_send(&bridge, sequence, 7);
    }
    remote_bridge_await_acks(&bridge, 1);
    server_fixture_stop_later();
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert_int_eq(bridge.bye, BYE_SHUTTING_DOWN);
    ck_assert_int_eq(server_fixture_wait(), 0);
    ck_assert_int_eq(server_fixture_stored("SELECT count(*) FROM batch"), (int64_t)bridge.ack_count);
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_bridge_that_hangs_does_not_hold_up_the_stop_for_ever)
{
    server_fixture_start("timers: {stop: 300ms}\n", NULL);
    server_fixture_connect(&bridge, 1, 1, 1);
    /* From here on its loop does not run: it reads nothing and closes nothing. */
    int64_t begin_us = clock_mono_us();
    ck_assert_int_eq(server_fixture_stop(), 0);
    ck_assert_int_lt(clock_mono_us() - begin_us, 5 * CLOCK_US_PER_S);
    remote_bridge_close(&bridge);
}
END_TEST

int main(void)
{
    server_fixture_make_plant();
    int status = suite_run_with("server", server_fixture_setup, server_fixture_teardown,
                                (const TTest *[]){
                                    batches_are_stored_then_acknowledged,
                                    a_batch_sent_again_is_a_duplicate_and_another_one_is_refused,
                                    a_start_that_fails_for_its_key_leaves_no_store_behind,
                                    a_session_is_told_what_is_stored_of_its_epoch,
                                    a_full_disk_puts_batches_off_and_loses_nothing,
                                    while_the_store_was_never_reached_nothing_is_said_of_it,
                                    what_is_too_old_goes_while_bridges_are_served,
                                    a_failed_sync_acknowledges_nothing_and_ends_the_server,
                                    a_full_queue_puts_batches_off_until_the_store_has_caught_up,
                                    stopping_answers_what_was_received_and_says_goodbye,
                                    a_bridge_that_hangs_does_not_hold_up_the_stop_for_ever,
                                    NULL,
                                });
    server_fixture_remove_plant();
    return status;
}
