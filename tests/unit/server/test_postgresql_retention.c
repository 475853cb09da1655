#include "base/array.h"
#include "base/clock.h"
#include "postgresql_fixture.h"
#include "store/postgresql_retention.h"
#include "support/suite.h"
#include "support/system.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>

enum { DEADLINE_S = 30, BATCHES = 10 };

static struct err_text why;
static struct store *store;

static void setup(void)
{
    postgresql_fixture_make();
    postgresql_fixture_reopen(&store);
    fixture_put_catalog(store);
}

static void teardown(void)
{
    store_close(store);
    store = NULL;
    postgresql_fixture_drop();
}

static enum store_result put(uint64_t sequence, uint8_t content)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, sequence, content);
    return fixture_put(store, "cell-3", &batch);
}

static void put_all(uint64_t first, uint64_t last)
{
    for (uint64_t sequence = first; sequence <= last; sequence++) {
        ck_assert_int_eq(put(sequence, 1), STORE_COMMITTED);
    }
}

/* A batch of the fixture was committed in 1970. */
static struct store_expired step(const struct store_retention *limits)
{
    struct store_expired expired;
    enum err result = store_expire(store, limits, clock_wall_us(), &expired, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return expired;
}

static struct store_expired settle_all_but_the_newest(void)
{
    static const struct store_retention limits = {.age_us = 1};
    return step(&limits);
}

/* ---- what becomes of rows ---- */

START_TEST(a_settled_batch_is_a_duplicate_however_often_it_comes)
{
    put_all(1, BATCHES);
    struct store_expired expired = settle_all_but_the_newest();
    ck_assert_uint_eq(expired.batches, BATCHES - 1);
    ck_assert(!expired.more);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM batch"), 1);
    ck_assert_int_eq(
        postgresql_fixture_number("SELECT count(*) FROM settled WHERE first_seq = 1 AND last_seq = 9"
                                  " AND last_time = '1970-01-01 00:00:10Z'"),
        1);
    for (int i = 0; i < 2; i++) {
        for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
            ck_assert_int_eq(put(sequence, 1), STORE_DUPLICATE);
        }
        postgresql_fixture_reopen(&store);
    }
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading"), BATCHES * FIXTURE_READINGS);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM hole"), 0);
}
END_TEST

/* The digest is gone, but a copy of a spool that went on by itself has readings that are newer. */
START_TEST(another_batch_under_a_settled_number_is_seen_by_its_later_readings)
{
    put_all(1, BATCHES);
    (void)settle_all_but_the_newest();
    struct fixture_batch later;
    fixture_batch(&later, 1, BATCHES + 1, 2);
    later.view.identity.sequence = 3;
    struct fixture_batch edge;
    fixture_batch(&edge, 1, BATCHES - 1, 1);
    edge.view.identity.sequence = 3;
    ck_assert_int_eq(fixture_put(store, "cell-3", &later), STORE_CONFLICT);
    ck_assert_int_eq(fixture_put(store, "cell-3", &edge), STORE_DUPLICATE); // no later than the last of them
    edge.view.last_us++;
    ck_assert_int_eq(fixture_put(store, "cell-3", &edge), STORE_CONFLICT);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading"), BATCHES * FIXTURE_READINGS);
}
END_TEST

START_TEST(a_group_may_mix_what_is_settled_stored_and_new)
{
    static const uint64_t sequences[] = {11, 3, 10, 12, 3, 9};
    static const enum store_result expected[] = {STORE_COMMITTED, STORE_DUPLICATE, STORE_DUPLICATE,
                                                 STORE_COMMITTED, STORE_DUPLICATE, STORE_DUPLICATE};
    struct fixture_batch batches[ARRAY_LENGTH(sequences)];
    struct store_batch items[ARRAY_LENGTH(sequences)];
    put_all(1, BATCHES);
    (void)settle_all_but_the_newest();
    for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
        fixture_batch(&batches[i], 1, sequences[i], 1);
        items[i] = (struct store_batch){.bridge = "cell-3", .view = &batches[i].view};
    }
    ck_assert_msg(fixture_put_group(store, items, ARRAY_LENGTH(items), &why) == ERR_OK, "%s", why.text);
    for (size_t i = 0; i < ARRAY_LENGTH(items); i++) {
        ck_assert_msg(items[i].result == expected[i], "item %zu: %d", i, items[i].result);
    }
    ck_assert_int_gt(items[2].committed_us, 0);
    ck_assert_int_eq(items[1].committed_us, 0); // no longer known
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading"), 12 * FIXTURE_READINGS);
}
END_TEST

