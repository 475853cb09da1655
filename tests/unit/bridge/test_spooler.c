/* The law, and what a crash leaves: spool commit, may send; ack, trim. */
#include "spool/spooler.h"

#include "base/array.h"
#include "sample.h"
#include "spool/ack_list.h"
#include "spooler_fixture.h"
#include "support/failing_vfs.h"
#include "support/suite.h"
#include "tunnel/frame.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the law ---- */

START_TEST(a_batch_may_be_sent_only_when_it_is_committed)
{
    put(0, 0, PER_BATCH);
    inbox_take(inbox, 0, true, &content);
    ck_assert_int_eq(spooler_collect(spooler, &content, &now, false, &why), ERR_OK);
    ck_assert_uint_eq(sent.count, 0);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 0);
    ck_assert_int_eq(spooler_commit(spooler, &now, false, &sent, &why), ERR_OK);
    ck_assert_uint_eq(sent.count, 1);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 1);
    ck_assert(sample_is_batch_of(sent.first, catalog, 0, 0, PER_BATCH));
}
END_TEST

START_TEST(a_batch_is_kept_until_it_is_acknowledged_and_comes_back_with_the_same_bytes)
{
    struct backlog_chunk chunk;
    put(0, 0, 3 * PER_BATCH);
    must_commit();
    struct bytes before = spool_batch_bytes(sent.first);
    uint8_t copy[4096];
    memcpy(copy, before.data, before.size);
    size_t size = before.size;
    reopen();
    read_backlog(1, 100, &chunk);
    ck_assert_uint_eq(chunk.batches.count, 3);
    ck_assert_uint_eq(chunk.next, 101);
    ck_assert_uint_eq(chunk.batches.first->size, size);
    ck_assert_mem_eq(chunk.batches.first->encoded, copy, size);
    ck_assert_int_eq(chunk.batches.first->spooled_us, now.wall_us);
    ck_assert_mem_eq(chunk.batches.first->catalog->hash, catalog_hash(catalog), CATALOG_HASH_SIZE);
    spool_batches_clear(&chunk.batches);
}
END_TEST

START_TEST(trim_and_ack_log_are_one)
{
    put(0, 0, 2 * PER_BATCH);
    must_commit();
    ack(1, ACK_COMMITTED);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 2);
    must_commit();
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 1);
    ck_assert_int_eq(number("SELECT seq FROM batch"), 2);
    ck_assert_int_eq(number("SELECT count(*) FROM ack_log WHERE seq = 1 AND readings = 10 AND bytes > 0 AND"
                            " kind = 1 AND first_us > 0 AND last_us > first_us AND spooled_us > 0 AND"
                            " sent_us = 1 AND committed_us = 2 AND acked_us = 3 AND result = 0"),
                     1);
    ck_assert_int_eq(spool_state(spooler_spool(spooler))->batches, 1);
    ck_assert_int_eq(spool_state(spooler_spool(spooler))->readings, PER_BATCH);
    ack(2, ACK_DUPLICATE);
    ack(2, ACK_DUPLICATE);
    must_commit();
    ck_assert_int_eq(spool_state(spooler_spool(spooler))->bytes, 0);
    ck_assert_int_eq(number("SELECT count(*) FROM ack_log"), 2);
}
END_TEST

START_TEST(acks_wait_for_a_batch_but_not_long)
{
    put(0, 0, PER_BATCH);
    must_commit();
    ack(1, ACK_COMMITTED);
    ck_assert_int_eq(spooler_commit(spooler, &now, false, &sent, &why), ERR_OK);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 1);
    ck_assert_int_le(spooler_deadline_us(spooler), now.mono_us + ACK_LIST_DELAY_US);
    now.mono_us = spooler_deadline_us(spooler);
    ck_assert_int_eq(spooler_commit(spooler, &now, false, &sent, &why), ERR_OK);
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 0);
}
END_TEST

START_TEST(sequences_are_never_used_again)
{
    put(0, 0, PER_BATCH);
    must_commit();
    ack(1, ACK_COMMITTED);
    must_commit();
    reopen();
    put(0, 100, PER_BATCH);
    must_commit();
    ck_assert_uint_eq(sent.first->seq, 2);
    uint64_t first = 0;
    ck_assert_int_eq(spool_first_seq(spooler_spool(spooler), &first, &why), ERR_OK);
    ck_assert_uint_eq(first, 2);
}
END_TEST

