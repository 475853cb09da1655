#include "base/array.h"
#include "base/clock.h"
#include "postgresql_fixture.h"
#include "support/suite.h"
#include "support/system.h"
#include "tunnel/batch_builder.h"
#include "tunnel/value.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DEADLINE_S = 30, POLL_US = 10000 };

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

static enum err put_one(uint64_t sequence, enum store_result *result, struct err_text *reason)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, sequence, 1);
    struct store_batch item = {.bridge = "cell-3", .view = &batch.view, .received_us = 1};
    enum err outcome = fixture_put_group(store, &item, 1, reason);
    *result = item.result;
    return outcome;
}

/* ---- rows ---- */

static const struct catalog_tag kinds[] = {
    {.name = "small", .type = VALUE_INT16, .words = 1, .scale = 0.1, .unit = "bar", .link = ""},
    {.name = "huge", .type = VALUE_UINT64, .words = 4, .scale = 1, .unit = "", .link = ""},
    {.name = "switch", .type = VALUE_BOOL, .words = 1, .scale = 1, .unit = "", .link = ""},
    {.name = "serial", .type = VALUE_STRING, .words = 2, .scale = 1, .unit = "", .link = ""},
    {.name = "dead", .type = VALUE_UINT16, .words = 1, .scale = 1, .unit = "m", .link = ""},
};
static const struct reading shown[] = {
    {.tag = 0, .request_us = 1000000, .response_us = 2000000, .word_count = 1, .words = {0xffff}},
    {.tag = 1, .request_us = 1, .response_us = 2, .word_count = 4, .words = {0xffff, 0xffff, 0xffff, 0xffff}},
    {.tag = 2, .request_us = 1, .response_us = 2, .word_count = 1, .words = {1}},
    {.tag = 3, .request_us = 1, .response_us = 2, .word_count = 2, .words = {0x4142, 0x4300}},
    {.tag = 4, .request_us = 1, .response_us = 2, .quality = QUALITY_BAD_TIMEOUT},
};

static void put_shown(void)
{
    struct catalog *catalog;
    struct buffer encoded;
    struct batch_view view;
    struct batch_identity identity = {.sequence = 7};
    ck_assert_msg(catalog_new(kinds, ARRAY_LENGTH(kinds), &catalog, &why) == ERR_OK, "%s", why.text);
    struct batch_builder *builder = batch_builder_new(catalog);
    for (size_t i = 0; i < ARRAY_LENGTH(shown); i++) {
        ck_assert_int_eq(batch_builder_add(builder, &shown[i]), ERR_OK);
    }
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_builder_finish(builder, &identity, &encoded), ERR_OK);
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, &why), ERR_OK);
    struct store_catalog put = {.hash = catalog_hash(catalog), .encoded = catalog_encoded(catalog)};
    struct store_batch item = {.bridge = "cell-3", .view = &view, .received_us = 3000000};
    ck_assert_int_eq(store_begin(store, 4000000, &why), ERR_OK);
    ck_assert_int_eq(store_put_catalog(store, &put, &why), ERR_OK);
    ck_assert_int_eq(store_put_batch(store, &item, &why), ERR_OK);
    ck_assert_msg(store_commit(store, &why) == ERR_OK, "%s", why.text);
    ck_assert_int_eq(item.result, STORE_COMMITTED);
    batch_builder_free(builder);
    buffer_fini(&encoded);
    catalog_free(catalog);
}

START_TEST(readings_are_rows_with_names_and_values)
{
    static const char *const rows[] = {
        ("tag = 'small' AND value = -0.1 AND text IS NULL AND unit = 'bar' AND quality = 0 AND seq = 7"
         " AND request = '1970-01-01 00:00:01Z' AND time = '1970-01-01 00:00:02Z'"),
        "tag = 'huge' AND value = 18446744073709551615 AND text = '18446744073709551615'",
        "tag = 'switch' AND value = 1 AND text IS NULL",
        "tag = 'serial' AND value IS NULL AND text = 'ABC'",
        "tag = 'dead' AND value IS NULL AND text IS NULL AND quality = 16",
    };
    put_shown();
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char sql[512];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM history WHERE bridge = 'cell-3' AND %s", rows[i]);
        ck_assert_msg(postgresql_fixture_number(sql) == 1, "%s", rows[i]);
    }
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading"), ARRAY_LENGTH(shown));
    ck_assert_int_eq(
        postgresql_fixture_number(
            "SELECT count(*) FROM batch WHERE seq = 7 AND kind = 1 AND readings = 5 AND NOT historical"
            " AND received = '1970-01-01 00:00:03Z' AND committed = '1970-01-01 00:00:04Z'"),
        1);
}
END_TEST

