#include "base/log.h"
#include "sample.h"
#include "spool/backlog.h"
#include "spool/salvage.h"
#include "store/spool_schema.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCHES = 120, PER_BATCH = 400, HEADER_SIZE = 100, PAGE = 4096 };

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static char pattern[TEMPORARY_PATH_MAX];
static struct catalog *catalog;
static struct err_text why;
static uint8_t *pristine; /* the bytes of a good spool */
static long pristine_size;

static void silence(void *owner, const char *line, size_t size)
{
    (void)owner;
    (void)line;
    (void)size;
}

static enum err open_spool(struct spool **spool)
{
    const struct spool_options options = {.path = path, .bridge = "cell-3", .ack_log_rows = 100};
    return spool_open(&options, SAMPLE_TIME_US, spool, &why);
}

/* Readings that do not compress, so that the file has many pages. */
static struct reading noise(uint32_t index)
{
    struct reading reading = sample_reading(0, index);
    reading.words[0] = (uint16_t)((index * 2654435761U) >> 13);
    return reading;
}

static struct spool_batch *make_batch(struct spool *spool, struct spool_catalog *row)
{
    struct batch_builder *builder = batch_builder_new(catalog);
    struct batch_identity identity = spool_take_identity(spool);
    struct batch_view view;
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    for (uint32_t i = 0; i < PER_BATCH; i++) {
        struct reading reading = noise((uint32_t)identity.sequence * PER_BATCH + i);
        ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    }
    ck_assert_int_eq(batch_builder_finish(builder, &identity, &encoded), ERR_OK);
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, &why), ERR_OK);
    struct spool_batch *batch = spool_batch_new(&view, row);
    buffer_fini(&encoded);
    batch_builder_free(builder);
    return batch;
}

static void make_spool(void)
{
    struct spool *spool = NULL;
    struct spool_catalog *row = NULL;
    ck_assert_int_eq(open_spool(&spool), ERR_OK);
    ck_assert_int_eq(spool_add_catalog(spool, catalog, &row, &why), ERR_OK);
    ck_assert_int_eq(spool_begin(spool, &why), ERR_OK);
    for (int i = 0; i < BATCHES; i++) {
        struct spool_batch *batch = make_batch(spool, row);
        ck_assert_int_eq(spool_append(spool, batch, SAMPLE_TIME_US, &why), ERR_OK);
        spool_batch_free(batch);
    }
    ck_assert_int_eq(spool_commit(spool, &why), ERR_OK);
    spool_catalog_unref(row);
    spool_close(spool);
}

static void read_pristine(void)
{
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    fseek(file, 0, SEEK_END);
    pristine_size = ftell(file);
    rewind(file);
    pristine = malloc((size_t)pristine_size);
    ck_assert_uint_eq(fread(pristine, 1, (size_t)pristine_size, file), (size_t)pristine_size);
    fclose(file);
}

static void write_spool(const uint8_t *bytes, long size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, (size_t)size, file), (size_t)size);
    fclose(file);
}

static void setup(void)
{
    log_set_sink(silence, NULL);
    temporary_folder(folder);
    temporary_path(folder, "spool.db", path);
    temporary_path(folder, "spool.db.damaged-*[0-9]", pattern);
    catalog = sample_catalog(1);
    make_spool();
    read_pristine();
}

static void teardown(void)
{
    free(pristine);
    catalog_free(catalog);
    temporary_remove(folder);
}

