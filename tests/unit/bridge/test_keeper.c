/* Where there is no more room: in the bounds of the spool, or on the disk. */
#include "spool/keeper.h"

#include "sample.h"
#include "spooler_fixture.h"
#include "support/failing_vfs.h"
#include "support/suite.h"

/* ---- the spool's bounds ---- */

START_TEST(a_full_spool_stops_polling_and_accounts_for_the_pause)
{
    fill(0, 20);
    set_bounds(ROOM_STOP_POLLING, spool_state(spooler_spool(spooler))->bytes + 1);
    ck_assert(spooler_accepts(spooler));
    put(0, 900, PER_BATCH);
    must_commit();
    ck_assert(!spooler_accepts(spooler));
    ck_assert_int_eq(number("SELECT stopped_us FROM state"), now.wall_us);
    reopen();
    ck_assert(!spooler_accepts(spooler));
    int64_t stopped = now.wall_us;
    now.wall_us += 60000000;
    now.mono_us += 60000000;
    for (uint64_t seq = 1; seq <= 5; seq++) {
        ack(seq, ACK_COMMITTED);
    }
    must_commit();
    ck_assert(spooler_accepts(spooler));
    struct gap gap = last_gap();
    ck_assert_int_eq(gap.reason, GAP_NOT_POLLED);
    ck_assert_int_eq(gap.from_us, stopped);
    ck_assert_int_eq(gap.to_us, now.wall_us);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 21 - 5 + 1);
}
END_TEST

START_TEST(refused_readings_become_a_gap)
{
    struct reading reading = sample_reading(0, 7);
    inbox_accept(inbox, false);
    ck_assert(!inbox_put_readings(inbox, &reading, 1));
    inbox_accept(inbox, true);
    put(0, 0, PER_BATCH);
    must_commit();
    struct gap gap = last_gap();
    ck_assert_int_eq(gap.reason, GAP_NOT_POLLED);
    ck_assert_int_eq(gap.from_us, reading.request_us);
    ck_assert_int_eq(gap.to_us, reading.response_us);
    spool_batches_clear(&sent);
    put(0, 100, PER_BATCH);
    must_commit();
    ck_assert_uint_eq(sent.count, 1);
}
END_TEST

START_TEST(a_full_spool_drops_the_oldest_of_the_lowest_priority_and_accounts_for_it)
{
    fill(1, 3);
    fill(0, 20);
    set_bounds(ROOM_DROP_OLDEST, spool_state(spooler_spool(spooler))->bytes + 1);
    put(0, 900, PER_BATCH);
    must_commit();
    ck_assert(spooler_accepts(spooler));
    struct gap gap = last_gap();
    ck_assert_int_eq(gap.reason, GAP_SPOOL_FULL);
    ck_assert_uint_eq(gap.first_sequence, 4);
    uint64_t dropped = gap.last_sequence - gap.first_sequence + 1;
    ck_assert_uint_eq(gap.readings, dropped * PER_BATCH);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), (int64_t)(24 + 1 - dropped));
    ck_assert_int_eq(number("SELECT count(*) FROM batch WHERE priority = 5"), 3);
    const struct spool_state *state = spool_state(spooler_spool(spooler));
    ck_assert_int_eq(state->bytes, number("SELECT sum(length(encoded)) FROM batch"));
    ck_assert_int_eq(state->readings, number("SELECT sum(readings) FROM batch"));
}
END_TEST

START_TEST(every_batch_is_there_or_in_a_gap_however_long_it_drops)
{
    enum { ROUNDS = 200 };
    uint64_t in_gaps = 0;
    set_bounds(ROOM_DROP_OLDEST, 2000);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        spool_batches_clear(&sent);
        put(0, i * PER_BATCH, PER_BATCH);
        must_commit();
        struct gap gaps[GAP_LIST_MAX];
        size_t count = sent.last->kind == BATCH_GAPS ? last_gaps(gaps) : 0;
        for (size_t j = 0; j < count; j++) {
            in_gaps += gaps[j].readings;
        }
    }
    ck_assert_int_eq((int64_t)in_gaps + number("SELECT sum(readings) FROM batch WHERE kind = 1"),
                     (int64_t)ROUNDS * PER_BATCH);
}
END_TEST