START_TEST(a_day_has_a_partition_and_what_strayed_before_is_moved_there)
{
    enum store_result result;
    // The fixture's clock is in 1970 and so is "now": 1000 s are 1970-01-01, twelve days later is ahead.
    struct fixture_batch far;
    fixture_batch(&far, 1, 999999, 1);
    struct store_batch item = {.bridge = "cell-3", .view = &far.view};
    ck_assert_int_eq(store_begin(store, CLOCK_US_PER_S, &why), ERR_OK);
    ck_assert_int_eq(store_put_batch(store, &item, &why), ERR_OK);
    ck_assert_int_eq(store_commit(store, &why), ERR_OK);
    ck_assert_int_eq(put_one(1000, &result, &why), ERR_OK);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading_19700101"), FIXTURE_READINGS);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading_stray"), FIXTURE_READINGS);
    ck_assert_int_eq(put_one(999998, &result, &why), ERR_OK);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading_19700112"),
                     2 * FIXTURE_READINGS);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading_stray"), 0);
    postgresql_fixture_run("DROP TABLE reading_19700112"); // as retention would: what comes late strays
    ck_assert_int_eq(put_one(999997, &result, &why), ERR_OK);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading_stray"), FIXTURE_READINGS);
}
END_TEST

/* Against a stand-in: that we call what is documented, and do without partitions then. */
START_TEST(a_hypertable_takes_the_place_of_partitions_where_timescaledb_is_installed)
{
    enum store_result result;
    static const char partitions[] = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass";
    ck_assert_int_gt(postgresql_fixture_number(partitions), 0); // not installed
    teardown();
    postgresql_fixture_make_with_stand_in();
    postgresql_fixture_reopen(&store);
    fixture_put_catalog(store);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM public.stand_in_call"), 1);
    ck_assert_int_eq(postgresql_fixture_number(
                         "SELECT count(*) FROM public.stand_in_call WHERE relation = 'reading'::regclass"
                         " AND time_column = 'time' AND chunk = '1 day' AND NOT indexes"),
                     1);
    ck_assert_int_eq(put_one(1000, &result, &why), ERR_OK);
    ck_assert_int_eq(put_one(999999, &result, &why), ERR_OK);
    ck_assert_int_eq(postgresql_fixture_number(partitions), 0);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM ONLY reading"), 2 * FIXTURE_READINGS);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM history"), 2 * FIXTURE_READINGS);
    ck_assert_int_eq(
        postgresql_fixture_number("SELECT count(*) FROM pg_indexes WHERE indexname = 'reading_by_tag'"), 1);
    postgresql_fixture_reopen(&store);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM public.stand_in_call"), 1);
}
END_TEST

START_TEST(gaps_and_holes_are_listed_for_people)
{
    const struct gap gaps[] = {
        {.reason = GAP_SPOOL_FULL, .first_sequence = 2, .last_sequence = 4, .readings = 30},
        {.reason = GAP_NOT_POLLED, .from_us = 5, .to_us = 9, .link = "boiler-plc"},
    };
    enum store_result result;
    fixture_put_gaps(store, "cell-3", 5, gaps, ARRAY_LENGTH(gaps));
    ck_assert_int_eq(put_one(8, &result, &why), ERR_OK);
    ck_assert_int_eq(
        postgresql_fixture_number("SELECT count(*) FROM gap WHERE bridge = 'cell-3' AND seq = 5 AND "
                                  "reason = 'spool_full' AND first_seq = 2 AND last_seq = 4 AND "
                                  "readings = 30 AND from_time IS NULL"),
        1);
    ck_assert_int_eq(
        postgresql_fixture_number("SELECT count(*) FROM gap WHERE reason = 'not_polled' AND "
                                  "to_time = '1970-01-01 00:00:00.000009Z' AND link = 'boiler-plc'"),
        1);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM hole"), 2);
    ck_assert_int_eq(
        postgresql_fixture_number("SELECT count(*) FROM hole WHERE first_seq = 6 AND last_seq = 7"), 1);
}
END_TEST

