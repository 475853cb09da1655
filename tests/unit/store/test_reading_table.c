#include "base/array.h"
#include "base/clock.h"
#include "store/reading_table.h"
#include "store/store_schema.h"
#include "support/stored_rows.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two bridges, each with ten batches of two seconds' readings, one a second and tag; 2026-01-31T12:00:00Z. */
enum { BATCHES = 10, SECONDS = 2, TAGS = 3 };
#define START_US (INT64_C(1769860800) * CLOCK_US_PER_S)

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static struct err_text why;
static struct db *db;
static struct catalog *catalog;

static void run(const char *sql)
{
    ck_assert_msg(db_exec(db, sql, &why) == ERR_OK, "%s", why.text);
}

static void make_catalog(void)
{
    const struct catalog_tag tags[TAGS] = {
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
        {.name = "label",
         .unit = "",
         .link = "plc",
         .unit_id = 1,
         .table = TABLE_HOLDING,
         .address = 10,
         .type = VALUE_STRING,
         .words = 2,
         .scale = 1},
    };
    ck_assert_msg(catalog_new(tags, TAGS, &catalog, &why) == ERR_OK, "%s", why.text);
    stored_rows_catalog(db, catalog);
}

/* Pressure counts tenths of bar up, by the second; every fifth second the PLC is silent. */
static struct reading reading_at(uint32_t tag, int64_t second)
{
    struct reading reading = {
        .tag = tag,
        .request_us = START_US + second * CLOCK_US_PER_S,
        .response_us = START_US + second * CLOCK_US_PER_S + CLOCK_US_PER_MS,
        .word_count = tag == 2 ? 2 : 1,
        .words = {(uint16_t)second},
    };
    if (tag == 1) {
        reading.words[0] = second % 2 == 0;
    } else if (tag == 2) {
        reading.words[0] = 'o' << 8 | 'k';
        reading.words[1] = 0;
    }
    if (second % 5 == 4) {
        reading.quality = QUALITY_BAD_TIMEOUT;
        reading.word_count = 0;
    }
    return reading;
}

static void put_batch(struct batch_builder *builder, int64_t stream, uint64_t sequence)
{
    int64_t first = (int64_t)(sequence - 1) * SECONDS;
    for (uint32_t tag = 0; tag < TAGS; tag++) {
        for (int64_t second = first; second < first + SECONDS; second++) {
            struct reading reading = reading_at(tag, second);
            ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
        }
    }
    const struct stored_row row = {.stream = stream, .sequence = sequence, .historical = sequence > 8};
    stored_rows_batch(db, builder, &row);
}

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "store.db", path);
    ck_assert_msg(db_open(path, &store_schema, &db, &why) == ERR_OK, "%s", why.text);
    stored_rows_bridges(db, SECONDS * CLOCK_US_PER_S);
    make_catalog();
    struct batch_builder *builder = batch_builder_new(catalog);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        put_batch(builder, 1, sequence);
        put_batch(builder, 2, sequence);
    }
    batch_builder_free(builder);
    ck_assert_int_eq(reading_table_register(db_handle(db)), SQLITE_OK);
}

static void teardown(void)
{
    catalog_free(catalog);
    db_close(db);
    temporary_remove(folder);
}

/* The first column of the first row, as text. */
static const char *answer(sqlite3 *handle, const char *sql)
{
    static char text[256];
    sqlite3_stmt *statement = NULL;
    ck_assert_msg(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
                  sqlite3_errmsg(handle));
    int code = sqlite3_step(statement);
    const unsigned char *column = code == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
    snprintf(text, sizeof text, "%s",
             code != SQLITE_ROW ? sqlite3_errmsg(handle)
             : column           ? (const char *)column
                                : "NULL");
    sqlite3_finalize(statement);
    return text;
}