START_TEST(batches_that_are_too_old_go_unless_the_clock_cannot_be_trusted)
{
    fill(0, 3);
    configuration.bounds.max_age_us = 1000000;
    ck_assert_int_eq(spooler_configure(spooler, &configuration, &why), ERR_OK);
    now.wall_us += 3600 * INT64_C(1000000);
    now.mono_us += 20000000;
    now.trusted = false;
    must_commit();
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 3);
    now.trusted = true;
    now.mono_us += 20000000;
    must_commit();
    struct gap gap = last_gap();
    ck_assert_int_eq(gap.reason, GAP_SPOOL_AGE);
    ck_assert_uint_eq(gap.readings, THREE_BATCHES);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 1);
}
END_TEST

/* ---- a full disk ---- */

START_TEST(a_full_disk_loses_nothing_and_stops_polling_until_there_is_room)
{
    put(0, 0, PER_BATCH);
    must_commit();
    ack(1, ACK_COMMITTED);
    put(0, 10, 2 * PER_BATCH);
    failing_vfs_arm(FAILING_WRITE, 1, true, SQLITE_FULL);
    ck_assert_int_eq(collect_and_commit(), ERR_DISK_FULL);
    ck_assert(!spooler_accepts(spooler));
    ck_assert_uint_eq(sent.count, 1);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 1);
    failing_vfs_arm(FAILING_WRITE, 0, false, SQLITE_OK);
    now.mono_us = spooler_deadline_us(spooler);
    ck_assert_int_eq(spooler_commit(spooler, &now, false, &sent, &why), ERR_OK);
    ck_assert(spooler_accepts(spooler));
    ck_assert_uint_eq(sent.count, 3);
    ck_assert_uint_eq(sent.last->seq, 3);
    ck_assert(sample_is_batch_of(sent.last, catalog, 0, 20, PER_BATCH));
    ck_assert_int_eq(number("SELECT count(*) FROM ack_log"), 1);
}
END_TEST

/* Whichever write fails for want of space: every reading is in exactly one batch afterwards. */
START_TEST(whichever_write_finds_the_disk_full_every_reading_is_there_once)
{
    bool struck = true;
    unsigned tried = 0;
    for (unsigned nth = 1; struck; nth += 2) {
        teardown();
        setup();
        set_bounds(ROOM_DROP_OLDEST, 1000000);
        failing_vfs_arm(FAILING_WRITE, nth, false, SQLITE_FULL);
        for (uint32_t i = 0; i < 12; i++) {
            put(0, i * PER_BATCH, PER_BATCH);
            if (collect_and_commit() != ERR_OK) {
                now.mono_us += 2000000;
            }
        }
        must_commit();
        struck = failing_vfs_struck(FAILING_WRITE);
        tried += struck;
        ck_assert_int_eq(number("SELECT sum(readings) FROM batch WHERE kind = 1"), INT64_C(12) * PER_BATCH);
        ck_assert_int_eq(number("SELECT count(DISTINCT first_us) FROM batch WHERE kind = 1"), 12);
    }
    ck_assert_uint_gt(tried, 20);
}
END_TEST

int main(void)
{
    return suite_run_with("keeper", setup, teardown,
                          (const TTest *[]){
                              a_full_spool_stops_polling_and_accounts_for_the_pause,
                              refused_readings_become_a_gap,
                              a_full_spool_drops_the_oldest_of_the_lowest_priority_and_accounts_for_it,
                              every_batch_is_there_or_in_a_gap_however_long_it_drops,
                              batches_that_are_too_old_go_unless_the_clock_cannot_be_trusted,
                              a_full_disk_loses_nothing_and_stops_polling_until_there_is_room,
                              whichever_write_finds_the_disk_full_every_reading_is_there_once,
                              NULL,
                          });
}