START_TEST(no_number_of_gaps_makes_a_look_long)
{
    enum { BATCHES = 4, FAR_AHEAD = 1 << 30, LOOKS = 200 };
    static struct gap gaps[BATCH_GAPS_MAX];
    for (uint64_t batch = 0; batch < BATCHES; batch++) {
        for (uint64_t i = 0; i < BATCH_GAPS_MAX; i++) {
            uint64_t sequence = batch * BATCH_GAPS_MAX + i + 1;
            gaps[i] =
                (struct gap){.reason = GAP_SPOOL_FULL, .first_sequence = sequence, .last_sequence = sequence};
        }
        fixture_put_gaps(store, "cell-3", FAR_AHEAD + batch, gaps, BATCH_GAPS_MAX);
    }
    struct store_watermarks watermarks = fixture_look_up(store, "cell-3", 1);
    ck_assert(watermarks.more);
    ck_assert_uint_lt(watermarks.contiguous, BATCHES * BATCH_GAPS_MAX);
    for (int looks = 0; watermarks.more && looks < LOOKS; looks++) {
        watermarks = fixture_look_up(store, "cell-3", 1);
    }
    ck_assert_uint_eq(watermarks.contiguous, BATCHES * BATCH_GAPS_MAX);
}
END_TEST

/* ---- the database ---- */

START_TEST(a_newer_schema_is_refused_and_not_touched)
{
    postgresql_fixture_run("UPDATE meta SET version = 1000");
    store_close(store);
    store = NULL;
    ck_assert_int_eq(postgresql_fixture_open(&store, &why), ERR_VERSION);
    ck_assert_ptr_nonnull(strstr(why.text, "has version 1000"));
    ck_assert_ptr_nonnull(strstr(why.text, "use the newer bourdon-server"));
    ck_assert_int_eq(postgresql_fixture_number("SELECT version FROM meta"), 1000);
}
END_TEST

START_TEST(a_crash_between_groups_is_not_even_noticed)
{
    enum store_result result;
    ck_assert_int_eq(put_one(1, &result, &why), ERR_OK);
    postgresql_fixture_do("crash");
    postgresql_fixture_do("start");
    ck_assert_msg(put_one(2, &result, &why) == ERR_OK, "%s", why.text);
    ck_assert_int_eq(result, STORE_COMMITTED);
    ck_assert_uint_eq(fixture_look_up(store, "cell-3", 1).contiguous, 2);
}
END_TEST

START_TEST(a_database_that_is_away_means_later_and_comes_back_without_help)
{
    enum store_result result;
    struct store_watermarks watermarks;
    static const uint8_t epoch[BATCH_EPOCH_SIZE] = {1};
    postgresql_fixture_do("stop");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(put_one(1, &result, &why), ERR_BUSY);
        ck_assert_ptr_nonnull(strstr(why.text, "PostgreSQL"));
        ck_assert_int_eq(store_look_up(store, "cell-3", epoch, &watermarks, &why), ERR_BUSY);
    }
    postgresql_fixture_do("start");
    int64_t deadline_us = clock_mono_us() + DEADLINE_S * CLOCK_US_PER_S;
    enum err outcome;
    while ((outcome = put_one(1, &result, &why)) == ERR_BUSY && clock_mono_us() < deadline_us) {
        usleep(POLL_US);
    }
    ck_assert_msg(outcome == ERR_OK, "%s", why.text);
    ck_assert_int_eq(result, STORE_COMMITTED);
}
END_TEST

struct put {
    enum err outcome;
    enum store_result result;
    struct err_text why;
};

static void *put_in_thread(void *owner)
{
    struct put *put = owner;
    put->outcome = put_one(1, &put->result, &put->why);
    return NULL;
}