START_TEST(a_rejected_batch_goes_to_quarantine)
{
    put(0, 0, PER_BATCH);
    must_commit();
    ack(1, ACK_REJECTED);
    must_commit();
    ck_assert_int_eq(number("SELECT count(*) FROM batch"), 0);
    ck_assert_int_eq(number("SELECT count(*) FROM quarantine WHERE seq = 1 AND reason = 1 AND"
                            " text = 'because' AND length(encoded) > 0"),
                     1);
    ck_assert_int_eq(number("SELECT count(*) FROM ack_log WHERE result = 3 AND text = 'because'"), 1);
    ck_assert_int_gt(spool_state(spooler_spool(spooler))->quarantined, 0);
}
END_TEST

START_TEST(the_ack_log_keeps_the_newest_rows)
{
    for (uint32_t i = 0; i < 150; i++) {
        put(0, i * PER_BATCH, PER_BATCH);
        must_commit();
        ack(i + 1, ACK_COMMITTED);
    }
    must_commit();
    ck_assert_int_eq(number("SELECT count(*) FROM ack_log"), 100);
    ck_assert_int_eq(number("SELECT min(seq) FROM ack_log"), 51);
}
END_TEST

START_TEST(another_bridges_spool_is_refused_untouched)
{
    put(0, 0, PER_BATCH);
    must_commit();
    struct spool *spool = NULL;
    struct spool_options options = {.path = path, .bridge = "cell-4", .ack_log_rows = 100};
    ck_assert_int_eq(spool_open(&options, now.wall_us, &spool, &why), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(why.text, "belongs to bridge \"cell-3\""));
    ck_assert_ptr_nonnull(strstr(why.text, path));
    ck_assert_ptr_null(spool);
    options.bridge = "cell-3";
    ck_assert_int_eq(spool_open(&options, now.wall_us, &spool, &why), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(why.text, "another process"));
}
END_TEST

/* ---- damage ---- */

