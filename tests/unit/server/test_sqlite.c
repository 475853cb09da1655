#include "base/array.h"
#include "base/clock.h"
#include "store/sqlite.h"
#include "store_fixture.h"
#include "support/failing_vfs.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static struct err_text why;
static struct store *store;

static void reopen(void)
{
    store_close(store);
    store = NULL;
    enum err result = sqlite_store_open(path, &store, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "store.db", path);
    failing_vfs_install();
    reopen();
    fixture_put_catalog(store);
}

static void teardown(void)
{
    store_close(store);
    store = NULL;
    temporary_remove(folder);
}

static enum store_result put(const char *bridge, uint8_t epoch, uint64_t sequence, uint8_t content)
{
    struct fixture_batch batch;
    fixture_batch(&batch, epoch, sequence, content);
    return fixture_put(store, bridge, &batch);
}

static struct store_watermarks look_up(const char *bridge, uint8_t epoch)
{
    return fixture_look_up(store, bridge, epoch);
}

static int64_t number(const char *sql)
{
    struct db *db = NULL;
    sqlite3_stmt *statement = NULL;
    bool row = false;
    ck_assert_int_eq(db_open_read_only(path, &store_schema, &db, &why), ERR_OK);
    ck_assert_msg(db_prepare(db, sql, &statement, &why) == ERR_OK, "%s", why.text);
    ck_assert_int_eq(db_step(db, statement, &row, &why), ERR_OK);
    int64_t value = row ? sqlite3_column_int64(statement, 0) : -1;
    db_close(db);
    return value;
}

START_TEST(a_batch_is_stored_byte_by_byte)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 5, 0xb5);
    ck_assert_int_eq(fixture_put(store, "cell-3", &batch), STORE_COMMITTED);
    ck_assert_int_eq(number("SELECT count(*) FROM batch JOIN stream ON stream.id = stream "
                            "JOIN bridge ON bridge.id = bridge WHERE name = 'cell-3' AND seq = 5 "
                            "AND epoch = x'01010101010101010101010101010101' AND readings = 10 "
                            "AND kind = 1 AND first_us = 5000000 AND last_us = 6000000 AND received_us = 1 "
                            "AND committed_us = 6000000 AND NOT historical"),
                     1);
    struct db *db = NULL;
    sqlite3_stmt *statement = NULL;
    bool row = false;
    ck_assert_int_eq(db_open_read_only(path, &store_schema, &db, &why), ERR_OK);
    ck_assert_int_eq(db_prepare(db, "SELECT encoded FROM batch", &statement, &why), ERR_OK);
    ck_assert_int_eq(db_step(db, statement, &row, &why), ERR_OK);
    struct bytes stored = db_column_bytes(statement, 0);
    ck_assert_uint_eq(stored.size, batch.view.encoded.size);
    ck_assert_mem_eq(stored.data, batch.bytes, stored.size);
    db_close(db);
}
END_TEST

START_TEST(the_contiguous_watermark_is_kept_in_the_file_now_and_then)
{
    enum { BATCHES = 3 * STORE_CONTIGUOUS_STEP + 10 };
    ck_assert_int_eq(store_begin(store, 1, &why), ERR_OK);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        struct fixture_batch batch;
        fixture_batch(&batch, 1, sequence, 1);
        struct store_batch item = {.bridge = "cell-3", .view = &batch.view, .received_us = 1};
        ck_assert_int_eq(store_put_batch(store, &item, &why), ERR_OK);
    }
    ck_assert_int_eq(store_commit(store, &why), ERR_OK);
    ck_assert_int_eq(number("SELECT contiguous FROM stream"), 3 * STORE_CONTIGUOUS_STEP);
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, BATCHES);
}
END_TEST

START_TEST(the_longest_batch_of_a_stream_is_known)
{
    struct fixture_batch batch;
    static const int64_t spans_us[] = {1000, 5000, 3000};
    for (size_t i = 0; i < ARRAY_LENGTH(spans_us); i++) {
        fixture_batch(&batch, 1, i + 1, 1);
        batch.view.last_us = batch.view.first_us + spans_us[i];
        ck_assert_int_eq(fixture_put(store, "cell-3", &batch), STORE_COMMITTED);
    }
    ck_assert_int_eq(number("SELECT span_us FROM stream"), 5000);
}
END_TEST