/* Waiting for a standby that does not exist, a COMMIT is durable and not yet answered. */
START_TEST(a_commit_whose_answer_is_lost_is_looked_up_in_the_ledger)
{
    static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    struct put put = {.outcome = ERR_IO};
    enum store_result result;
    pthread_t thread;
    ck_assert_int_eq(put_one(7, &result, &why), ERR_OK); // so that bridge, epoch and partition are there
    postgresql_fixture_run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    postgresql_fixture_run("SELECT pg_reload_conf()");
    postgresql_fixture_await(
        "SELECT count(*) FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting <> ''", 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, put_in_thread, &put), 0);
    postgresql_fixture_await(waiting, 1);
    postgresql_fixture_run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    pthread_join(thread, NULL);
    postgresql_fixture_run("ALTER SYSTEM RESET synchronous_standby_names");
    postgresql_fixture_run("SELECT pg_reload_conf()");
    ck_assert_msg(put.outcome == ERR_OK, "%s", put.why.text);
    ck_assert_int_eq(put.result, STORE_DUPLICATE);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM reading WHERE seq = 1"),
                     FIXTURE_READINGS);
}
END_TEST

START_TEST(a_transaction_that_fails_leaves_nothing_and_may_be_tried_again)
{
    enum store_result result;
    postgresql_fixture_run("ALTER TABLE reading ADD CONSTRAINT none CHECK (false) NOT VALID");
    ck_assert_int_eq(put_one(1, &result, &why), ERR_BUSY);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM batch"), 0);
    postgresql_fixture_run("ALTER TABLE reading DROP CONSTRAINT none");
    ck_assert_msg(put_one(1, &result, &why) == ERR_OK, "%s", why.text);
    ck_assert_int_eq(result, STORE_COMMITTED);
}
END_TEST

START_TEST(a_database_whose_default_is_not_durable_is_overruled)
{
    char sql[128];
    snprintf(sql, sizeof sql, "ALTER DATABASE test_%d SET synchronous_commit = off", (int)getpid());
    postgresql_fixture_run(sql);
    postgresql_fixture_reopen(&store);
    enum store_result result;
    ck_assert_int_eq(put_one(1, &result, &why), ERR_OK);
    // Seen from inside: a trigger writes down what a session of the store has.
    postgresql_fixture_run(
        "CREATE TABLE seen (setting text);"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO bourdon.seen VALUES (current_setting('synchronous_commit'));"
        " RETURN NULL; END $$;"
        "CREATE TRIGGER note AFTER INSERT ON batch FOR EACH STATEMENT EXECUTE FUNCTION note()");
    ck_assert_int_eq(put_one(2, &result, &why), ERR_OK);
    ck_assert_int_eq(postgresql_fixture_number("SELECT count(*) FROM seen WHERE setting = 'on'"), 1);
}
END_TEST

START_TEST(a_connection_string_that_is_none_is_said_so)
{
    struct store *none = NULL;
    ck_assert_int_eq(store_open("postgresql://host/db?no_such_option=1", &none, &why), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(why.text, "no_such_option"));
    ck_assert_int_eq(store_open("postgresql://user:secret@host/db", &none, &why), ERR_CONFIG);
    ck_assert_ptr_null(strstr(why.text, "secret"));
}
END_TEST

int main(void)
{
    if (!postgresql_fixture_is_here()) {
        return SYSTEM_SKIPPED;
    }
    return suite_run_with("postgresql", setup, teardown,
                          (const TTest *[]){
                              readings_are_rows_with_names_and_values,
                              a_day_has_a_partition_and_what_strayed_before_is_moved_there,
                              a_hypertable_takes_the_place_of_partitions_where_timescaledb_is_installed,
                              gaps_and_holes_are_listed_for_people,
                              no_number_of_gaps_makes_a_look_long,
                              a_newer_schema_is_refused_and_not_touched,
                              a_crash_between_groups_is_not_even_noticed,
                              a_database_that_is_away_means_later_and_comes_back_without_help,
                              a_commit_whose_answer_is_lost_is_looked_up_in_the_ledger,
                              a_transaction_that_fails_leaves_nothing_and_may_be_tried_again,
                              a_database_whose_default_is_not_durable_is_overruled,
                              a_connection_string_that_is_none_is_said_so,
                              NULL,
                          });
}
