#include "spool/spool_verb.h"

#include "base/array.h"
#include "store/db.h"
#include "store/spool_schema.h"
#include "tunnel/batch.h"

enum { CHUNK = 256 }; /* rows read in one transaction */

static const char list_rows[] =
    "SELECT seq, kind, readings, length(encoded), first_us, last_us, spooled_us, priority FROM batch"
    " WHERE seq > ?1 ORDER BY seq LIMIT ?2";
static const char list_skip[] = "SELECT seq FROM batch ORDER BY seq DESC LIMIT 1 OFFSET ?1";

static const struct output_column list_columns[] = {
    {.name = "seq", .width = 8, .right = true},
    {.name = "kind", .width = 8},
    {.name = "readings", .width = 8, .right = true},
    {.name = "bytes", .width = 8, .right = true},
    {.name = "read", .width = 23},
    {.name = "read_until", .width = 23},
    {.name = "spooled", .width = 23},
    {.name = "priority", .width = 8, .right = true},
};

static void show_batch(struct output *output, sqlite3_stmt *row)
{
    output_i64(output, sqlite3_column_int64(row, 0));
    output_text(output, sqlite3_column_int(row, 1) == BATCH_GAPS ? "gaps" : "readings");
    output_i64(output, sqlite3_column_int64(row, 2));
    output_i64(output, sqlite3_column_int64(row, 3));
    output_time(output, sqlite3_column_int64(row, 4));
    output_time(output, sqlite3_column_int64(row, 5));
    output_time(output, sqlite3_column_int64(row, 6));
    output_i64(output, sqlite3_column_int64(row, 7));
    output_end_row(output);
}

/* Shows up to CHUNK rows behind `*seq`, which moves on; `*more` says whether there may be others. */
static enum err show_chunk(struct db *db, sqlite3_stmt *statement, struct output *output, int64_t *seq,
                           bool *more, struct err_text *why)
{
    int count = 0;
    bool row = true;
    enum err result = ERR_OK;
    sqlite3_bind_int64(statement, 1, *seq);
    sqlite3_bind_int64(statement, 2, CHUNK);
    while (result == ERR_OK && row) {
        result = db_step(db, statement, &row, why);
        if (result == ERR_OK && row) {
            show_batch(output, statement);
            *seq = sqlite3_column_int64(statement, 0);
            count++;
        }
    }
    *more = count == CHUNK;
    return result;
}

static enum err find_start(struct db *db, uint64_t last, int64_t *seq, struct err_text *why)
{
    sqlite3_stmt *statement;
    bool row = false;
    *seq = 0;
    enum err result = last > 0 ? db_prepare(db, list_skip, &statement, why) : ERR_OK;
    if (result != ERR_OK || last == 0) {
        return result;
    }
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)last);
    result = db_step(db, statement, &row, why);
    *seq = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return result;
}

static enum err list(struct db *db, const struct spool_request *request, struct output *output,
                     struct err_text *why)
{
    sqlite3_stmt *statement;
    int64_t seq;
    bool more = true;
    enum err result = find_start(db, request->last, &seq, why);
    if (result == ERR_OK) {
        result = db_prepare(db, list_rows, &statement, why);
    }
    while (result == ERR_OK && more && !ferror(stdout)) {
        result = show_chunk(db, statement, output, &seq, &more, why);
    }
    return result;
}

enum err spool_list(const struct spool_request *request, bool *sound, struct err_text *why)
{
    struct db *db = NULL;
    (void)sound;
    enum err result = db_open_read_only(request->path, &spool_schema, &db, why);
    struct output output = output_start(stdout, request->format, list_columns, ARRAY_LENGTH(list_columns));
    if (result == ERR_OK) {
        result = list(db, request, &output, why);
    }
    db_close(db);
    return spool_finish(&output, result, why);
}