START_TEST(holes_can_be_listed)
{
    static const uint64_t sequences[] = {1, 2, 5, 6, 9};
    for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
        put("cell-3", 1, sequences[i], 1);
    }
    put("cell-4", 1, 2, 1);
    ck_assert_int_eq(number("SELECT count(*) FROM hole"), 3);
    ck_assert_int_eq(
        number("SELECT count(*) FROM hole WHERE bridge = 'cell-3' AND first_seq = 3 AND last_seq = 4"), 1);
    ck_assert_int_eq(
        number("SELECT count(*) FROM hole WHERE bridge = 'cell-3' AND first_seq = 7 AND last_seq = 8"), 1);
    ck_assert_int_eq(
        number("SELECT count(*) FROM hole WHERE bridge = 'cell-4' AND first_seq = 1 AND last_seq = 1"), 1);
}
END_TEST

static void put_gaps(uint64_t sequence, const struct gap *gaps, size_t count)
{
    fixture_put_gaps(store, "cell-3", sequence, gaps, count);
}

START_TEST(gaps_are_listed_for_people)
{
    const struct gap gaps[] = {
        {.reason = GAP_SPOOL_FULL,
         .first_sequence = 2,
         .last_sequence = 4,
         .readings = 30,
         .from_us = 5,
         .to_us = 9},
        {.reason = GAP_NOT_POLLED, .from_us = 5, .to_us = 9, .link = "boiler-plc"},
    };
    put("cell-3", 1, 1, 1);
    put("cell-3", 1, 5, 1);
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 1);
    ck_assert_int_eq(number("SELECT count(*) FROM hole"), 1);
    put_gaps(6, gaps, ARRAY_LENGTH(gaps));
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 6);
    ck_assert_int_eq(number("SELECT count(*) FROM hole"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM gap WHERE bridge = 'cell-3' AND seq = 6 AND "
                            "epoch = '01010101010101010101010101010101' AND reason = 'spool_full' AND "
                            "first_seq = 2 AND last_seq = 4 AND readings = 30 AND link = ''"),
                     1);
    ck_assert_int_eq(number("SELECT count(*) FROM gap WHERE reason = 'not_polled' AND first_seq = 0 AND "
                            "readings = 0 AND from_us = 5 AND to_us = 9 AND link = 'boiler-plc'"),
                     1);
    ck_assert_int_eq(number("SELECT readings FROM batch WHERE kind = 2 AND catalog IS NULL"), 2);
}
END_TEST

/* Each gap in a record of its own: what a bridge may send, and what must not keep the store from the others.
 */
START_TEST(no_number_of_gaps_makes_a_look_long)
{
    enum { BATCHES = 16, FAR_AHEAD = 1 << 30 };
    static struct gap gaps[BATCH_GAPS_MAX];
    for (uint64_t batch = 0; batch < BATCHES; batch++) {
        for (uint64_t i = 0; i < BATCH_GAPS_MAX; i++) {
            uint64_t sequence = batch * BATCH_GAPS_MAX + i + 1;
            gaps[i] =
                (struct gap){.reason = GAP_SPOOL_FULL, .first_sequence = sequence, .last_sequence = sequence};
        }
        put_gaps(FAR_AHEAD + batch, gaps, BATCH_GAPS_MAX);
    }
    int64_t begin_us = clock_mono_us();
    uint64_t contiguous = look_up("cell-3", 1).contiguous;
    ck_assert_int_lt(clock_mono_us() - begin_us, CLOCK_US_PER_S);
    ck_assert_uint_gt(contiguous, 0);
    ck_assert_uint_le(contiguous, BATCHES * BATCH_GAPS_MAX);
}
END_TEST

START_TEST(a_look_that_stopped_short_is_gone_on_with)
{
    enum { GAPS = 3000 };
    static struct gap gaps[GAPS];
    for (uint64_t i = 0; i < GAPS; i++) {
        gaps[i] = (struct gap){.reason = GAP_SPOOL_FULL, .first_sequence = i + 1, .last_sequence = i + 1};
    }
    put_gaps(GAPS + 1, gaps, GAPS);
    uint64_t contiguous = look_up("cell-3", 1).contiguous;
    ck_assert_uint_lt(contiguous, GAPS);
    ck_assert(look_up("cell-3", 1).more);
    for (uint64_t sequence = GAPS + 2; contiguous < GAPS; sequence++) {
        uint64_t before = contiguous;
        put("cell-3", 1, sequence * STORE_CONTIGUOUS_STEP, 1);
        contiguous = look_up("cell-3", 1).contiguous;
        ck_assert_uint_gt(contiguous, before);
    }
    ck_assert_uint_eq(contiguous, GAPS + 1);
    ck_assert(!look_up("cell-3", 1).more);
}
END_TEST

START_TEST(another_store_has_another_identity)
{
    struct store *other = NULL;
    char other_path[2 * TEMPORARY_PATH_MAX];
    snprintf(other_path, sizeof other_path, "sqlite:%s/other.db", folder);
    ck_assert_int_eq(store_open(other_path, &other, &why), ERR_OK);
    ck_assert_mem_ne(other->id, store->id, STORE_ID_SIZE);
    store_close(other);
}
END_TEST

