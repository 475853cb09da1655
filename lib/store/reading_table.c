#include "store/reading_table.h"

#include "base/clock.h"
#include "base/hex.h"
#include "store/reading_query.h"
#include "store/reading_rows.h"
#include "tunnel/value.h"

#include <stdlib.h>
#include <string.h>

static const char declaration[] =
    "CREATE TABLE reading (bridge TEXT, epoch TEXT, seq INTEGER, tag TEXT, unit TEXT, time_us INTEGER, time "
    "TEXT, "
    "request_us INTEGER, response_us INTEGER, quality TEXT, value REAL, text TEXT, historical INTEGER)";

/* Columns of the statement that finds batches. */
enum { BATCH_BRIDGE, BATCH_EPOCH, BATCH_SEQ, BATCH_HISTORICAL, BATCH_CATALOG, BATCH_ENCODED };

struct reading_table {
    sqlite3_vtab base;
    sqlite3 *handle;
};

struct cursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *batches; /* at the batch that `rows` is of */
    bool at_end;
    char *tag; /* asked for, or NULL */
    struct reading_filter filter;
    struct catalog *catalog; /* of the batch at hand, and kept for the next ones */
    int64_t catalog_id;
    struct reading_rows *rows;
    size_t at; /* index into the rows */
    int64_t row_id;
};

static struct cursor *own(sqlite3_vtab_cursor *base)
{
    return (struct cursor *)base;
}

static sqlite3 *handle_of(const struct cursor *cursor)
{
    return ((struct reading_table *)cursor->base.pVtab)->handle;
}

/* ---- connecting ---- */

static int table_connect(sqlite3 *handle, void *owner, int argc, const char *const *argv, sqlite3_vtab **out,
                         char **message)
{
    (void)owner;
    (void)argc;
    (void)argv;
    (void)message;
    int code = sqlite3_declare_vtab(handle, declaration);
    if (code != SQLITE_OK) {
        return code;
    }
    struct reading_table *table = calloc(1, sizeof *table);
    if (!table) {
        return SQLITE_NOMEM;
    }
    table->handle = handle;
    *out = &table->base;
    return sqlite3_vtab_config(handle, SQLITE_VTAB_INNOCUOUS);
}

static int table_disconnect(sqlite3_vtab *base)
{
    free(base);
    return SQLITE_OK;
}

static int table_plan(sqlite3_vtab *base, sqlite3_index_info *info)
{
    (void)base;
    return reading_query_plan(info);
}

static int table_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    (void)base;
    struct cursor *cursor = calloc(1, sizeof *cursor);
    if (!cursor) {
        return SQLITE_NOMEM;
    }
    cursor->rows = reading_rows_new();
    if (!cursor->rows) {
        free(cursor);
        return SQLITE_NOMEM;
    }
    *out = &cursor->base;
    return SQLITE_OK;
}

static int table_close(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = own(base);
    sqlite3_finalize(cursor->batches);
    catalog_free(cursor->catalog);
    reading_rows_free(cursor->rows);
    free(cursor->tag);
    free(cursor);
    return SQLITE_OK;
}

/* ---- one batch ---- */

enum { EPOCH_TEXT_MAX = HEX_TEXT_SIZE(BATCH_EPOCH_SIZE) };

/* Writes the epoch of the batch at hand as text[EPOCH_TEXT_MAX]. */
static const char *epoch_text(sqlite3_stmt *batches, char *text)
{
    const void *epoch = sqlite3_column_blob(batches, BATCH_EPOCH);
    bool whole = sqlite3_column_bytes(batches, BATCH_EPOCH) == BATCH_EPOCH_SIZE;
    return hex_text(epoch, whole ? BATCH_EPOCH_SIZE : 0, text);
}

/* The query ends here: says which batch, and why. */
static int damaged(struct cursor *cursor, const struct err_text *why)
{
    char epoch[EPOCH_TEXT_MAX];
    sqlite3_free(cursor->base.pVtab->zErrMsg);
    cursor->base.pVtab->zErrMsg = sqlite3_mprintf(
        "batch %lld of bridge %s, epoch %s, cannot be read: %s; AND seq <> %lld goes on without it",
        sqlite3_column_int64(cursor->batches, BATCH_SEQ), sqlite3_column_text(cursor->batches, BATCH_BRIDGE),
        epoch_text(cursor->batches, epoch), why->text, sqlite3_column_int64(cursor->batches, BATCH_SEQ));
    return SQLITE_CORRUPT_VTAB;
}

