#include "spooler_fixture.h"

#include "base/log.h"
#include "sample.h"
#include "store/spool_schema.h"
#include "support/failing_vfs.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

char folder[TEMPORARY_PATH_MAX];
char path[TEMPORARY_PATH_MAX];
struct err_text why;
struct catalog *catalog;
struct spooler *spooler;
struct inbox *inbox;
struct inbox_content content;
struct spool_batches sent;
struct spooler_time now;
struct spool_configuration configuration;

static void silence(void *owner, const char *line, size_t size)
{
    (void)owner;
    (void)line;
    (void)size;
}

void open_spool(void)
{
    struct spool *spool = NULL;
    const struct spool_options options = {.path = path, .bridge = "cell-3", .ack_log_rows = 100};
    enum err result = spool_open(&options, now.wall_us, &spool, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    result = spooler_new(spool, &configuration, &spooler, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

void setup(void)
{
    log_set_sink(silence, NULL);
    temporary_folder(folder);
    temporary_path(folder, "spool.db", path);
    failing_vfs_install();
    catalog = sample_catalog(1);
    inbox = inbox_new();
    now = (struct spooler_time){.mono_us = 1000000, .wall_us = SAMPLE_TIME_US, .trusted = true};
    configuration = (struct spool_configuration){
        .catalog = catalog,
        .batch = {.max_readings = PER_BATCH, .max_age_us = 0},
        .bounds = {.max_bytes = 1000000},
    };
    open_spool();
}

void teardown(void)
{
    spool_batches_clear(&sent);
    spooler_free(spooler);
    inbox_content_fini(&content);
    inbox_free(inbox);
    catalog_free(catalog);
    temporary_remove(folder);
}

void reopen(void)
{
    spool_batches_clear(&sent);
    spooler_free(spooler);
    open_spool();
}

void put(uint32_t tag, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct reading reading = sample_reading(tag, first + i);
        ck_assert(inbox_put_readings(inbox, &reading, 1));
    }
}

enum err collect_and_commit(void)
{
    inbox_take(inbox, 0, true, &content);
    enum err result = spooler_collect(spooler, &content, &now, true, &why);
    return result == ERR_OK ? spooler_commit(spooler, &now, true, &sent, &why) : result;
}

void must_commit(void)
{
    enum err result = collect_and_commit();
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

void ack(uint64_t seq, int result)
{
    const struct spool_ack answer = {
        .seq = seq, .result = result, .sent_us = 1, .committed_us = 2, .acked_us = 3};
    ck_assert_int_eq(spooler_ack(spooler, &answer, strdup("because"), &now), ERR_OK);
}

int64_t number(const char *sql)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    struct db *db = spool_db(spooler_spool(spooler));
    ck_assert_int_eq(db_prepare(db, sql, &statement, &why), ERR_OK);
    ck_assert_int_eq(db_step(db, statement, &row, &why), ERR_OK);
    ck_assert(row);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

void execute(const char *sql)
{
    ck_assert_int_eq(db_exec(spool_db(spooler_spool(spooler)), sql, &why), ERR_OK);
}

void read_backlog(uint64_t first, uint64_t last, struct backlog_chunk *chunk)
{
    memset(chunk, 0, sizeof *chunk);
    enum err result = spooler_read(spooler, first, last, &now, chunk, &sent, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

size_t last_gaps(struct gap gaps[GAP_LIST_MAX])
{
    struct batch_view view;
    size_t count = 0;
    ck_assert_ptr_nonnull(sent.last);
    ck_assert_int_eq(sent.last->kind, BATCH_GAPS);
    ck_assert_int_eq(batch_open(spool_batch_bytes(sent.last), &view, &why), ERR_OK);
    ck_assert_int_eq(batch_decode_gaps(&view, gaps, GAP_LIST_MAX, &count, &why), ERR_OK);
    return count;
}

struct gap last_gap(void)
{
    struct gap gaps[GAP_LIST_MAX];
    ck_assert_uint_eq(last_gaps(gaps), 1);
    return gaps[0];
}

void fill(uint32_t tag, uint32_t batches)
{
    for (uint32_t i = 0; i < batches; i++) {
        put(tag, i * PER_BATCH, PER_BATCH);
        must_commit();
    }
}

void set_bounds(enum room_policy policy, int64_t max_bytes)
{
    configuration.bounds = (struct room_bounds){.max_bytes = max_bytes, .policy = policy};
    ck_assert_int_eq(spooler_configure(spooler, &configuration, &why), ERR_OK);
}
