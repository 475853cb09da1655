/* The verbs that read a store or a spool, from their arguments to their output and exit status. */
#include "made_store.h"
#include "support/capture.h"
#include "support/suite.h"
#include "support/temporary.h"
#include "verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[TEMPORARY_PATH_MAX];
static char store[TEMPORARY_PATH_MAX];
static char spool[TEMPORARY_PATH_MAX];
static char truth[TEMPORARY_PATH_MAX];
static char said[256 * 1024];

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "store.db", store);
    temporary_path(folder, "spool.db", spool);
    temporary_path(folder, "truth.tsv", truth);
    made_store(store);
    made_spool(spool);
}

static void teardown(void)
{
    temporary_remove(folder);
}

/* Runs `bourdon` with words separated by spaces; STORE, SPOOL and TRUTH stand for the files. */
static int run(const char *command)
{
    char words[16][TEMPORARY_PATH_MAX];
    char *argv[18] = {NULL};
    char copy[1024];
    int argc = 0;
    char *rest = copy;
    snprintf(copy, sizeof copy, "bourdon %s", command);
    for (char *word = strsep(&rest, " "); word && argc < 16; word = strsep(&rest, " "), argc++) {
        const char *path = strcmp(word, "STORE") == 0   ? store
                           : strcmp(word, "SPOOL") == 0 ? spool
                           : strcmp(word, "TRUTH") == 0 ? truth
                                                        : word;
        snprintf(words[argc], sizeof words[argc], "%s", path);
        argv[argc] = words[argc];
    }
    struct capture capture = capture_start(STDOUT_FILENO);
    int status = verbs_run(argc, argv);
    capture_stop(&capture, said, sizeof said);
    return status;
}

static size_t line_count(void)
{
    size_t count = 0;
    for (const char *at = said; (at = strchr(at, '\n')); at++) {
        count++;
    }
    return count;
}