START_TEST(only_known_kinds_of_store_are_opened)
{
    static const char *const wrong[] = {
        "", "sqlite:", "sqlite", "/tmp/store.db", "postgresql:x", "postgresql://", "SQLITE:x"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct store *none = NULL;
        ck_assert_msg(store_open(wrong[i], &none, &why) == ERR_CONFIG, "%s", wrong[i]);
        ck_assert_ptr_null(none);
        ck_assert_ptr_nonnull(strstr(why.text, "sqlite:FILE"));
    }
}
END_TEST

static void commit_until_killed(int ready)
{
    store_close(store);
    store = NULL;
    if (sqlite_store_open(path, &store, &why) != ERR_OK) {
        _exit(EXIT_FAILURE);
    }
    for (uint64_t sequence = 1;; sequence += 2) {
        struct fixture_batch batches[2];
        if (store_begin(store, 1, &why) != ERR_OK) {
            _exit(EXIT_FAILURE);
        }
        for (size_t i = 0; i < ARRAY_LENGTH(batches); i++) {
            fixture_batch(&batches[i], 1, sequence + i, 1);
            struct store_batch item = {.bridge = "cell-3", .view = &batches[i].view, .received_us = 1};
            (void)!store_put_batch(store, &item, &why);
        }
        if (store_commit(store, &why) != ERR_OK || write(ready, &sequence, sizeof sequence) < 0) {
            _exit(EXIT_FAILURE);
        }
    }
}

START_TEST(a_kill_loses_nothing_committed_and_splits_no_group)
{
    enum { CYCLES = 5, COMMITS = 7 };
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        unlink(path);
        reopen();
        fixture_put_catalog(store);
        store_close(store);
        store = NULL;
        int ends[2];
        ck_assert_int_eq(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            commit_until_killed(ends[1]);
        }
        uint64_t committed = 0;
        for (int i = 0; i < COMMITS + cycle; i++) {
            ck_assert_int_eq(read(ends[0], &committed, sizeof committed), sizeof committed);
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ends[0]);
        close(ends[1]);
        reopen();
        struct store_watermarks watermarks = look_up("cell-3", 1);
        ck_assert_uint_ge(watermarks.contiguous, committed + 1);
        ck_assert_uint_eq(watermarks.contiguous % 2, 0);
        ck_assert_uint_eq(watermarks.highest, watermarks.contiguous);
    }
}
END_TEST

/* A group of 20 batches on a disk whose `nth` operation fails. */
static enum err put_group(void)
{
    enum { GROUP = 20 };
    enum err result = store_begin(store, 1, &why);
    for (uint64_t sequence = 1; result == ERR_OK && sequence <= GROUP; sequence++) {
        struct fixture_batch batch;
        fixture_batch(&batch, 1, sequence, 1);
        struct store_batch item = {.bridge = "cell-3", .view = &batch.view, .received_us = 1};
        result = store_put_batch(store, &item, &why);
    }
    if (result == ERR_OK) {
        return store_commit(store, &why);
    }
    store_rollback(store);
    return result;
}

START_TEST(a_disk_that_fails_anywhere_commits_all_or_says_so)
{
    static const struct {
        const char *name;
        enum failing_operation operation;
        int code;
        enum err expected;
    } rows[] = {
        {"disk full", FAILING_WRITE, SQLITE_FULL, ERR_DISK_FULL},
        {"write error", FAILING_WRITE, SQLITE_IOERR_WRITE, ERR_IO},
        {"sync error", FAILING_SYNC, SQLITE_IOERR_FSYNC, ERR_SYNC},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        unsigned failures = 0;
        bool struck = true;
        for (unsigned nth = 1; struck; nth++) {
            unlink(path);
            reopen();
            fixture_put_catalog(store);
            failing_vfs_arm(rows[i].operation, nth, false, rows[i].code);
            enum err result = put_group();
            struck = failing_vfs_struck(rows[i].operation);
            failing_vfs_arm(rows[i].operation, 0, false, SQLITE_OK);
            ck_assert_msg(result == (struck ? rows[i].expected : ERR_OK), "%s %u", rows[i].name, nth);
            failures += struck;
            if (result == ERR_DISK_FULL) {
                ck_assert_uint_eq(look_up("cell-3", 1).highest, 0);
                ck_assert_int_eq(put_group(), ERR_OK);
            }
            ck_assert_msg(result != ERR_OK || look_up("cell-3", 1).contiguous == 20, "%s %u", rows[i].name,
                          nth);
        }
        ck_assert_msg(failures > 0, "%s", rows[i].name);
    }
}
END_TEST