static struct bytes column_bytes(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);
    return (struct bytes){.data = data, .size = (size_t)sqlite3_column_bytes(statement, column)};
}

static int read_catalog(struct cursor *cursor, int64_t id, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(handle_of(cursor), "SELECT encoded FROM catalog WHERE id = ?1", -1,
                                  &statement, NULL);
    if (code != SQLITE_OK) {
        return code;
    }
    sqlite3_bind_int64(statement, 1, id);
    code = sqlite3_step(statement);
    enum err result = ERR_OK;
    if (code == SQLITE_ROW) {
        result = catalog_decode(column_bytes(statement, 0), &cursor->catalog, why);
    } else {
        result = err_set(why, ERR_CORRUPT, "its catalog is not there");
    }
    sqlite3_finalize(statement);
    return result == ERR_OK ? SQLITE_OK : damaged(cursor, why);
}

/* The catalog of the batch at hand; batches of a stream mostly share one. */
static int change_catalog(struct cursor *cursor, struct err_text *why)
{
    int64_t id = sqlite3_column_int64(cursor->batches, BATCH_CATALOG);
    if (cursor->catalog && id == cursor->catalog_id) {
        return SQLITE_OK;
    }
    catalog_free(cursor->catalog);
    cursor->catalog = NULL;
    cursor->catalog_id = id;
    int code = read_catalog(cursor, id, why);
    if (code == SQLITE_OK && cursor->tag) {
        cursor->filter.tag = catalog_find(cursor->catalog, cursor->tag);
    }
    return code;
}

static int load_batch(struct cursor *cursor)
{
    struct err_text why = {""};
    struct batch_view view;
    int code = change_catalog(cursor, &why);
    if (code != SQLITE_OK || (cursor->tag && cursor->filter.tag == SIZE_MAX)) {
        return code;
    }
    enum err result = batch_open(column_bytes(cursor->batches, BATCH_ENCODED), &view, &why);
    if (result == ERR_OK) {
        result = reading_rows_load(cursor->rows, &view, cursor->catalog, &cursor->filter, &why);
    }
    if (result == ERR_NO_MEMORY) {
        return SQLITE_NOMEM;
    }
    return result == ERR_OK ? SQLITE_OK : damaged(cursor, &why);
}

/* Goes on to the next batch that has a row. */
static int next_batch(struct cursor *cursor)
{
    int code;
    cursor->at = 0;
    reading_rows_clear(cursor->rows);
    while ((code = sqlite3_step(cursor->batches)) == SQLITE_ROW) {
        code = load_batch(cursor);
        if (code != SQLITE_OK || reading_rows_count(cursor->rows) > 0) {
            return code;
        }
    }
    cursor->at_end = true;
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* ---- the cursor ---- */

static int table_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int count,
                        sqlite3_value **values)
{
    (void)number;
    struct cursor *cursor = own(base);
    struct reading_query query = reading_query_read(plan, count, values);
    sqlite3_finalize(cursor->batches);
    cursor->batches = NULL;
    free(cursor->tag);
    cursor->tag = query.tag ? strdup(query.tag) : NULL;
    if (query.tag && !cursor->tag) {
        return SQLITE_NOMEM;
    }
    catalog_free(cursor->catalog);
    cursor->catalog = NULL;
    cursor->filter =
        (struct reading_filter){.one_tag = query.tag != NULL, .from_us = query.from_us, .to_us = query.to_us};
    cursor->at_end = false;
    int code = reading_query_prepare(handle_of(cursor), &query, &cursor->batches);
    return code == SQLITE_OK ? next_batch(cursor) : code;
}

static int table_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = own(base);
    cursor->row_id++;
    cursor->at++;
    return cursor->at < reading_rows_count(cursor->rows) ? SQLITE_OK : next_batch(cursor);
}

static int table_eof(sqlite3_vtab_cursor *base)
{
    return own(base)->at_end;
}

static int table_row_id(sqlite3_vtab_cursor *base, sqlite3_int64 *id)
{
    *id = own(base)->row_id;
    return SQLITE_OK;
}

/* ---- columns ---- */

/* What a column is made of. */
struct cell {
    const struct cursor *cursor;
    struct reading_row row;
    const struct catalog_tag *tag;
};