START_TEST(readings_shows_everything_by_default)
{
    ck_assert_int_eq(run("readings STORE --format csv"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 1 + 2 * 2 * MADE_BATCHES * MADE_READINGS);
}
END_TEST

START_TEST(readings_chooses_by_tag_bridge_quality_and_time)
{
    ck_assert_int_eq(run("readings STORE --format csv --tag press* --bridge cell-4"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 1 + MADE_BATCHES * MADE_READINGS);
    ck_assert_ptr_null(strstr(said, "cell-3"));
    ck_assert_ptr_null(strstr(said, "running"));
    ck_assert_int_eq(run("readings STORE --format csv --quality bad* --bridge cell-3 --tag pressure"),
                     STATUS_OK);
    ck_assert_uint_eq(line_count(), 1 + 2 * MADE_READINGS);
    ck_assert_int_eq(run("readings STORE --format csv --bridge cell-3 --tag pressure"
                         " --since 2026-01-31T12:00:01Z --until 2026-01-31T12:00:01.999999Z"),
                     STATUS_OK);
    ck_assert_uint_eq(line_count(), 1 + MADE_READINGS);
    ck_assert_ptr_nonnull(strstr(said, "2026-01-31T12:00:01.001000Z,cell-3,pressure,1,bar,good,"));
    ck_assert_int_eq(run("readings STORE --format csv --bridge nobody"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 1);
}
END_TEST

START_TEST(readings_shows_the_newest_in_order_of_time)
{
    ck_assert_int_eq(run("readings STORE --format csv --bridge cell-3 --tag pressure --last 3"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 4);
    const char *first = strstr(said, "2026-01-31T12:00:09.701000Z,cell-3,pressure,9.7,");
    const char *last = strstr(said, "2026-01-31T12:00:09.901000Z,cell-3,pressure,9.9,");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(last);
    ck_assert(first < last);
    /* Further back than the first look, and further than there is. */
    ck_assert_int_eq(run("readings STORE --format csv --bridge cell-3 --tag pressure --last 95"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 96);
    ck_assert_int_eq(run("readings STORE --format csv --last 5000"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 401);
    ck_assert_int_eq(run("readings STORE --format csv --last 2 --until 2026-01-31T12:00:02Z --tag running"
                         " --bridge cell-3"),
                     STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, "2026-01-31T12:00:01.901000Z,cell-3,running,true,"));
    ck_assert_uint_eq(line_count(), 3);
}
END_TEST

START_TEST(readings_are_gathered_into_buckets)
{
    ck_assert_int_eq(run("readings STORE --format csv --bridge cell-3 --tag pressure --every 1s --agg max"),
                     STATUS_OK);
    ck_assert_uint_eq(line_count(), 1 + MADE_BATCHES);
    ck_assert_ptr_nonnull(strstr(said, "2026-01-31T12:00:01.000000Z,cell-3,pressure,1.9,bar,10,0\n"));
    ck_assert_ptr_nonnull(strstr(said, "2026-01-31T12:00:03.000000Z,cell-3,pressure,,bar,0,10\n"));
    ck_assert_int_eq(run("readings STORE --format jsonl --tag pressure --every 1h"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 2);
    ck_assert_ptr_nonnull(strstr(said, "\"bridge\":\"cell-4\",\"tag\":\"pressure\",\"value\":"));
    ck_assert_ptr_nonnull(strstr(said, "\"readings\":80,\"without_value\":20}"));
}
END_TEST

START_TEST(readings_of_bad_quality_have_no_value)
{
    ck_assert_int_eq(
        run("readings STORE --format json --bridge cell-3 --tag pressure --quality bad* --last 1"),
        STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, "\"value\":null,\"unit\":\"bar\",\"quality\":\"bad_timeout\""));
    ck_assert_int_eq(
        run("readings STORE --format json --bridge cell-3 --tag pressure --quality good --last 1"),
        STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, "\"value\":9.9,\"unit\":\"bar\",\"quality\":\"good\""));
}
END_TEST

START_TEST(readings_of_a_damaged_batch_end_with_an_error_that_names_it)
{
    made_store_run(store, "UPDATE batch SET encoded = zeroblob(10) WHERE stream = 1 AND seq = 5");
    struct capture capture = capture_start(STDERR_FILENO);
    int status = run("readings STORE --format csv");
    char errors[1024];
    capture_stop(&capture, errors, sizeof errors);
    ck_assert_int_eq(status, STATUS_FAILED);
    ck_assert_msg(strstr(errors, "batch 5"), "%s", errors);
}
END_TEST

START_TEST(acks_are_those_of_the_file)
{
    ck_assert_int_eq(run("acks SPOOL --format csv"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 9);
    ck_assert_ptr_nonnull(strstr(said, ",duplicate,"));
    ck_assert_ptr_nonnull(strstr(said, ",rejected,no good"));
    ck_assert_int_eq(run("acks SPOOL --last 2"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 3);
    ck_assert_ptr_nonnull(strstr(said, "SPOOLED"));
    ck_assert_ptr_null(strstr(said, "RECEIVED"));
    ck_assert_ptr_nonnull(strstr(said, "1.0 s")); /* committed so long after the oldest reading */
    ck_assert_int_eq(run("acks STORE --last 2"), STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, "RECEIVED"));
    ck_assert_ptr_null(strstr(said, "SPOOLED"));
}
END_TEST

START_TEST(acks_can_be_summed_up)
{
    ck_assert_int_eq(run("acks SPOOL --summary --format csv"), STATUS_OK);
    ck_assert_str_eq(said, "batches,readings,bytes,committed,duplicate,rejected,p50_ms,p99_ms\n"
                           "8,160,800,6,1,1,1016,1032\n");
}
END_TEST

START_TEST(spool_says_what_waits)
{
    ck_assert_int_eq(run("spool stat SPOOL --format csv"), STATUS_OK);
    ck_assert_ptr_nonnull(
        strstr(said, "\ncell-3,01010101010101010101010101010101,2026-01-31T12:00:00.000000Z,10,2,40,9,"
                     "2026-01-31T12:00:08.000000Z,8,2026-01-31T12:00:08.032000Z,0,yes\n"));
    ck_assert_int_eq(run("spool list SPOOL --format csv"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 3);
    ck_assert_ptr_nonnull(strstr(said, "\n9,readings,20,5,"));
    ck_assert_ptr_nonnull(strstr(said, "\n10,gaps,20,4,"));
    ck_assert_int_eq(run("spool list SPOOL --last 1 --format csv"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 2);
    ck_assert_ptr_nonnull(strstr(said, "\n10,gaps,"));
}
END_TEST

START_TEST(spool_check_finds_what_spool_repair_sets_aside)
{
    ck_assert_int_eq(run("spool check SPOOL --format csv"), STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(said, "\nrecord,9,damaged,"));
    ck_assert_ptr_nonnull(strstr(said, "\nrecord,10,damaged,"));
    ck_assert_ptr_nonnull(strstr(said, "\nsums,,damaged,"));
    ck_assert_int_eq(run("spool export SPOOL"), STATUS_FAILED);
    ck_assert_uint_eq(line_count(), 1);
    ck_assert_int_eq(run("spool dump SPOOL 9"), STATUS_FAILED);
    ck_assert_int_eq(run("spool repair SPOOL --format csv"), STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, "\nrebuilt,0,2,9-10,"));
    ck_assert_int_eq(run("spool check SPOOL --format csv"), STATUS_OK);
    ck_assert_int_eq(run("spool repair SPOOL --format csv"), STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, "\nsound,1,0,,,\n"));
    ck_assert_int_eq(run("spool dump SPOOL 11 --format json"), STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, "{\"part\":\"gap\",\"reason\":\"spool_damaged\",\"first_seq\":9,"));
    ck_assert_int_eq(run("where 9 --spool SPOOL --format csv"), STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, ",9,quarantined,"));
}
END_TEST

/* A whole batch of the store, put into the spool. */
START_TEST(spool_dumps_and_exports_readings)
{
    char sql[TEMPORARY_PATH_MAX + 512];
    snprintf(
        sql, sizeof sql,
        "ATTACH '%s' AS s; DELETE FROM batch; INSERT INTO catalog SELECT id, hash, encoded FROM s.catalog;"
        "INSERT INTO batch SELECT seq, kind, catalog, 0, readings, first_us, last_us, last_us, encoded"
        " FROM s.batch WHERE seq = 9 AND stream = 1",
        store);
    made_spool_run(spool, sql);
    ck_assert_int_eq(run("spool export SPOOL"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 1 + 2 * MADE_READINGS);
    ck_assert_ptr_nonnull(strstr(said, ",pressure,8.3,bar,good,plc,1,0,9,waiting\n"));
    ck_assert_int_eq(run("spool export SPOOL --tag run* --format jsonl"), STATUS_OK);
    ck_assert_uint_eq(line_count(), MADE_READINGS);
    ck_assert_int_eq(run("spool dump SPOOL 9"), STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, "uint16"));
    ck_assert_int_eq(run("where --tag pressure --at 2026-01-31T12:00:09Z --spool SPOOL --format csv"),
                     STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, ",9,waiting,"));
}
END_TEST

/* ---- where ---- */

START_TEST(where_tells_both_ends)
{
    static const struct {
        const char *command, *state;
        int status;
    } rows[] = {
        {"where 6 --spool SPOOL --store STORE --format csv", ",6,acknowledged,readings,20,", STATUS_OK},
        {"where 7 --spool SPOOL --format csv", ",7,rejected,readings,20,", STATUS_OK},
        {"where 9 --spool SPOOL --store STORE --format csv", ",9,committed,readings,20,", STATUS_OK},
        {"where 9 --spool SPOOL --format csv", ",9,waiting,readings,20,", STATUS_OK},
        {"where 9 --store STORE --bridge cell-4 --format csv", "cell-4,02020202020202020202020202020202,9,",
         STATUS_OK},
        {"where 11 --spool SPOOL --store STORE --format csv", ",11,to come,,0,", STATUS_FAILED},
        {"where --tag pressure --at 2026-01-31T12:00:04.9Z --store STORE --bridge cell-3 --format csv",
         ",5,committed,", STATUS_OK},
        {"where --tag nothing --at 2026-01-31T12:00:04.9Z --store STORE --format csv", "", STATUS_FAILED},
        {"where 99 --store STORE --format csv", "", STATUS_FAILED},
        {"where 6 --spool STORE", "", STATUS_FAILED},
        {"where 6 --store SPOOL", "", STATUS_FAILED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(run(rows[i].command) == rows[i].status, "%s: %s", rows[i].command, said);
        ck_assert_msg(strstr(said, rows[i].state), "%s: %s", rows[i].command, said);
    }
    ck_assert_int_eq(run("where 3 --store STORE --format csv"), STATUS_OK);
    ck_assert_uint_eq(line_count(), 3); /* of either bridge */
}
END_TEST

START_TEST(where_says_that_an_acknowledged_batch_is_not_in_this_store)
{
    made_store_run(store, "DELETE FROM batch WHERE seq = 5 AND stream = 1");
    ck_assert_int_eq(run("where 5 --spool SPOOL --store STORE --format csv"), STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(said, ",5,missing,"));
}
END_TEST

START_TEST(where_finds_the_gap_that_accounts_for_a_batch)
{
    made_store_run(store, "DELETE FROM batch WHERE seq = 5 AND stream = 1;"
                          "INSERT INTO gap_record SELECT id, 1, 1, 4, 6, 60, 1, 2, '' FROM batch LIMIT 1");
    ck_assert_int_eq(run("where 5 --store STORE --bridge cell-3 --format csv"), STATUS_OK);
    ck_assert_ptr_nonnull(strstr(said, ",5,dropped,"));
    ck_assert_ptr_nonnull(strstr(said, "spool_full"));
}
END_TEST

/* ---- compare-truth ---- */

/* What a PLC says that served just what made_store() stores, but for batch `without`. */
static void write_truth(int without)
{
    FILE *file = fopen(truth, "w");
    for (int batch = 0; batch < MADE_BATCHES; batch++) {
        for (int i = 0; i < MADE_READINGS && batch != without && batch % 4 != 3; i++) {
            long long at_us = MADE_START_US + batch * 1000000LL + i * 100000LL + 500;
            fprintf(file, "%lld\tplc:1\t1\tread\tholding\t0\tgood\t%04x\n", at_us, batch * MADE_READINGS + i);
            fprintf(file, "%lld\tplc:1\t1\tread\tcoil\t0\tgood\t%d\n", at_us, i % 2);
        }
    }
    fclose(file);
}

START_TEST(compare_truth_finds_all_true)
{
    write_truth(-1);
    ck_assert_int_eq(run("compare-truth STORE --truth TRUTH --complete --format csv"), STATUS_OK);
    ck_assert_str_eq(
        said, "readings,true,no_value,no_plc,corrupt,phantom,duplicated,reordered,missing,polls,unstored\n"
              "400,320,80,0,0,0,0,0,0,160,0\n");
}
END_TEST

START_TEST(compare_truth_finds_what_was_never_served)
{
    write_truth(4);
    ck_assert_int_eq(run("compare-truth STORE --truth TRUTH --format csv"), STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(said, "\n400,280,80,0,0,40,0,0,0,140,0\n"));
}
END_TEST

START_TEST(compare_truth_finds_what_is_missing)
{
    write_truth(-1);
    made_store_run(store, "UPDATE stream SET contiguous = 4; DELETE FROM batch WHERE seq = 5 AND stream = 1");
    ck_assert_int_eq(run("compare-truth STORE --truth TRUTH --format csv"), STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(said, ",0,0,1,160,0\n"));
    made_store_run(store, "DELETE FROM batch WHERE seq = 5 AND stream = 2");
    ck_assert_int_eq(run("compare-truth STORE --truth TRUTH --format csv"), STATUS_FAILED);
    ck_assert_ptr_nonnull(strstr(said, ",0,0,2,160,20\n"));
}
END_TEST

START_TEST(compare_truth_finds_a_batch_stored_twice)
{
    write_truth(-1);
    made_store_run(store, "INSERT INTO stream (id, bridge, epoch) VALUES (3, 1, zeroblob(16))");
    made_store_run(store,
                   "INSERT INTO batch (stream, seq, kind, catalog, readings, first_us, last_us, received_us,"
                   " committed_us, historical, encoded) SELECT 3, seq, kind, catalog, readings, first_us,"
                   " last_us, received_us, committed_us, historical, encoded FROM batch WHERE stream = 1"
                   " AND seq = 1");
    ck_assert_int_eq(run("compare-truth STORE --truth TRUTH --format csv"), STATUS_FAILED);
    ck_assert_str_eq(said, ""); /* its bytes say another epoch: damaged, not merely double */
}
END_TEST

START_TEST(compare_truth_needs_files_that_can_be_read)
{
    ck_assert_int_eq(run("compare-truth STORE --truth TRUTH"), STATUS_FAILED);
    write_truth(-1);
    ck_assert_int_eq(run("compare-truth SPOOL --truth TRUTH"), STATUS_FAILED);
    ck_assert_int_eq(run("compare-truth STORE --truth TRUTH plc=nowhere:1"), STATUS_FAILED);
    ck_assert_int_eq(run("compare-truth STORE --truth TRUTH plc=plc:1"), STATUS_OK);
    ck_assert_int_eq(run("compare-truth STORE --truth TRUTH plc"), STATUS_USAGE);
    ck_assert_int_eq(run("compare-truth STORE"), STATUS_USAGE);
}
END_TEST

START_TEST(values_out_of_range_are_wrong_arguments)
{
    static const char *const rows[] = {
        "readings STORE --last 0",
        "readings STORE --since tomorrow",
        "readings STORE --format xml",
        "readings STORE SPOOL",
        "readings STORE --since -1h --until -2h",
        "acks SPOOL --last x",
        "acks SPOOL --follow --summary",
        "acks SPOOL --format yaml",
        "spool stat",
        "spool dump SPOOL",
        "spool dump SPOOL x",
        "spool dump SPOOL 1 --format csv",
        "spool chek SPOOL",
        "spool check SPOOL --tag x",
        "spool stat SPOOL --bridge x",
        "where",
        "where 0 --spool SPOOL",
        "where 1 2 --spool SPOOL",
        "where 1 --tag x --at now --spool SPOOL",
        "where --tag x --spool SPOOL",
        "where --tag x --at tomorrow --spool SPOOL",
        "spool list SPOOL --last -1",
        "status --format csv",
        "compare-truth STORE --truth TRUTH --format x",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert_msg(run(rows[i]) == STATUS_USAGE, "%s", rows[i]);
    }
}
END_TEST

START_TEST(a_file_of_the_other_kind_is_an_error)
{
    ck_assert_int_eq(run("readings SPOOL"), STATUS_FAILED);
    ck_assert_int_eq(run("spool stat STORE"), STATUS_FAILED);
    ck_assert_int_eq(run("acks TRUTH"), STATUS_FAILED);
}
END_TEST

/* ---- store ---- */

START_TEST(store_check_finds_a_whole_store_whole)
{
    ck_assert_int_eq(run("store check STORE"), 0);
    ck_assert_str_eq(said, "20 batches, 400 readings, 1 catalogs: whole\n");
}
END_TEST

START_TEST(store_check_names_each_kind_of_damage)
{
    static const struct {
        const char *sql, *expected;
    } rows[] = {
        {"UPDATE batch SET encoded = CAST(substr(encoded, 1, 40) || x'ff' || substr(encoded, 42) AS BLOB) "
         "WHERE id = 3",
         "damaged: batch 2 of bridge cell-3: "},
        {"UPDATE batch SET readings = readings + 1 WHERE id = 3",
         "damaged: batch 2 of bridge cell-3: its row says something else than its bytes"},
        {"UPDATE catalog SET hash = randomblob(32)", "damaged: catalog 1: its hash is not that of its bytes"},
        {"DELETE FROM batch WHERE seq = 4",
         "damaged: ledger of bridge cell-4: batches 4 to 4 are called stored and are not there"},
        {"PRAGMA foreign_keys = OFF; DELETE FROM bridge WHERE id = 2", "damaged: table stream: row 2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unlink(store);
        made_store(store);
        made_store_run(store, rows[i].sql);
        ck_assert_msg(run("store check STORE") == 1, "%s", rows[i].sql);
        ck_assert_msg(strstr(said, rows[i].expected) != NULL, "%s: %s", rows[i].sql, said);
    }
}
END_TEST

START_TEST(store_backup_is_a_whole_store_and_replaces_nothing)
{
    char copy[TEMPORARY_PATH_MAX];
    char command[2 * TEMPORARY_PATH_MAX];
    temporary_path(folder, "copy.db", copy);
    snprintf(command, sizeof command, "store backup STORE %s", copy);
    ck_assert_int_eq(run(command), 0);
    ck_assert_int_eq(run(command), 1);
    unlink(store);
    ck_assert_int_eq(rename(copy, store), 0);
    ck_assert_int_eq(run("store check STORE"), 0);
    ck_assert_int_eq(run("readings STORE"), 0);
    ck_assert_int_eq(run("store"), 2);
    ck_assert_int_eq(run("store check"), 2);
    ck_assert_int_eq(run("store check STORE extra"), 2);
    ck_assert_int_eq(run("store check /nowhere/store.db"), 1);
}
END_TEST

int main(void)
{
    return suite_run_with("verbs_on_files", setup, teardown,
                          (const TTest *[]){
                              readings_shows_everything_by_default,
                              readings_chooses_by_tag_bridge_quality_and_time,
                              readings_shows_the_newest_in_order_of_time,
                              readings_are_gathered_into_buckets,
                              readings_of_bad_quality_have_no_value,
                              readings_of_a_damaged_batch_end_with_an_error_that_names_it,
                              acks_are_those_of_the_file,
                              acks_can_be_summed_up,
                              spool_says_what_waits,
                              spool_check_finds_what_spool_repair_sets_aside,
                              spool_dumps_and_exports_readings,
                              where_tells_both_ends,
                              where_says_that_an_acknowledged_batch_is_not_in_this_store,
                              where_finds_the_gap_that_accounts_for_a_batch,
                              compare_truth_finds_all_true,
                              compare_truth_finds_what_was_never_served,
                              compare_truth_finds_what_is_missing,
                              compare_truth_finds_a_batch_stored_twice,
                              compare_truth_needs_files_that_can_be_read,
                              values_out_of_range_are_wrong_arguments,
                              a_file_of_the_other_kind_is_an_error,
                              store_check_finds_a_whole_store_whole,
                              store_check_names_each_kind_of_damage,
                              store_backup_is_a_whole_store_and_replaces_nothing,
                              NULL,
                          });
}