START_TEST(an_epoch_is_one_range_and_one_more_for_each_hole)
{
    put_all(1, 4);
    put_all(7, BATCHES);
    (void)settle_all_but_the_newest();
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM settled"), 2);
    put_all(BATCHES + 1, 2 * BATCHES);
    (void)settle_all_but_the_newest();
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM settled"), 2);
    put_all(5, 5); // the hole is filled at last, in part
    (void)settle_all_but_the_newest();
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM settled"), 2);
    ck_assert_int_eq(postgresql_fixture_number("SELECT last_seq FROM settled WHERE first_seq = 1"), 5);
    ck_assert_int_eq(
        postgresql_fixture_number("SELECT count(*) FROM hole WHERE first_seq = 6 AND last_seq = 6"), 1);
    ck_assert_int_eq(put(6, 1), STORE_COMMITTED);
}
END_TEST

START_TEST(behind_a_range_that_is_not_looked_at_nothing_is_said_to_be_missing)
{
    put_all(1, 1);
    put_all(3, 3);
    postgresql_fixture_run(
        "INSERT INTO settled SELECT 1, seq, seq, now() FROM generate_series(4, 1103) AS seq;"
        "INSERT INTO batch SELECT 1104, first_time, last_time, received, committed, stream,"
        " catalog, readings, kind, historical, digest FROM batch WHERE seq = 3");
    struct store_watermarks watermarks = fixture_look_up(store, "cell-3", 1);
    ck_assert_uint_eq(watermarks.contiguous, 1);
    ck_assert_uint_eq(watermarks.highest, 1104);
    ck_assert_uint_eq(watermarks.missing_count, 1);
    ck_assert_uint_eq(watermarks.missing[0].first, 2);
    ck_assert_uint_eq(watermarks.missing[0].last, 2);
}
END_TEST

/* ---- how much at a time ---- */

static void invent_rows(int64_t streams, int64_t rows)
{
    char sql[1024];
    snprintf(sql, sizeof sql,
             "INSERT INTO bridge (name) VALUES ('invented');"
             "INSERT INTO stream (bridge, epoch) SELECT max(bridge.id), decode(md5(number::text), 'hex')"
             " FROM bridge, generate_series(1, %lld) AS number GROUP BY number ORDER BY number;"
             "INSERT INTO batch SELECT seq, 'epoch', 'epoch', 'epoch', 'epoch', id, NULL, 1, 1, false,"
             " decode(md5('x'), 'hex') FROM stream, generate_series(1, %lld) AS seq",
             (long long)streams, (long long)rows);
    postgresql_fixture_run(sql);
}

START_TEST(a_step_settles_so_many_rows_and_the_next_one_goes_on)
{
    invent_rows(2, POSTGRESQL_RETENTION_STEP + 2);
    static const struct {
        uint64_t batches;
        bool more;
    } steps[] = {{POSTGRESQL_RETENTION_STEP, true},
                 {POSTGRESQL_RETENTION_STEP, true}, // one of the first stream, the others of the second
                 {2, false},
                 {0, false}};
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        struct store_expired expired = settle_all_but_the_newest();
        ck_assert_msg(expired.batches == steps[i].batches && expired.more == steps[i].more, "step %zu: %llu",
                      i, (unsigned long long)expired.batches);
    }
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM settled"), 2);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM batch"), 2);
}
END_TEST

