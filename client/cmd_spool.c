#include "verbs.h"

#include "argument_value.h"
#include "base/arguments.h"
#include "base/array.h"
#include "output.h"
#include "store/db.h"
#include "store/spool_schema.h"
#include "tunnel/batch.h"

#include <string.h>
#include <unistd.h>

enum { CHUNK = 256 }; /* rows read in one transaction */

static const char epilogue[] = "Examples:\n"
                               "  bourdon spool stat /var/lib/bourdon/bridge/spool.db\n"
                               "  bourdon spool list /var/lib/bourdon/bridge/spool.db --last 20\n"
                               "  bourdon spool stat spool.db --format json\n"
                               "\n"
                               "Exit status: 0 shown, 1 the spool could not be read, 2 wrong arguments.";

struct spool_arguments {
    const char *last, *format;
};

/* The arguments, understood. */
struct spool_query {
    struct db *db;
    enum output_format format;
    uint64_t last; /* 0 = all */
};

/* ---- stat ---- */

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

static enum err run_stat(const struct spool_query *query, struct err_text *why)
{
    sqlite3_stmt *statement;
    bool row = false;
    enum err result = db_prepare(query->db, stat_row, &statement, why);
    if (result == ERR_OK) {
        result = db_step(query->db, statement, &row, why);
    }
    struct output output = output_start(stdout, query->format, stat_columns, ARRAY_LENGTH(stat_columns));
    if (row) {
        show_stat(&output, statement);
    }
    return output_finish(&output) ? result : err_set(why, ERR_IO, "standard output was closed");
}

/* ---- list ---- */

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
static enum err show_chunk(const struct spool_query *query, sqlite3_stmt *statement, struct output *output,
                           int64_t *seq, bool *more, struct err_text *why)
{
    int count = 0;
    bool row = true;
    enum err result = ERR_OK;
    sqlite3_bind_int64(statement, 1, *seq);
    sqlite3_bind_int64(statement, 2, CHUNK);
    while (result == ERR_OK && row) {
        result = db_step(query->db, statement, &row, why);
        if (result == ERR_OK && row) {
            show_batch(output, statement);
            *seq = sqlite3_column_int64(statement, 0);
            count++;
        }
    }
    *more = count == CHUNK;
    return result;
}

static enum err find_start(const struct spool_query *query, int64_t *seq, struct err_text *why)
{
    sqlite3_stmt *statement;
    bool row = false;
    *seq = 0;
    enum err result = query->last > 0 ? db_prepare(query->db, list_skip, &statement, why) : ERR_OK;
    if (result != ERR_OK || query->last == 0) {
        return result;
    }
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)query->last);
    result = db_step(query->db, statement, &row, why);
    *seq = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return result;
}

static enum err run_list(const struct spool_query *query, struct err_text *why)
{
    sqlite3_stmt *statement;
    int64_t seq;
    bool more = true;
    enum err result = find_start(query, &seq, why);
    if (result == ERR_OK) {
        result = db_prepare(query->db, list_rows, &statement, why);
    }
    struct output output = output_start(stdout, query->format, list_columns, ARRAY_LENGTH(list_columns));
    while (result == ERR_OK && more && !ferror(stdout)) {
        result = show_chunk(query, statement, &output, &seq, &more, why);
    }
    return output_finish(&output) ? result : err_set(why, ERR_IO, "standard output was closed");
}

/* ---- arguments ---- */

static int run(const char *what, const char *path, struct spool_query *query)
{
    struct err_text why = {0};
    enum err result = db_open_read_only(path, &spool_schema, &query->db, &why);
    if (result == ERR_OK) {
        result = strcmp(what, "stat") == 0 ? run_stat(query, &why) : run_list(query, &why);
    }
    db_close(query->db);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon spool: %s\n", why.text);
    }
    return result == ERR_OK ? STATUS_OK : STATUS_FAILED;
}

int cmd_spool(int argc, char **argv)
{
    struct spool_arguments given = {0};
    struct spool_query query = {0};
    const struct argument table[] = {
        {"last", 'n', "N", "list: only the newest N. Default: all.", &given.last, NULL},
        {"format", 0, "FORMAT", "table, csv or json (one object a line). Default: table.", &given.format,
         NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon spool",
        .summary = "Shows what waits in a bridge's spool for the server's acknowledgement.",
        .usage = "stat|list FILE [options]",
        .arguments = table,
        .positional_help = "stat: the sums, and since when.\n"
                           "list: batch by batch.\n"
                           "FILE: the spool of a bridge. Live or not, it is only read.",
        .epilogue = epilogue,
    };
    size_t words;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &words);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    if (words != 2 || (strcmp(argv[0], "stat") != 0 && strcmp(argv[0], "list") != 0)) {
        arguments_complain(&line, "it takes stat or list, and a FILE");
    } else if (!output_format_parse(given.format, &query.format)) {
        arguments_complain(&line, "--format %s: it is table, csv or json", given.format);
    } else if (given.last && !argument_count(given.last, 1, INT64_MAX, &query.last)) {
        arguments_complain(&line, "--last %s: it is a whole number from 1", given.last);
    } else {
        return run(argv[0], argv[1], &query);
    }
    return STATUS_USAGE;
}