static void result_literal(sqlite3_context *context, const char *text)
{
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void column_of_batch(sqlite3_context *context, const struct cell *cell, int column)
{
    sqlite3_result_value(context, sqlite3_column_value(cell->cursor->batches, column));
}

static void column_bridge(sqlite3_context *context, const struct cell *cell)
{
    column_of_batch(context, cell, BATCH_BRIDGE);
}

static void column_epoch(sqlite3_context *context, const struct cell *cell)
{
    char text[EPOCH_TEXT_MAX];
    result_literal(context, epoch_text(cell->cursor->batches, text));
}

static void column_seq(sqlite3_context *context, const struct cell *cell)
{
    column_of_batch(context, cell, BATCH_SEQ);
}

static void column_historical(sqlite3_context *context, const struct cell *cell)
{
    column_of_batch(context, cell, BATCH_HISTORICAL);
}

static void column_tag(sqlite3_context *context, const struct cell *cell)
{
    result_literal(context, cell->tag->name);
}

static void column_unit(sqlite3_context *context, const struct cell *cell)
{
    result_literal(context, cell->tag->unit);
}

static void column_response(sqlite3_context *context, const struct cell *cell)
{
    sqlite3_result_int64(context, cell->row.response_us);
}

static void column_request(sqlite3_context *context, const struct cell *cell)
{
    sqlite3_result_int64(context, cell->row.request_us);
}

static void column_time(sqlite3_context *context, const struct cell *cell)
{
    char text[CLOCK_TEXT_MAX];
    result_literal(context, clock_format(cell->row.response_us, text));
}

static void column_quality(sqlite3_context *context, const struct cell *cell)
{
    result_literal(context, quality_token(cell->row.quality));
}

static bool decode(const struct cell *cell, struct value *value)
{
    return cell->row.word_count > 0 &&
           value_decode(cell->tag, cell->row.words, cell->row.word_count, value) == ERR_OK;
}

static void column_value(sqlite3_context *context, const struct cell *cell)
{
    struct value value;
    if (!decode(cell, &value) || value.form == VALUE_FORM_TEXT) {
        sqlite3_result_null(context);
    } else if (value.form == VALUE_FORM_BOOL) {
        sqlite3_result_int(context, value.as.flag);
    } else if (value.form == VALUE_FORM_INT) {
        sqlite3_result_int64(context, value.as.i64);
    } else if (value.form == VALUE_FORM_UINT && value.as.u64 <= INT64_MAX) {
        sqlite3_result_int64(context, (int64_t)value.as.u64);
    } else {
        sqlite3_result_double(context, value_number(&value));
    }
}

static void column_text(sqlite3_context *context, const struct cell *cell)
{
    struct value value;
    char text[VALUE_TEXT_MAX];
    if (decode(cell, &value)) {
        result_literal(context, value_text(&value, text));
    } else {
        sqlite3_result_null(context);
    }
}

static int table_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    static void (*const columns[READING_COLUMNS])(sqlite3_context *, const struct cell *) = {
        [READING_BRIDGE] = column_bridge,
        [READING_EPOCH] = column_epoch,
        [READING_SEQ] = column_seq,
        [READING_TAG] = column_tag,
        [READING_UNIT] = column_unit,
        [READING_TIME_US] = column_response,
        [READING_TIME] = column_time,
        [READING_REQUEST_US] = column_request,
        [READING_RESPONSE_US] = column_response,
        [READING_QUALITY] = column_quality,
        [READING_VALUE] = column_value,
        [READING_TEXT] = column_text,
        [READING_HISTORICAL] = column_historical,
    };
    const struct cursor *cursor = own(base);
    struct cell cell = {.cursor = cursor, .row = reading_rows_get(cursor->rows, cursor->at)};
    cell.tag = catalog_tag(cursor->catalog, cell.row.tag);
    columns[column](context, &cell);
    return SQLITE_OK;
}

int reading_table_register(sqlite3 *handle)
{
    /* No xCreate: the table is there without CREATE VIRTUAL TABLE, and nothing of it is in the file. */
    static const sqlite3_module module = {
        .xConnect = table_connect,
        .xBestIndex = table_plan,
        .xDisconnect = table_disconnect,
        .xOpen = table_open,
        .xClose = table_close,
        .xFilter = table_filter,
        .xNext = table_next,
        .xEof = table_eof,
        .xColumn = table_column,
        .xRowid = table_row_id,
    };
    return sqlite3_create_module_v2(handle, "reading", &module, NULL, NULL);
}