START_TEST(a_step_looks_at_so_many_streams_and_then_begins_anew)
{
    enum { STREAMS_OF_A_STEP = 1000 };
    invent_rows(STREAMS_OF_A_STEP + 1, 2);
    ck_assert_uint_eq(settle_all_but_the_newest().batches, STREAMS_OF_A_STEP);
    ck_assert_uint_eq(settle_all_but_the_newest().batches, 1);
    postgresql_fixture_run(
        "INSERT INTO batch SELECT 3, first_time, last_time, received, committed, stream, catalog,"
        " readings, kind, historical, digest FROM batch WHERE stream = 1");
    ck_assert_uint_eq(settle_all_but_the_newest().batches, 1);
}
END_TEST

START_TEST(a_ledger_that_is_too_large_settles_its_oldest_rows_only)
{
    enum { ROWS = 6400, ROW_BYTES = 160 };
    static const struct store_retention roomy = {.bytes = (ROWS + 1000) * ROW_BYTES};
    static const struct store_retention tight = {.bytes = (ROWS - 1000) * ROW_BYTES};
    static const char live[] = "SELECT pg_stat_get_live_tuples('batch'::regclass)";
    invent_rows(1, ROWS);
    postgresql_fixture_run("UPDATE batch SET committed = now() - (6400 - seq) * interval '1 minute'");
    postgresql_fixture_await(live, ROWS);
    ck_assert_uint_eq(step(&roomy).batches, 0);
    uint64_t settled = step(&tight).batches;
    ck_assert_uint_ge(settled, ROWS / 64 - 1);
    ck_assert_uint_le(settled, ROWS / 64 + 2);
    ck_assert_int_eq(postgresql_fixture_number("SELECT last_seq FROM settled"), (int64_t)settled);
    for (int64_t rows = ROWS - (int64_t)settled; rows > ROWS - 1000; rows -= (int64_t)settled) {
        postgresql_fixture_reopen(&store); // a connection that ends says what it has counted
        postgresql_fixture_await(live, rows);
        settled = step(&tight).batches;
        ck_assert_uint_gt(settled, 0);
    }
    int64_t left = postgresql_fixture_number("SELECT count(*) FROM batch");
    postgresql_fixture_reopen(&store);
    postgresql_fixture_await(live, left);
    ck_assert_uint_eq(step(&tight).batches, 0);
    ck_assert_int_ge(left, ROWS - 1000 - ROWS / 64 - 2);
}
END_TEST

/* ---- at the same time as others ---- */

struct attempt {
    struct store *store;
    enum err outcome;
    struct err_text why;
    struct store_expired expired;
    enum store_result result;
};

static void *settle_in_thread(void *owner)
{
    static const struct store_retention limits = {.age_us = 1};
    struct attempt *attempt = owner;
    attempt->outcome =
        store_expire(attempt->store, &limits, clock_wall_us(), &attempt->expired, &attempt->why);
    return NULL;
}

static void *put_third_in_thread(void *owner)
{
    struct attempt *attempt = owner;
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 3, 1);
    struct store_batch item = {.bridge = "cell-3", .view = &batch.view, .received_us = 1};
    attempt->outcome = fixture_put_group(attempt->store, &item, 1, &attempt->why);
    attempt->result = item.result;
    return NULL;
}

/* Statements on a table wait until there is a row in `gate`. */
static void hold(const char *when)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "CREATE TABLE gate (open boolean);"
             "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
             " WHILE NOT EXISTS (SELECT FROM bourdon.gate) LOOP PERFORM pg_sleep(0.01); END LOOP;"
             " RETURN NULL; END $$;"
             "CREATE TRIGGER hold %s FOR EACH STATEMENT EXECUTE FUNCTION hold()",
             when);
    postgresql_fixture_run(sql);
}

static void let_go(void)
{
    postgresql_fixture_run("INSERT INTO gate VALUES (true)");
}