static size_t files_aside(void)
{
    glob_t found = {0};
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

struct seen {
    int64_t batches, gaps, damaged;
};

/* Everything the spool still gives is what was put in. */
static struct seen read_all(struct spool *spool)
{
    struct backlog *backlog = NULL;
    struct backlog_chunk *chunk = calloc(1, sizeof *chunk);
    struct seen seen = {0};
    uint64_t next = 1;
    uint64_t last = spool_state(spool)->next_seq;
    ck_assert_int_eq(backlog_new(spool_db(spool), spool_epoch(spool), &backlog, &why), ERR_OK);
    while (next <= last) {
        memset(chunk, 0, sizeof *chunk);
        if (backlog_read(backlog, next, last, chunk, &why) != ERR_OK) {
            break; /* found while running: the spool is marked, and salvaged at the next start */
        }
        for (struct spool_batch *batch = chunk->batches.first; batch; batch = batch->next) {
            seen.gaps += batch->kind == BATCH_GAPS;
            seen.batches += batch->kind == BATCH_READINGS && batch->readings == PER_BATCH;
        }
        seen.damaged += (int64_t)chunk->damaged_count;
        spool_batches_clear(&chunk->batches);
        next = chunk->next;
    }
    spool_batches_clear(&chunk->batches);
    backlog_free(backlog);
    free(chunk);
    return seen;
}

static struct seen open_and_read(void)
{
    struct spool *spool = NULL;
    enum err result = open_spool(&spool);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    struct seen seen = read_all(spool);
    ck_assert_uint_gt(spool_state(spool)->next_seq, 1);
    spool_close(spool);
    return seen;
}

START_TEST(a_good_spool_is_left_alone)
{
    struct seen seen = open_and_read();
    ck_assert_int_eq(seen.batches, BATCHES);
    ck_assert_int_eq(seen.gaps, 0);
    ck_assert_uint_eq(files_aside(), 0);
}
END_TEST

START_TEST(pages_in_the_middle_cost_only_what_was_on_them)
{
    memset(pristine + pristine_size / 2 / PAGE * PAGE, 0xee, 3 * PAGE); /* one may be an index */
    write_spool(pristine, pristine_size);
    salvage_mark(path);
    ck_assert(salvage_is_marked(path));
    struct seen seen = open_and_read();
    ck_assert_int_ge(seen.batches, BATCHES - 30);
    ck_assert_int_lt(seen.batches, BATCHES);
    ck_assert_int_eq(seen.gaps, 1);
    ck_assert_int_eq(seen.damaged, 0);
    ck_assert(!salvage_is_marked(path));
    ck_assert_uint_eq(files_aside(), 1);
}
END_TEST

START_TEST(half_a_file_gives_what_it_has_and_a_gap)
{
    write_spool(pristine, pristine_size / 2);
    struct seen seen = open_and_read();
    ck_assert_int_eq(seen.gaps, 1);
    ck_assert_uint_eq(files_aside(), 1);
}
END_TEST

START_TEST(what_is_left_of_a_shorter_file_is_saved)
{
    write_spool(pristine, pristine_size * 3 / 4);
    struct seen seen = open_and_read();
    ck_assert_int_ge(seen.batches, BATCHES / 4);
    ck_assert_int_eq(seen.gaps, 1);
}
END_TEST

START_TEST(a_file_with_nothing_left_but_its_header_starts_anew_with_a_gap)
{
    memset(pristine + HEADER_SIZE, 0xee, (size_t)pristine_size - HEADER_SIZE);
    write_spool(pristine, pristine_size);
    struct seen seen = open_and_read();
    ck_assert_int_eq(seen.batches, 0);
    ck_assert_int_eq(seen.gaps, 1);
    ck_assert_uint_eq(files_aside(), 1);
}
END_TEST

START_TEST(the_epoch_and_the_numbers_go_on)
{
    struct spool *spool = NULL;
    uint8_t epoch[BATCH_EPOCH_SIZE];
    ck_assert_int_eq(open_spool(&spool), ERR_OK);
    memcpy(epoch, spool_epoch(spool), sizeof epoch);
    spool_close(spool);
    salvage_mark(path);
    ck_assert_int_eq(open_spool(&spool), ERR_OK);
    ck_assert_mem_eq(spool_epoch(spool), epoch, sizeof epoch);
    ck_assert_uint_eq(spool_state(spool)->next_seq, BATCHES + 2);
    ck_assert_int_eq(spool_state(spool)->batches, BATCHES + 1);
    spool_close(spool);
}
END_TEST

START_TEST(a_spool_in_use_is_not_salvaged)
{
    struct spool *spool = NULL;
    struct spool *second = NULL;
    ck_assert_int_eq(open_spool(&spool), ERR_OK);
    salvage_mark(path);
    ck_assert_int_eq(open_spool(&second), ERR_BUSY);
    ck_assert_uint_eq(files_aside(), 0);
    spool_close(spool);
}
END_TEST

static void change(const char *sql)
{
    struct db *db = NULL;
    ck_assert_int_eq(db_open(path, &spool_schema, &db, &why), ERR_OK);
    ck_assert_msg(db_exec(db, sql, &why) == ERR_OK, "%s", why.text);
    db_close(db);
    salvage_mark(path);
}

static int64_t number(const char *sql)
{
    struct db *db = NULL;
    sqlite3_stmt *statement = NULL;
    bool row = false;
    ck_assert_int_eq(db_open_read_only(path, &spool_schema, &db, &why), ERR_OK);
    ck_assert_int_eq(db_prepare(db, sql, &statement, &why), ERR_OK);
    ck_assert_int_eq(db_step(db, statement, &row, &why), ERR_OK);
    int64_t found = sqlite3_column_int64(statement, 0);
    db_close(db);
    return found;
}

static struct salvage_report salvage_now(void)
{
    const struct spool_options options = {.path = path, .bridge = "cell-3", .ack_log_rows = 100};
    struct salvage_report report;
    ck_assert_msg(salvage(&options, SAMPLE_TIME_US, &report, &why) == ERR_OK, "%s", why.text);
    return report;
}

START_TEST(a_damaged_batch_is_quarantined_and_is_all_that_is_lost)
{
    change("UPDATE batch SET encoded = zeroblob(10) WHERE seq IN (7, 9)");
    struct salvage_report report = salvage_now();
    ck_assert_int_eq(report.batches, BATCHES - 2);
    ck_assert_int_eq(report.quarantined, 2);
    ck_assert_uint_eq(report.lost.count, 2);
    ck_assert_uint_eq(report.lost.gaps[0].first_sequence, 7);
    ck_assert_uint_eq(report.lost.gaps[0].last_sequence, 7);
    ck_assert_uint_eq(report.lost.gaps[1].first_sequence, 9);
    ck_assert_int_eq(number("SELECT count(*) FROM quarantine WHERE reason = 2 AND seq IN (7, 9)"), 2);
    ck_assert_int_eq(number("SELECT readings FROM batch WHERE kind = 2"), 2);
}
END_TEST

START_TEST(a_batch_under_a_wrong_number_gets_its_own_back)
{
    change("UPDATE batch SET seq = 100000 WHERE seq = 7");
    struct salvage_report report = salvage_now();
    ck_assert_int_eq(report.batches, BATCHES);
    ck_assert_int_eq(number("SELECT count(*) FROM batch WHERE seq = 7"), 1);
    ck_assert_int_eq(number("SELECT max(seq) FROM batch"), BATCHES + 1);
}
END_TEST

START_TEST(a_number_that_cannot_have_been_uses_up_none_to_come)
{
    change("UPDATE batch SET seq = 100000, encoded = zeroblob(10) WHERE seq = 7");
    struct salvage_report report = salvage_now();
    ck_assert_uint_eq(report.lost.count, 1);
    ck_assert_uint_eq(report.lost.gaps[0].first_sequence, 7);
    ck_assert_uint_eq(report.lost.gaps[0].last_sequence, 7);
    ck_assert_int_eq(number("SELECT next_seq FROM state"), BATCHES + 2);
}
END_TEST

START_TEST(rows_that_vanished_without_an_error_are_missed)
{
    change("DELETE FROM batch WHERE seq IN (1, 2, 50)");
    struct salvage_report report = salvage_now();
    ck_assert_uint_eq(report.lost.count, 2);
    ck_assert_uint_eq(report.lost.gaps[0].first_sequence, 1);
    ck_assert_uint_eq(report.lost.gaps[0].last_sequence, 2);
    ck_assert_uint_eq(report.lost.gaps[1].first_sequence, 50);
    ck_assert_int_ne(report.lost.gaps[1].from_us, 0);
}
END_TEST

START_TEST(the_batches_know_the_epoch_better_than_the_file)
{
    change("UPDATE identity SET epoch = zeroblob(16)");
    ck_assert_int_eq(salvage_now().batches, BATCHES);
    ck_assert_int_eq(number("SELECT count(*) FROM identity WHERE epoch = zeroblob(16)"), 0);
    ck_assert_int_eq(open_and_read().batches, BATCHES);
}
END_TEST

/* The bridge always starts, and what it reads is true, wherever a byte is wrong behind the header. */
START_TEST(whatever_byte_is_wrong_or_missing_it_starts)
{
    enum { PLACES = 60 };
    uint32_t random = 7;
    for (int i = 0; i < PLACES; i++) {
        random = random * 1664525U + 1013904223U;
        long at = HEADER_SIZE + (long)(random >> 4) % (pristine_size - HEADER_SIZE);
        uint8_t kept = pristine[at];
        pristine[at] ^= (uint8_t)(1U << (random & 7));
        write_spool(pristine, i % 4 == 3 ? at : pristine_size);
        pristine[at] = kept;
        struct seen seen = open_and_read();
        ck_assert_int_le(seen.batches, BATCHES);
        temporary_remove(folder);
        ck_assert_int_eq(mkdir(folder, 0700), 0);
    }
}
END_TEST

int main(void)
{
    return suite_run_with("salvage", setup, teardown,
                          (const TTest *[]){
                              a_good_spool_is_left_alone,
                              pages_in_the_middle_cost_only_what_was_on_them,
                              half_a_file_gives_what_it_has_and_a_gap,
                              what_is_left_of_a_shorter_file_is_saved,
                              a_file_with_nothing_left_but_its_header_starts_anew_with_a_gap,
                              the_epoch_and_the_numbers_go_on,
                              a_spool_in_use_is_not_salvaged,
                              a_damaged_batch_is_quarantined_and_is_all_that_is_lost,
                              a_batch_under_a_wrong_number_gets_its_own_back,
                              a_number_that_cannot_have_been_uses_up_none_to_come,
                              rows_that_vanished_without_an_error_are_missed,
                              the_batches_know_the_epoch_better_than_the_file,
                              whatever_byte_is_wrong_or_missing_it_starts,
                              NULL,
                          });
}
