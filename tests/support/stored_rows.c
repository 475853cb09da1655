#include "support/stored_rows.h"

#include "base/array.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

enum { RECEIVED_AFTER_US = 10000, COMMITTED_AFTER_US = 12000 };

static struct err_text why;

static void must(enum err result)
{
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

void stored_rows_bridges(struct db *db, int64_t span_us)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "INSERT INTO bridge VALUES (1, 'cell-3'), (2, 'cell-4');"
             "INSERT INTO stream (id, bridge, epoch, contiguous, span_us) VALUES"
             " (1, 1, x'01010101010101010101010101010101', 10, %lld),"
             " (2, 2, x'02020202020202020202020202020202', 10, %lld)",
             (long long)span_us, (long long)span_us);
    must(db_exec(db, sql, &why));
}

void stored_rows_catalog(struct db *db, const struct catalog *catalog)
{
    sqlite3_stmt *statement = NULL;
    struct bytes encoded = catalog_encoded(catalog);
    must(db_prepare(db, "INSERT INTO catalog VALUES (1, ?, 0, ?)", &statement, &why));
    sqlite3_bind_blob(statement, 1, catalog_hash(catalog), CATALOG_HASH_SIZE, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, encoded.data, (int)encoded.size, SQLITE_STATIC);
    must(db_run(db, statement, &why));
}

static void insert(struct db *db, const struct batch_view *view, const struct stored_row *row)
{
    sqlite3_stmt *statement = NULL;
    must(db_prepare(db,
                    "INSERT INTO batch (stream, seq, kind, catalog, readings, first_us, last_us, received_us,"
                    " committed_us, historical, encoded) VALUES (?, ?, 1, 1, ?, ?, ?, ?, ?, ?, ?)",
                    &statement, &why));
    const int64_t numbers[] = {
        row->stream,
        (int64_t)row->sequence,
        view->count,
        view->first_us,
        view->last_us,
        view->last_us + RECEIVED_AFTER_US,
        view->last_us + COMMITTED_AFTER_US,
        row->historical,
    };
    int count = (int)ARRAY_LENGTH(numbers);
    for (int i = 0; i < count; i++) {
        sqlite3_bind_int64(statement, i + 1, numbers[i]);
    }
    sqlite3_bind_blob(statement, count + 1, view->encoded.data, (int)view->encoded.size, SQLITE_STATIC);
    must(db_run(db, statement, &why));
}

void stored_rows_batch(struct db *db, struct batch_builder *builder, const struct stored_row *row)
{
    struct batch_identity identity = {.sequence = row->sequence};
    struct buffer encoded;
    struct batch_view view;
    memset(identity.epoch, (int)row->stream, sizeof identity.epoch);
    buffer_init(&encoded, BATCH_SIZE_MAX);
    must(batch_builder_finish(builder, &identity, &encoded));
    must(batch_open(buffer_bytes(&encoded), &view, &why));
    insert(db, &view, row);
    buffer_fini(&encoded);
}
