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

static struct store_watermarks look_up(const char *bridge, uint8_t epoch_byte)
{
    uint8_t epoch[BATCH_EPOCH_SIZE];
    memset(epoch, epoch_byte, sizeof epoch);
    struct store_watermarks watermarks;
    enum err result = store_look_up(store, bridge, epoch, &watermarks, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return watermarks;
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
    ck_assert_uint_eq(stored.size, sizeof batch.bytes);
    ck_assert_mem_eq(stored.data, batch.bytes, sizeof batch.bytes);
    db_close(db);
}
END_TEST

START_TEST(an_identity_is_stored_once)
{
    static const struct {
        const char *name;
        const char *bridge;
        uint8_t epoch;
        uint64_t sequence;
        uint8_t content;
        enum store_result expected;
    } rows[] = {
        {"first", "cell-3", 1, 1, 0xaa, STORE_COMMITTED},
        {"the same again", "cell-3", 1, 1, 0xaa, STORE_DUPLICATE},
        {"other content", "cell-3", 1, 1, 0xbb, STORE_CONFLICT},
        {"other sequence", "cell-3", 1, 2, 0xaa, STORE_COMMITTED},
        {"other epoch", "cell-3", 2, 1, 0xaa, STORE_COMMITTED},
        {"other bridge", "cell-4", 1, 1, 0xaa, STORE_COMMITTED},
        {"the first still is as it was", "cell-3", 1, 1, 0xaa, STORE_DUPLICATE},
        {"highest sequence", "cell-3", 1, STORE_SEQUENCE_MAX, 0xaa, STORE_COMMITTED},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        enum store_result result = put(rows[i].bridge, rows[i].epoch, rows[i].sequence, rows[i].content);
        ck_assert_msg(result == rows[i].expected, "%s: %d", rows[i].name, result);
    }
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 5);
}
END_TEST

START_TEST(a_duplicate_says_when_the_first_was_committed)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 1, 0xaa);
    ck_assert_int_eq(fixture_put(store, "cell-3", &batch), STORE_COMMITTED);
    reopen();
    struct store_batch again = {.bridge = "cell-3", .view = &batch.view, .received_us = 7};
    ck_assert_int_eq(store_begin(store, 77, &why), ERR_OK);
    ck_assert_int_eq(store_put_batch(store, &again, &why), ERR_OK);
    ck_assert_int_eq(store_commit(store, &why), ERR_OK);
    ck_assert_int_eq(again.result, STORE_DUPLICATE);
    ck_assert_int_eq(again.committed_us, batch.view.last_us);
}
END_TEST

START_TEST(a_batch_without_its_catalog_is_not_stored)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 1, 0xaa);
    batch.view.catalog_hash[0] ^= 1;
    ck_assert_int_eq(fixture_put(store, "cell-3", &batch), STORE_NO_CATALOG);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 0);
}
END_TEST

START_TEST(a_catalog_is_stored_once_and_found)
{
    fixture_put_catalog(store);
    ck_assert_int_eq(number("SELECT count(*) FROM catalog"), 1);
    struct buffer encoded;
    buffer_init(&encoded, CATALOG_SIZE_MAX);
    ck_assert_int_eq(store_find_catalog(store, fixture_hash, &encoded, &why), ERR_OK);
    ck_assert_uint_eq(encoded.size, 4);
    ck_assert_mem_eq(encoded.data, "tags", 4);
    uint8_t unknown[CATALOG_HASH_SIZE] = {0};
    ck_assert_int_eq(store_find_catalog(store, unknown, &encoded, &why), ERR_NOT_FOUND);
    buffer_fini(&encoded);
}
END_TEST

START_TEST(watermarks_stop_at_a_hole_and_go_on_when_it_is_filled)
{
    static const struct {
        uint64_t sequence;
        uint64_t contiguous, highest;
    } rows[] = {{1, 1, 1}, {2, 2, 2}, {4, 2, 4}, {9, 2, 9}, {3, 4, 9},
                {5, 5, 9}, {8, 5, 9}, {7, 5, 9}, {6, 9, 9}};
    struct store_watermarks unknown = look_up("cell-3", 1);
    ck_assert_uint_eq(unknown.contiguous, 0);
    ck_assert_uint_eq(unknown.highest, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_int_eq(put("cell-3", 1, rows[i].sequence, 1), STORE_COMMITTED);
        struct store_watermarks watermarks = look_up("cell-3", 1);
        ck_assert_msg(watermarks.contiguous == rows[i].contiguous, "row %zu", i);
        ck_assert_msg(watermarks.highest == rows[i].highest, "row %zu", i);
    }
    ck_assert_uint_eq(look_up("cell-3", 2).highest, 0);
    ck_assert_uint_eq(look_up("cell-4", 1).highest, 0);
}
END_TEST

static void put_gaps(uint64_t sequence, const struct gap *gaps, size_t count)
{
    struct buffer encoded;
    struct batch_view view;
    struct batch_identity identity = {.sequence = sequence};
    memset(identity.epoch, 1, sizeof identity.epoch);
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_encode_gaps(gaps, count, &identity, &encoded), ERR_OK);
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, &why), ERR_OK);
    struct store_batch item = {.bridge = "cell-3", .view = &view, .received_us = 1};
    ck_assert_int_eq(store_begin(store, 1, &why), ERR_OK);
    ck_assert_msg(store_put_batch(store, &item, &why) == ERR_OK, "%s", why.text);
    ck_assert_int_eq(store_commit(store, &why), ERR_OK);
    ck_assert_int_eq(item.result, STORE_COMMITTED);
    buffer_fini(&encoded);
}