static const char held[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                           " AND wait_event = 'PgSleep'";
static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                              " AND wait_event = 'advisory'";

START_TEST(a_batch_that_is_being_settled_by_another_server_is_a_duplicate)
{
    struct attempt settling = {.store = store}, putting = {.outcome = ERR_IO};
    pthread_t threads[2];
    put_all(1, BATCHES);
    ck_assert_int_eq(postgresql_fixture_open(&putting.store, &why), ERR_OK);
    hold("AFTER DELETE ON batch");
    ck_assert_int_eq(pthread_create(&threads[0], NULL, settle_in_thread, &settling), 0);
    postgresql_fixture_await(held, 1);
    ck_assert_int_eq(pthread_create(&threads[1], NULL, put_third_in_thread, &putting), 0);
    postgresql_fixture_await(waiting, 1);
    let_go();
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    ck_assert_msg(settling.outcome == ERR_OK, "%s", settling.why.text);
    ck_assert_msg(putting.outcome == ERR_OK, "%s", putting.why.text);
    ck_assert_int_eq(putting.result, STORE_DUPLICATE);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading"), BATCHES * FIXTURE_READINGS);
    store_close(putting.store);
}
END_TEST

START_TEST(settling_waits_for_the_groups_of_others_but_not_long)
{
    struct attempt settling = {.store = store}, putting = {.outcome = ERR_IO};
    pthread_t thread;
    put_all(1, 2);
    put_all(4, BATCHES);
    ck_assert_int_eq(postgresql_fixture_open(&putting.store, &why), ERR_OK);
    hold("AFTER INSERT ON batch");
    ck_assert_int_eq(pthread_create(&thread, NULL, put_third_in_thread, &putting), 0);
    postgresql_fixture_await(held, 1);
    settle_in_thread(&settling);
    ck_assert_int_eq(settling.outcome, ERR_BUSY);
    ck_assert_uint_eq(settling.expired.batches, 0);
    let_go();
    pthread_join(thread, NULL);
    ck_assert_int_eq(putting.result, STORE_COMMITTED);
    ck_assert_uint_eq(settle_all_but_the_newest().batches, BATCHES - 1);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM settled"), 1);
    store_close(putting.store);
}
END_TEST

enum { RACE_BATCHES = 200, RACE_GROUP = 8, RACE_ROUNDS = 3, RACERS = 2 };

struct racer {
    struct store *store;
    struct fixture_tally tally;
};

/* Puts every batch again and again, in groups. */
static void *put_again_and_again(void *owner)
{
    struct racer *racer = owner;
    for (uint64_t group = 0; group < (uint64_t)RACE_ROUNDS * RACE_BATCHES / RACE_GROUP; group++) {
        struct fixture_batch made[RACE_GROUP];
        struct store_batch items[RACE_GROUP];
        for (uint64_t i = 0; i < RACE_GROUP; i++) {
            fixture_batch(&made[i], 1, (group * RACE_GROUP + i) % RACE_BATCHES + 1, 1);
            items[i] = (struct store_batch){.bridge = "cell-3", .view = &made[i].view};
        }
        fixture_put_and_count(racer->store, items, RACE_GROUP, &racer->tally);
    }
    return NULL;
}

START_TEST(two_servers_that_store_the_same_while_a_third_settles_store_it_once)
{
    static const struct store_retention limits = {.age_us = 1};
    struct racer racers[RACERS] = {{0}};
    pthread_t threads[RACERS];
    uint64_t settled = 0;
    (void)fixture_catalog();
    for (size_t i = 0; i < RACERS; i++) {
        ck_assert_int_eq(postgresql_fixture_open(&racers[i].store, &why), ERR_OK);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, put_again_and_again, &racers[i]), 0);
    }
    int64_t deadline_us = clock_mono_us() + DEADLINE_S * CLOCK_US_PER_S;
    while (settled < RACE_BATCHES - 1) {
        struct store_expired expired;
        enum err result = store_expire(store, &limits, clock_wall_us(), &expired, &why);
        ck_assert_msg(result == ERR_OK || result == ERR_BUSY, "%s", why.text);
        settled += expired.batches;
        ck_assert_int_lt(clock_mono_us(), deadline_us);
    }
    size_t committed = 0, others = 0;
    for (size_t i = 0; i < RACERS; i++) {
        pthread_join(threads[i], NULL);
        store_close(racers[i].store);
        committed += racers[i].tally.committed;
        others += racers[i].tally.others;
    }
    ck_assert_uint_eq(others, 0);
    ck_assert_uint_eq(committed, RACE_BATCHES);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading"),
                     (int64_t)RACE_BATCHES * FIXTURE_READINGS);
    ck_assert_uint_eq(fixture_look_up(store, "cell-3", 1).contiguous, RACE_BATCHES);
}
END_TEST