START_TEST(a_damaged_batch_is_quarantined_reported_as_a_gap_and_blocks_nothing)
{
    static const struct {
        const char *name;
        const char *sql;
    } rows[] = {
        {"a byte", "UPDATE batch SET encoded = CAST(substr(encoded, 1, 59) || iif(substr(encoded, 60, 1) = "
                   "x'99', x'98', x'99') || substr(encoded, 61) AS BLOB) WHERE seq = 2"},
        {"cut", "UPDATE batch SET encoded = substr(encoded, 1, 20) WHERE seq = 2"},
        {"empty", "UPDATE batch SET encoded = x'' WHERE seq = 2"},
        {"another's", "UPDATE batch SET encoded = (SELECT encoded FROM batch WHERE seq = 3) WHERE seq = 2"},
        {"no catalog", "UPDATE batch SET catalog = NULL WHERE seq = 2"},
        {"times",
         "UPDATE batch SET encoded = x'00', first_us = -5, last_us = 9223372036854775807 WHERE seq = 2"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct backlog_chunk chunk;
        teardown();
        setup();
        put(0, 0, 3 * PER_BATCH);
        must_commit();
        execute(rows[i].sql);
        read_backlog(1, 3, &chunk);
        ck_assert_msg(chunk.batches.count == 2 && chunk.damaged_count == 1, "%s", rows[i].name);
        ck_assert_uint_eq(chunk.batches.last->seq, 3);
        struct gap gap = last_gap();
        ck_assert_int_eq(gap.reason, GAP_SPOOL_DAMAGED);
        ck_assert_uint_eq(gap.first_sequence, 2);
        ck_assert_uint_eq(gap.readings, PER_BATCH);
        ck_assert_int_eq(number("SELECT count(*) FROM quarantine WHERE seq = 2 AND reason = 2"), 1);
        ck_assert_int_eq(number("SELECT count(*) FROM batch"), 3);
        spool_batches_clear(&chunk.batches);
    }
}
END_TEST

START_TEST(a_backlog_is_read_in_bounded_chunks)
{
    enum { BATCHES = BACKLOG_CHUNK_BATCHES + 10 };
    for (uint32_t i = 0; i < BATCHES; i++) {
        put(0, i * PER_BATCH, PER_BATCH);
        must_commit();
    }
    struct backlog_chunk chunk;
    read_backlog(1, BATCHES, &chunk);
    ck_assert_uint_eq(chunk.batches.count, BACKLOG_CHUNK_BATCHES);
    ck_assert_uint_eq(chunk.next, BACKLOG_CHUNK_BATCHES + 1);
    spool_batches_clear(&chunk.batches);
    read_backlog(chunk.next, BATCHES, &chunk);
    ck_assert_uint_eq(chunk.batches.count, 10);
    ck_assert_uint_eq(chunk.next, BATCHES + 1);
    spool_batches_clear(&chunk.batches);
}
END_TEST

/* ---- crashes ---- */

START_TEST(a_failed_sync_is_the_end_and_nothing_may_be_sent)
{
    put(0, 0, PER_BATCH);
    must_commit();
    put(0, 10, PER_BATCH);
    failing_vfs_arm(FAILING_SYNC, 1, true, SQLITE_IOERR_FSYNC);
    ck_assert_int_eq(collect_and_commit(), ERR_SYNC);
    ck_assert_uint_eq(sent.count, 1);
}
END_TEST

struct told {
    uint64_t committed; /* batches that might have been sent */
    uint64_t acked;     /* the highest the child has asked to trim */
};

/* Commits batches and acknowledges each third one, telling what it did before anybody could know otherwise.
 */
static void run_until_killed(int report)
{
    struct told told = {0};
    for (uint32_t i = 0;; i++) {
        put(0, i * PER_BATCH, PER_BATCH);
        if (i % 3 == 2) {
            told.acked = i - 1;
            ack(told.acked, ACK_COMMITTED);
            if (write(report, &told, sizeof told) != sizeof told) {
                _exit(EXIT_FAILURE);
            }
        }
        if (collect_and_commit() != ERR_OK) {
            _exit(EXIT_FAILURE);
        }
        told.committed = i + 1;
        if (write(report, &told, sizeof told) != sizeof told) {
            _exit(EXIT_FAILURE);
        }
    }
}

static struct told kill_after(unsigned reports, unsigned spin)
{
    int ends[2];
    struct told told = {0};
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        open_spool();
        run_until_killed(ends[1]);
    }
    close(ends[1]);
    for (unsigned i = 0; i < reports; i++) {
        ck_assert_int_eq(read(ends[0], &told, sizeof told), sizeof told);
    }
    for (volatile unsigned i = 0; i < spin; i++) {
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    while (read(ends[0], &told, sizeof told) == sizeof told) {
    }
    close(ends[0]);
    return told;
}

static void check_after_crash(const struct told *told)
{
    struct backlog_chunk chunk;
    uint64_t next = 1;
    open_spool();
    read_backlog(1, 1000, &chunk);
    ck_assert_uint_eq(chunk.damaged_count, 0);
    for (struct spool_batch *batch = chunk.batches.first; batch; batch = batch->next) {
        for (; next < batch->seq; next++) {
            bool asked = next % 3 == 1 && next <= told->acked;
            ck_assert_msg(asked, "batch %u was trimmed without an ack", (unsigned)next);
        }
        ck_assert(sample_is_batch_of(batch, catalog, 0, (uint32_t)(batch->seq - 1) * PER_BATCH, PER_BATCH));
        next = batch->seq + 1;
    }
    ck_assert_uint_gt(next, told->committed);
    ck_assert_uint_ge(spool_state(spooler_spool(spooler))->next_seq, next);
    ck_assert_int_eq(spool_state(spooler_spool(spooler))->batches, number("SELECT count(*) FROM batch"));
    ck_assert_int_eq(number("SELECT count(*) FROM ack_log WHERE seq IN (SELECT seq FROM batch)"), 0);
    spool_batches_clear(&chunk.batches);
}

START_TEST(killed_at_any_moment_it_has_all_it_committed_and_trimmed_only_what_was_acked)
{
    enum { KILLS = 25 };
    for (unsigned round = 0; round < KILLS; round++) {
        spooler_free(spooler);
        spooler = NULL;
        temporary_remove(folder);
        temporary_folder(folder);
        temporary_path(folder, "spool.db", path);
        struct told told = kill_after(1 + round * 7 % 40, round * 7919 % 30000);
        check_after_crash(&told);
    }
}
END_TEST

/* ---- crashes ---- */

static void start(void)
{
    ck_assert_msg(spooler_start(spooler, &now, &why) == ERR_OK, "%s", why.text);
}

/* Batches of gaps in the file, and the one gap of the latest. */
static int64_t interruptions(struct gap *last)
{
    struct backlog_chunk chunk;
    int64_t count = number("SELECT count(*) FROM batch WHERE kind = 2");
    if (count > 0) {
        uint64_t seq = (uint64_t)number("SELECT max(seq) FROM batch WHERE kind = 2");
        read_backlog(seq, seq, &chunk);
        spool_batches_move(&sent, &chunk.batches);
        *last = last_gap();
        ck_assert_int_eq(last->reason, GAP_INTERRUPTED);
    }
    return count;
}

START_TEST(a_life_that_did_not_stop_leaves_a_gap_from_its_first_reading_in_memory)
{
    struct gap gap;
    configuration.batch.max_age_us = 1000000;
    reopen();
    start();
    put(0, 5, PER_BATCH + 1);
    inbox_take(inbox, 0, true, &content);
    ck_assert_int_eq(spooler_collect(spooler, &content, &now, false, &why), ERR_OK);
    ck_assert_int_eq(spooler_commit(spooler, &now, false, &sent, &why), ERR_OK);
    ck_assert_uint_eq(sent.count, 1);
    now.wall_us += 9000000;
    reopen();
    start();
    ck_assert_int_eq(interruptions(&gap), 1);
    ck_assert_int_eq(gap.from_us, sample_reading(0, 5 + PER_BATCH).request_us);
    ck_assert_int_eq(gap.to_us, now.wall_us);
    ck_assert_uint_eq(gap.readings, 0);
}
END_TEST

START_TEST(what_was_on_its_way_when_the_bridge_ended_is_in_the_gap)
{
    const struct {
        const char *name;
        uint32_t more; /* readings than a round takes */
        int64_t from_us;
    } rows[] = {
        {"nothing was left to read: the time of the last look into the inbox", 0, 2000},
        {"there was: the time of the look before", 2, 1000},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct gap gap;
        configuration.in_flight_us = 300;
        reopen();
        start();
        put(0, 0, SPOOLER_ROUND_BATCHES * PER_BATCH + rows[i].more);
        inbox_take(inbox, 0, true, &content);
        content.put_after_us = 1000;
        content.put_until_us = 2000;
        ck_assert_int_eq(spooler_collect(spooler, &content, &now, false, &why), ERR_OK);
        ck_assert_int_eq(spooler_commit(spooler, &now, false, &sent, &why), ERR_OK);
        reopen();
        start();
        ck_assert_int_eq(interruptions(&gap), 2 * (int64_t)i + 1);
        ck_assert_msg(gap.from_us == rows[i].from_us - 300, "%s: from %lld", rows[i].name,
                      (long long)gap.from_us);
        must_commit();
    }
}
END_TEST

START_TEST(what_was_on_its_way_for_long_is_in_the_gap)
{
    struct gap gap;
    struct reading_promise promise = {0};
    configuration.in_flight_us = 300;
    reopen();
    start();
    inbox_promise(inbox, &promise);
    promise.since_us = 1000; /* its thread has not run since: others have put, and it will in a moment */
    put(0, 0, PER_BATCH);
    must_commit();
    inbox_keep(inbox, &promise);
    reopen();
    start();
    ck_assert_int_eq(interruptions(&gap), 1);
    ck_assert_int_eq(gap.from_us, 1000 - 300);
}
END_TEST

START_TEST(a_life_that_stopped_leaves_no_gap)
{
    struct gap gap;
    start();
    put(0, 0, PER_BATCH);
    must_commit();
    ck_assert_int_eq(spooler_stop(spooler, &now, &why), ERR_OK);
    reopen();
    start();
    ck_assert_int_eq(interruptions(&gap), 0);
}
END_TEST

START_TEST(a_life_without_a_reading_leaves_a_gap_too)
{
    struct gap gap;
    start();
    reopen();
    start();
    ck_assert_int_eq(interruptions(&gap), 1);
    ck_assert_int_eq(gap.from_us, now.wall_us);
}
END_TEST

START_TEST(a_start_on_a_full_disk_makes_up_for_the_gap)
{
    struct gap gap;
    start();
    reopen();
    failing_vfs_arm(FAILING_WRITE, 1, true, SQLITE_FULL);
    start();
    ck_assert(!spooler_accepts(spooler));
    failing_vfs_arm(FAILING_WRITE, 0, false, 0);
    now.mono_us += 2000000;
    must_commit();
    ck_assert_int_eq(interruptions(&gap), 1);
    ck_assert(spooler_accepts(spooler));
}
END_TEST

START_TEST(while_nothing_is_read_the_file_learns_it_now_and_then)
{
    start();
    ck_assert_int_le(spooler_deadline_us(spooler), now.mono_us + SPOOLER_MARK_US);
    now.mono_us += SPOOLER_MARK_US;
    now.wall_us += SPOOLER_MARK_US;
    int64_t before = number("SELECT unsaved_since_us FROM state");
    must_commit();
    ck_assert_int_gt(number("SELECT unsaved_since_us FROM state"), before);
    ck_assert_uint_eq(sent.count, 0);
}
END_TEST

/* ---- configuration ---- */

START_TEST(batches_keep_the_catalog_they_were_made_with)
{
    struct catalog *second = sample_catalog(2);
    fill(0, 1);
    configuration.catalog = second;
    ck_assert_int_eq(spooler_configure(spooler, &configuration, &why), ERR_OK);
    fill(0, 1);
    reopen();
    struct backlog_chunk chunk;
    read_backlog(1, 2, &chunk);
    ck_assert_uint_eq(chunk.batches.count, 2);
    ck_assert_mem_eq(chunk.batches.first->catalog->hash, catalog_hash(catalog), CATALOG_HASH_SIZE);
    ck_assert_mem_eq(chunk.batches.last->catalog->hash, catalog_hash(second), CATALOG_HASH_SIZE);
    ck_assert_int_eq(number("SELECT count(*) FROM catalog"), 2);
    spool_batches_clear(&chunk.batches);
    catalog_free(catalog);
    catalog = second;
}
END_TEST

int main(void)
{
    return suite_run_with("spooler", setup, teardown,
                          (const TTest *[]){
                              a_batch_may_be_sent_only_when_it_is_committed,
                              a_batch_is_kept_until_it_is_acknowledged_and_comes_back_with_the_same_bytes,
                              trim_and_ack_log_are_one,
                              acks_wait_for_a_batch_but_not_long,
                              sequences_are_never_used_again,
                              a_rejected_batch_goes_to_quarantine,
                              the_ack_log_keeps_the_newest_rows,
                              another_bridges_spool_is_refused_untouched,
                              a_damaged_batch_is_quarantined_reported_as_a_gap_and_blocks_nothing,
                              a_backlog_is_read_in_bounded_chunks,
                              a_failed_sync_is_the_end_and_nothing_may_be_sent,
                              killed_at_any_moment_it_has_all_it_committed_and_trimmed_only_what_was_acked,
                              a_life_that_did_not_stop_leaves_a_gap_from_its_first_reading_in_memory,
                              what_was_on_its_way_when_the_bridge_ended_is_in_the_gap,
                              what_was_on_its_way_for_long_is_in_the_gap,
                              a_life_that_stopped_leaves_no_gap,
                              a_life_without_a_reading_leaves_a_gap_too,
                              a_start_on_a_full_disk_makes_up_for_the_gap,
                              while_nothing_is_read_the_file_learns_it_now_and_then,
                              batches_keep_the_catalog_they_were_made_with,
                              NULL,
                          });
}