/* ---- retention ---- */

static void put_run(uint8_t epoch, uint64_t first, uint64_t last)
{
    for (uint64_t sequence = first; sequence <= last; sequence++) {
        ck_assert_int_eq(put("cell-3", epoch, sequence, 1), STORE_COMMITTED);
    }
}

static uint64_t expire_all(int64_t age_us, int64_t bytes, int64_t now_us)
{
    const struct store_retention limits = {.age_us = age_us, .bytes = bytes};
    struct store_expired expired = {.more = true};
    uint64_t batches = 0;
    while (expired.more) {
        enum err result = store_expire(store, &limits, now_us, &expired, &why);
        ck_assert_msg(result == ERR_OK, "%s", why.text);
        batches += expired.batches;
    }
    return batches;
}

/* The fixture commits batch n at the wall time n + 1 s. */
START_TEST(what_is_too_old_goes_and_is_accounted_for)
{
    enum { COUNT = 1500, KEPT = 400 };
    put_run(1, 1, COUNT);
    ck_assert_uint_eq(expire_all(KEPT * CLOCK_US_PER_S, 0, (COUNT + 1) * CLOCK_US_PER_S), COUNT - KEPT - 1);
    ck_assert_int_eq(number("SELECT min(seq) FROM batch"), COUNT - KEPT);
    ck_assert_int_eq(number("SELECT count(*) FROM expired WHERE first_seq = 1 AND last_seq = 1099 AND "
                            "batches = 1099 AND readings = 10990 AND bytes > 0"),
                     1);
    ck_assert_int_eq(number("SELECT count(*) FROM hole"), 0);
    ck_assert_uint_eq(expire_all(KEPT * CLOCK_US_PER_S, 0, (COUNT + 1) * CLOCK_US_PER_S), 0);
    reopen();
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, COUNT);
}
END_TEST

START_TEST(the_highest_batch_of_a_stream_and_its_gaps_stay_however_old)
{
    const struct gap gap = {.reason = GAP_SPOOL_FULL, .first_sequence = 4, .last_sequence = 4};
    put_run(1, 1, 3);
    put_gaps(5, &gap, 1);
    put_run(1, 7, 9); // 6 is missing, for good
    put_run(2, 1, 1);
    ck_assert_uint_eq(expire_all(1, 0, CLOCK_US_PER_S * 1000), 5);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 3);
    ck_assert_int_eq(number("SELECT count(*) FROM gap_record"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM hole WHERE first_seq = 6 AND last_seq = 6"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM hole"), 1);
    reopen();
    ck_assert_uint_eq(look_up("cell-3", 1).highest, 9);
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 5);
    ck_assert_int_eq(put("cell-3", 1, 6, 1), STORE_COMMITTED);
    ck_assert_uint_eq(look_up("cell-3", 1).contiguous, 9);
}
END_TEST

START_TEST(a_store_that_is_too_large_shrinks_and_then_grows_no_more)
{
    enum { COUNT = 3000, LIMIT = 256 * 1024 };
    put_run(1, 1, COUNT);
    int64_t before = number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    ck_assert_int_gt(before, LIMIT);
    ck_assert_uint_gt(expire_all(0, LIMIT, 1), 0);
    ck_assert_int_le(number("SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
                            "pragma_freelist_count, pragma_page_size"),
                     LIMIT);
    ck_assert_int_gt(number("SELECT count(*) FROM batch"), 100);
    for (uint64_t sequence = COUNT + 1; sequence <= COUNT + 1000; sequence += 200) {
        put_run(1, sequence, sequence + 199);
        expire_all(0, LIMIT, 1);
    }
    ck_assert_int_le(number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"),
                     before);
}
END_TEST

int main(void)
{
    return suite_run_with("sqlite", setup, teardown,
                          (const TTest *[]){
                              a_batch_is_stored_byte_by_byte,
                              the_contiguous_watermark_is_kept_in_the_file_now_and_then,
                              the_longest_batch_of_a_stream_is_known,
                              holes_can_be_listed,
                              gaps_are_listed_for_people,
                              no_number_of_gaps_makes_a_look_long,
                              a_look_that_stopped_short_is_gone_on_with,
                              another_store_has_another_identity,
                              only_known_kinds_of_store_are_opened,
                              a_kill_loses_nothing_committed_and_splits_no_group,
                              a_disk_that_fails_anywhere_commits_all_or_says_so,
                              what_is_too_old_goes_and_is_accounted_for,
                              the_highest_batch_of_a_stream_and_its_gaps_stay_however_old,
                              a_store_that_is_too_large_shrinks_and_then_grows_no_more,
                              NULL,
                          });
}