/* ---- a database that dies, or is older ---- */

START_TEST(a_database_that_dies_while_settling_has_every_row_or_its_range)
{
    struct attempt settling = {.store = store};
    pthread_t thread;
    put_all(1, BATCHES);
    hold("AFTER DELETE ON batch");
    ck_assert_int_eq(pthread_create(&thread, NULL, settle_in_thread, &settling), 0);
    postgresql_fixture_await(held, 1);
    postgresql_fixture_do("crash");
    pthread_join(thread, NULL);
    ck_assert_int_eq(settling.outcome, ERR_BUSY);
    postgresql_fixture_do("start");
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM batch"), BATCHES);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM settled"), 0);
    let_go();
    postgresql_fixture_reopen(&store);
    ck_assert_uint_eq(settle_all_but_the_newest().batches, BATCHES - 1);
    postgresql_fixture_do("crash");
    postgresql_fixture_do("start");
    postgresql_fixture_reopen(&store);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        ck_assert_int_eq(put(sequence, 1), STORE_DUPLICATE);
    }
}
END_TEST

START_TEST(a_schema_that_could_not_settle_yet_is_brought_up_to_date)
{
    put_all(1, BATCHES);
    postgresql_fixture_run("DROP TABLE settled CASCADE; DROP FUNCTION settle; DROP FUNCTION settle_horizon;"
                           "UPDATE meta SET version = 2");
    postgresql_fixture_reopen(&store);
    ck_assert_int_eq(postgresql_fixture_number("SELECT version FROM meta"), 3);
    ck_assert_int_eq(put(1, 1), STORE_DUPLICATE);
    ck_assert_int_eq(put(1, 2), STORE_CONFLICT);
    ck_assert_uint_eq(settle_all_but_the_newest().batches, BATCHES - 1);
    ck_assert_int_eq(put(1, 1), STORE_DUPLICATE);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM hole"), 0);
}
END_TEST

int main(void)
{
    if (!postgresql_fixture_is_here()) {
        return SYSTEM_SKIPPED;
    }
    return suite_run_with("postgresql_retention", setup, teardown,
                          (const TTest *[]){
                              a_settled_batch_is_a_duplicate_however_often_it_comes,
                              another_batch_under_a_settled_number_is_seen_by_its_later_readings,
                              a_group_may_mix_what_is_settled_stored_and_new,
                              an_epoch_is_one_range_and_one_more_for_each_hole,
                              behind_a_range_that_is_not_looked_at_nothing_is_said_to_be_missing,
                              a_step_settles_so_many_rows_and_the_next_one_goes_on,
                              a_step_looks_at_so_many_streams_and_then_begins_anew,
                              a_ledger_that_is_too_large_settles_its_oldest_rows_only,
                              a_batch_that_is_being_settled_by_another_server_is_a_duplicate,
                              settling_waits_for_the_groups_of_others_but_not_long,
                              two_servers_that_store_the_same_while_a_third_settles_store_it_once,
                              a_database_that_dies_while_settling_has_every_row_or_its_range,
                              a_schema_that_could_not_settle_yet_is_brought_up_to_date,
                              NULL,
                          });
}
