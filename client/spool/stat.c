#include "spool/spool_verb.h"

#include "base/array.h"
#include "store/db.h"
#include "store/spool_schema.h"

static const char stat_row[] =
    "SELECT bridge, lower(hex(epoch)), made_us, next_seq - 1, batches, readings, bytes,"
    " (SELECT coalesce(min(first_us), 0) FROM batch), (SELECT count(*) FROM ack_log),"
    " (SELECT coalesce(max(acked_us), 0) FROM ack_log), (SELECT count(*) FROM quarantine), stopped_us"
    " FROM identity, state";

static const struct output_column stat_columns[] = {
    {.name = "bridge", .width = 12},
    {.name = "epoch", .width = 32, .audience = OUTPUT_MACHINES},
    {.name = "created", .width = 23, .audience = OUTPUT_MACHINES},
    {.name = "made", .width = 8, .right = true},
    {.name = "waiting", .width = 8, .right = true},
    {.name = "readings", .width = 9, .right = true},
    {.name = "bytes", .width = 10, .right = true},
    {.name = "oldest", .width = 23},
    {.name = "answered", .width = 8, .right = true, .audience = OUTPUT_MACHINES},
    {.name = "last_ack", .width = 23},
    {.name = "quarantined", .width = 11, .right = true},
    {.name = "polling", .width = 8},
};

static const char *text_of(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

static void show_stat(struct output *output, sqlite3_stmt *row)
{
    output_text(output, text_of(row, 0));
    output_text(output, text_of(row, 1));
    output_time(output, sqlite3_column_int64(row, 2));
    output_i64(output, sqlite3_column_int64(row, 3));
    output_i64(output, sqlite3_column_int64(row, 4));
    output_i64(output, sqlite3_column_int64(row, 5));
    output_i64(output, sqlite3_column_int64(row, 6));
    output_time(output, sqlite3_column_int64(row, 7));
    output_i64(output, sqlite3_column_int64(row, 8));
    output_time(output, sqlite3_column_int64(row, 9));
    output_i64(output, sqlite3_column_int64(row, 10));
    bool polling = sqlite3_column_int64(row, 11) == 0;
    output_toned(output, polling ? "yes" : "stopped", polling ? OUTPUT_GOOD : OUTPUT_ALARM);
    output_end_row(output);
}

static enum err read_row(struct db *db, sqlite3_stmt **statement, bool *row, struct err_text *why)
{
    enum err result = db_prepare(db, stat_row, statement, why);
    return result == ERR_OK ? db_step(db, *statement, row, why) : result;
}

enum err spool_stat(const struct spool_request *request, bool *sound, struct err_text *why)
{
    struct db *db = NULL;
    sqlite3_stmt *statement = NULL;
    bool row = false;
    (void)sound;
    enum err result = db_open_read_only(request->path, &spool_schema, &db, why);
    if (result == ERR_OK) {
        result = read_row(db, &statement, &row, why);
    }
    struct output output = output_start(stdout, request->format, stat_columns, ARRAY_LENGTH(stat_columns));
    if (row) {
        show_stat(&output, statement);
    }
    db_close(db);
    return spool_finish(&output, result, why);
}