START_TEST(queries_see_every_reading_once)
{
    static const struct {
        const char *sql;
        const char *expected;
    } rows[] = {
        {"SELECT count(*) FROM reading", "120"},
        {"SELECT count(DISTINCT bridge || epoch || tag || time) FROM reading", "120"},
        {"SELECT count(*) FROM reading WHERE bridge = 'cell-3'", "60"},
        {"SELECT count(*) FROM reading WHERE bridge = 'cell-5'", "0"},
        {"SELECT count(*) FROM reading WHERE bridge = 'CELL-3' COLLATE NOCASE", "60"},
        {"SELECT count(*) FROM reading WHERE epoch = '02020202020202020202020202020202'", "60"},
        {"SELECT count(*) FROM reading WHERE tag = 'pressure'", "40"},
        {"SELECT count(*) FROM reading WHERE tag IN ('pressure', 'label')", "80"},
        {"SELECT count(*) FROM reading WHERE tag LIKE 'p%'", "40"},
        {"SELECT count(*) FROM reading WHERE tag = 'nothing'", "0"},
        {"SELECT count(*) FROM reading WHERE tag = NULL", "0"},
        {"SELECT count(*) FROM reading WHERE tag IS NULL", "0"},
        {"SELECT count(*) FROM reading WHERE seq = 3", "12"},
        {"SELECT count(*) FROM reading WHERE seq <> 3", "108"},
        {"SELECT count(*) FROM reading WHERE seq <> 3.5", "120"},
        {"SELECT count(*) FROM reading WHERE seq > 3 AND seq <= 5", "24"},
        {"SELECT count(*) FROM reading WHERE seq > 8.5", "24"},
        {"SELECT count(*) FROM reading WHERE seq < 'text'", "120"},
        {"SELECT count(*) FROM reading WHERE historical", "24"},
        {"SELECT count(*) FROM reading WHERE quality <> 'good'", "24"},
        {"SELECT count(*) FROM reading WHERE bridge = 'cell-3' AND tag = 'pressure' AND "
         "time_us >= 1769860803000000 AND time_us < 1769860806000000",
         "3"},
        {"SELECT count(*) FROM reading WHERE time_us = 1769860803001000", "6"},
        {"SELECT count(*) FROM reading WHERE time >= '2026-01-31T12:00:10'", "60"},
        {"SELECT count(*) FROM reading WHERE time < '2026-01-31T12:00:10'", "60"},
        {"SELECT count(*) FROM reading WHERE time >= '2026'", "120"},
        {"SELECT count(*) FROM reading WHERE time < '2026-01-31'", "0"},
        {"SELECT count(*) FROM reading WHERE time <= '2026-01-31T12:00:00.001Z'", "6"},
        {"SELECT count(*) FROM reading WHERE time = '2026-01-31T12:00:00.001000Z'", "6"},
        {"SELECT count(*) FROM reading WHERE time > 'tomorrow'", "0"},
        {"SELECT count(*) FROM bridge JOIN reading ON reading.bridge = bridge.name WHERE bridge.id = 2",
         "60"},
        {"SELECT count(*) FROM reading AS a JOIN reading AS b USING (bridge, tag, time_us)", "120"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(strcmp(answer(db_handle(db), rows[i].sql), rows[i].expected) == 0, "%s: %s",
                      rows[i].sql, answer(db_handle(db), rows[i].sql));
    }
}
END_TEST

START_TEST(values_are_scaled_and_bad_ones_are_null)
{
    static const struct {
        const char *name;
        const char *tag;
        int second;
        const char *expected;
    } rows[] = {
        {"scaled", "pressure", 3, "0.3|0.3|bar|good|real"},
        {"bool", "running", 3, "0|false||good|integer"},
        {"text", "label", 3, "NULL|ok||good|null"},
        {"bad", "pressure", 4, "NULL|NULL|bar|bad_timeout|null"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char sql[512];
        snprintf(
            sql, sizeof sql,
            "SELECT ifnull(value, 'NULL') || '|' || ifnull(text, 'NULL') || '|' || unit || '|' || quality || "
            "'|' || typeof(value) FROM reading WHERE bridge = 'cell-3' AND tag = '%s' AND request_us = %lld",
            rows[i].tag, (long long)(START_US + rows[i].second * CLOCK_US_PER_S));
        ck_assert_msg(strcmp(answer(db_handle(db), sql), rows[i].expected) == 0, "%s: %s", rows[i].name,
                      answer(db_handle(db), sql));
    }
}
END_TEST

START_TEST(a_damaged_batch_is_named_and_can_be_left_out)
{
    run("UPDATE batch SET encoded = CAST(substr(encoded, 1, length(encoded) - 1) || x'00' AS BLOB) WHERE "
        "stream = 2 AND "
        "seq = 4");
    const char *text = answer(db_handle(db), "SELECT count(*) FROM reading");
    ck_assert_msg(strstr(text, "batch 4 of bridge cell-4") && strstr(text, "seq <> 4"), "%s", text);
    ck_assert_str_eq(answer(db_handle(db), "SELECT count(*) FROM reading WHERE bridge = 'cell-3'"), "60");
    ck_assert_str_eq(answer(db_handle(db), "SELECT count(*) FROM reading WHERE seq <> 4"), "108");
    ck_assert_str_eq(answer(db_handle(db), "SELECT count(*) FROM reading WHERE bridge = 'cell-4' AND "
                                           "time_us >= 1769860810000000"),
                     "30");
}
END_TEST

START_TEST(a_missing_catalog_is_said)
{
    run("PRAGMA foreign_keys = OFF; DELETE FROM catalog");
    ck_assert_ptr_nonnull(
        strstr(answer(db_handle(db), "SELECT count(*) FROM reading"), "catalog is not there"));
}
END_TEST

START_TEST(the_extension_gives_any_program_the_table)
{
    char extension[TEMPORARY_PATH_MAX];
    sqlite3 *handle = NULL;
    char *message = NULL;
    const char *bin = getenv("BOURDON_BIN");
    snprintf(extension, sizeof extension, "%s/libbourdon_reading.so", bin ? bin : ".");
    ck_assert_int_eq(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    ck_assert_msg(sqlite3_load_extension(handle, extension, NULL, &message) == SQLITE_OK, "%s", message);
    ck_assert_str_eq(answer(handle, "SELECT count(*) FROM reading WHERE tag = 'pressure'"), "40");
    sqlite3_close(handle);
}
END_TEST

int main(void)
{
    return suite_run_with("reading_table", setup, teardown,
                          (const TTest *[]){
                              queries_see_every_reading_once,
                              values_are_scaled_and_bad_ones_are_null,
                              a_damaged_batch_is_named_and_can_be_left_out,
                              a_missing_catalog_is_said,
                              the_extension_gives_any_program_the_table,
                              NULL,
                          });
}