START_TEST(what_is_missing_in_between_is_listed_but_for_what_gaps_account_for)
{
    static const uint64_t stored[] = {1, 2, 5, 6, 10, 20, 21, 30};
    const struct gap gaps[] = {{.reason = GAP_SPOOL_FULL, .first_sequence = 8, .last_sequence = 8},
                               {.reason = GAP_SPOOL_FULL, .first_sequence = 11, .last_sequence = 14}};
    static const struct frame_range missing[] = {{3, 4}, {7, 7}, {9, 9}, {15, 19}, {22, 29}};
    for (size_t i = 0; i < ARRAY_LENGTH(stored); i++) {
        ck_assert_int_eq(put("cell-3", 1, stored[i], 1), STORE_COMMITTED);
    }
    put_gaps(31, gaps, ARRAY_LENGTH(gaps));
    struct store_watermarks watermarks = look_up("cell-3", 1);
    ck_assert_uint_eq(watermarks.contiguous, 2);
    ck_assert_uint_eq(watermarks.highest, 31);
    ck_assert_uint_eq(watermarks.missing_count, ARRAY_LENGTH(missing));
    ck_assert_mem_eq(watermarks.missing, missing, sizeof missing);
}
END_TEST

START_TEST(a_long_list_of_what_is_missing_is_cut)
{
    for (uint64_t i = 1; i <= FRAME_MISSING_MAX + 2; i++) {
        ck_assert_int_eq(put("cell-3", 1, 2 * i, 1), STORE_COMMITTED);
    }
    struct store_watermarks watermarks = look_up("cell-3", 1);
    ck_assert_uint_eq(watermarks.missing_count, FRAME_MISSING_MAX);
    ck_assert_uint_eq(watermarks.missing[FRAME_MISSING_MAX - 1].last, 2 * FRAME_MISSING_MAX - 1);
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

START_TEST(gaps_account_for_what_never_arrives)
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

/* WELCOME may not say more than is stored: the bridge would take it for malformed, again and again. */
START_TEST(a_gap_that_reaches_ahead_of_everything_stored_is_believed_up_to_there)
{
    const struct gap ahead = {.reason = GAP_SPOOL_FULL, .first_sequence = 2, .last_sequence = UINT64_MAX};
    put_gaps(1, &ahead, 1);
    struct store_watermarks watermarks = look_up("cell-3", 1);
    ck_assert_uint_eq(watermarks.highest, 1);
    ck_assert_uint_eq(watermarks.contiguous, 1);
    put("cell-3", 1, 7, 1);
    watermarks = look_up("cell-3", 1);
    ck_assert_uint_eq(watermarks.highest, 7);
    ck_assert_uint_eq(watermarks.contiguous, 7);
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

START_TEST(a_group_that_is_rolled_back_leaves_nothing)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 1, 1);
    struct store_batch item = {.bridge = "cell-3", .view = &batch.view, .received_us = 1};
    ck_assert_int_eq(store_begin(store, 1, &why), ERR_OK);
    ck_assert_int_eq(store_put_batch(store, &item, &why), ERR_OK);
    store_rollback(store);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM stream"), 0);
    ck_assert_int_eq(fixture_put(store, "cell-3", &batch), STORE_COMMITTED);
}
END_TEST

START_TEST(the_store_keeps_its_identity_and_another_store_has_another)
{
    uint8_t first[STORE_ID_SIZE];
    memcpy(first, store->id, sizeof first);
    reopen();
    ck_assert_mem_eq(store->id, first, sizeof first);
    struct store *other = NULL;
    char other_path[2 * TEMPORARY_PATH_MAX];
    snprintf(other_path, sizeof other_path, "sqlite:%s/other.db", folder);
    ck_assert_int_eq(store_open(other_path, &other, &why), ERR_OK);
    ck_assert_mem_ne(other->id, first, sizeof first);
    store_close(other);
}
END_TEST

START_TEST(only_known_kinds_of_store_are_opened)
{
    static const char *const wrong[] = {"", "sqlite:", "sqlite", "/tmp/store.db", "postgres:x", "SQLITE:x"};
    for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
        struct store *none = NULL;
        ck_assert_msg(store_open(wrong[i], &none, &why) == ERR_CONFIG, "%s", wrong[i]);
        ck_assert_ptr_null(none);
        ck_assert_ptr_nonnull(strstr(why.text, "sqlite:/path"));
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

int main(void)
{
    return suite_run_with("sqlite", setup, teardown,
                          (const TTest *[]){
                              a_batch_is_stored_byte_by_byte,
                              an_identity_is_stored_once,
                              a_duplicate_says_when_the_first_was_committed,
                              a_batch_without_its_catalog_is_not_stored,
                              a_catalog_is_stored_once_and_found,
                              watermarks_stop_at_a_hole_and_go_on_when_it_is_filled,
                              what_is_missing_in_between_is_listed_but_for_what_gaps_account_for,
                              a_long_list_of_what_is_missing_is_cut,
                              the_contiguous_watermark_is_kept_in_the_file_now_and_then,
                              the_longest_batch_of_a_stream_is_known,
                              holes_can_be_listed,
                              gaps_account_for_what_never_arrives,
                              a_gap_that_reaches_ahead_of_everything_stored_is_believed_up_to_there,
                              no_number_of_gaps_makes_a_look_long,
                              a_look_that_stopped_short_is_gone_on_with,
                              a_group_that_is_rolled_back_leaves_nothing,
                              the_store_keeps_its_identity_and_another_store_has_another,
                              only_known_kinds_of_store_are_opened,
                              a_kill_loses_nothing_committed_and_splits_no_group,
                              a_disk_that_fails_anywhere_commits_all_or_says_so,
                              NULL,
                          });
}
