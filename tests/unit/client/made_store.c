#include "made_store.h"

#include "base/array.h"
#include "base/clock.h"
#include "store/spool_schema.h"
#include "store/store_schema.h"
#include "support/stored_rows.h"
#include "tunnel/frame.h"

#include <check.h>
#include <stdio.h>

static struct err_text why;

static void must(enum err result)
{
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

static struct catalog *make_catalog(void)
{
    static const struct catalog_tag tags[] = {
        {.name = "pressure",
         .unit = "bar",
         .link = "plc",
         .unit_id = 1,
         .table = TABLE_HOLDING,
         .type = VALUE_UINT16,
         .words = 1,
         .scale = 0.1},
        {.name = "running",
         .unit = "",
         .link = "plc",
         .unit_id = 1,
         .table = TABLE_COIL,
         .type = VALUE_BOOL,
         .words = 1,
         .scale = 1},
    };
    struct catalog *catalog;
    must(catalog_new(tags, ARRAY_LENGTH(tags), &catalog, &why));
    return catalog;
}

static void fill(struct batch_builder *builder, int batch)
{
    for (int i = 0; i < MADE_READINGS; i++) {
        int64_t at_us = MADE_START_US + batch * CLOCK_US_PER_S + i * 100 * CLOCK_US_PER_MS;
        bool silent = batch % 4 == 3;
        for (uint32_t tag = 0; tag < 2; tag++) {
            struct reading reading = {
                .tag = tag,
                .quality = silent ? QUALITY_BAD_TIMEOUT : QUALITY_GOOD,
                .request_us = at_us,
                .response_us = at_us + CLOCK_US_PER_MS,
                .word_count = silent ? 0 : 1,
                .words = {(uint16_t)(tag == 0 ? batch * MADE_READINGS + i : i % 2)},
            };
            must(batch_builder_add(builder, &reading));
        }
    }
}

void made_store(const char *path)
{
    struct db *db;
    must(db_open(path, &store_schema, &db, &why));
    stored_rows_bridges(db, 1000000);
    struct catalog *catalog = make_catalog();
    struct batch_builder *builder = batch_builder_new(catalog);
    stored_rows_catalog(db, catalog);
    for (int batch = 0; batch < MADE_BATCHES; batch++) {
        for (int64_t stream = 1; stream <= 2; stream++) {
            const struct stored_row row = {
                .stream = stream, .sequence = (uint64_t)batch + 1, .historical = batch >= MADE_BATCHES - 2};
            fill(builder, batch);
            stored_rows_batch(db, builder, &row);
        }
    }
    batch_builder_free(builder);
    catalog_free(catalog);
    db_close(db);
}

static void run_on(const char *path, const struct db_schema *schema, const char *sql)
{
    struct db *db;
    must(db_open(path, schema, &db, &why));
    must(db_exec(db, sql, &why));
    db_close(db);
}

void made_store_run(const char *path, const char *sql)
{
    run_on(path, &store_schema, sql);
}

void made_spool_run(const char *path, const char *sql)
{
    run_on(path, &spool_schema, sql);
}

static void insert_ack(struct db *db, int seq)
{
    static const int results[] = {
        [1] = ACK_COMMITTED, [6] = ACK_DUPLICATE, [7] = ACK_REJECTED, [8] = ACK_COMMITTED};
    int64_t last_us = MADE_START_US + seq * CLOCK_US_PER_S;
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO ack_log (seq, kind, readings, bytes, first_us, last_us, spooled_us, sent_us, "
             "committed_us,"
             " acked_us, result, text) VALUES (%d, 1, 20, 100, %lld, %lld, %lld, %lld, %lld, %lld, %d, '%s')",
             seq, (long long)(last_us - CLOCK_US_PER_S), (long long)last_us, (long long)last_us + 1000,
             (long long)last_us + 2000, seq == 7 ? 0LL : (long long)last_us + 3000,
             (long long)last_us + 4000 * seq, results[seq], seq == 7 ? "no good" : "");
    must(db_exec(db, sql, &why));
}

void made_spool(const char *path)
{
    struct db *db;
    must(db_open(path, &spool_schema, &db, &why));
    must(db_exec(
        db,
        "INSERT INTO identity (id, bridge, epoch, made_us)"
        " VALUES (1, 'cell-3', x'01010101010101010101010101010101', 1769860800000000);"
        "INSERT INTO state (id, next_seq, batches, readings, bytes, quarantined, stopped_us,"
        " unsaved_since_us)"
        " VALUES (1, 11, 2, 40, 9, 100, 0, 0);"
        "INSERT INTO batch (seq, kind, priority, readings, first_us, last_us, spooled_us, encoded) VALUES"
        " (9, 1, 0, 20, 1769860808000000, 1769860809000000, 1769860809001000, x'0102030405'),"
        " (10, 2, 256, 20, 1769860809000000, 1769860810000000, 1769860810001000, x'01020304')",
        &why));
    for (int seq = 1; seq <= 8; seq++) {
        insert_ack(db, seq);
    }
    db_close(db);
}
