#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/options.h"
#include "readings_buckets.h"
#include "store/db.h"
#include "store/reading_table.h"
#include "store/store_schema.h"

#include <stdlib.h>
#include <string.h>

static const char epilogue[] =
    "Readings come batch by batch, as they were stored; with --last sorted by time. Times are those of "
    "the response; UTC, as 2026-01-31T23:59:59Z, as seconds since 1970, or as -15m: so long ago. "
    "Patterns are those of file names: * ? [a-z]. Buckets begin at multiples of their length since 1970; "
    "readings without a number are counted apart.\n"
    "\n"
    "Examples:\n"
    "  bourdon readings store.db --tag 'boiler-1/*' --last 20\n"
    "  bourdon readings store.db --since -1h --format csv > last-hour.csv\n"
    "  bourdon readings store.db --tag boiler-1/pressure --from -24h --every 1m --agg max\n"
    "  bourdon readings store.db --bridge cell-3 --since 2026-01-31T12:00:00Z --until 2026-01-31T13:00:00Z\n"
    "\n"
    "Exit status: 0 shown, 1 the store could not be read, 2 wrong arguments.";

struct readings_arguments {
    const char *store;
    const char *tag, *bridge, *quality, *since, *until, *last, *format, *every, *agg;
};

/* The arguments, understood. */
struct readings_query {
    const char *tag, *bridge, *quality; /* NULL = all */
    int64_t since_us, until_us;
    uint64_t last;    /* 0 = all */
    int64_t every_us; /* 0 = as they are */
    enum aggregate_kind kind;
    enum output_format format;
};

static const struct output_column columns[] = {
    {.name = "time", .width = 23},
    {.name = "bridge", .width = 12},
    {.name = "tag", .width = 32},
    {.name = "value", .width = 14, .right = true},
    {.name = "unit", .width = 6},
    {.name = "quality", .width = 16},
    {.name = "request_time", .width = 23, .audience = OUTPUT_MACHINES},
    {.name = "epoch", .width = 32, .audience = OUTPUT_MACHINES},
    {.name = "seq", .width = 8, .right = true, .audience = OUTPUT_MACHINES},
};

#define MATCHING                                                                                             \
    " FROM reading WHERE time_us >= ?1 AND time_us <= ?2 AND (?3 IS NULL OR tag GLOB ?3)"                    \
    " AND (?4 IS NULL OR quality GLOB ?4)"
#define OF_BRIDGE " AND bridge = ?5" /* the table then goes through that bridge's batches only */
#define SELECTED  "SELECT response_us AS at, bridge, tag, value, text, unit, quality, request_us, epoch, seq"
enum { AT, BRIDGE, TAG, VALUE, TEXT, UNIT, QUALITY, REQUEST, EPOCH, SEQ };

/* Of all bridges, of one. The newest ones are sorted; everything would be too much for that. */
static const char *const all_rows[] = {SELECTED MATCHING, SELECTED MATCHING OF_BRIDGE};
static const char *const newest_rows[] = {
    "SELECT * FROM (" SELECTED MATCHING " ORDER BY at DESC LIMIT ?6) ORDER BY at, bridge, tag",
    "SELECT * FROM (" SELECTED MATCHING OF_BRIDGE " ORDER BY at DESC LIMIT ?6) ORDER BY at, tag"};
static const char *const count_newest[] = {"SELECT count(*) FROM (SELECT 1" MATCHING " LIMIT ?6)",
                                           "SELECT count(*) FROM (SELECT 1" MATCHING OF_BRIDGE " LIMIT ?6)"};

static void bind(sqlite3_stmt *statement, const struct readings_query *query)
{
    sqlite3_bind_int64(statement, 1, query->since_us);
    sqlite3_bind_int64(statement, 2, query->until_us);
    sqlite3_bind_text(statement, 3, query->tag, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, query->quality, -1, SQLITE_STATIC);
    if (query->bridge) {
        sqlite3_bind_text(statement, 5, query->bridge, -1, SQLITE_STATIC);
    }
    if (query->last > 0) {
        sqlite3_bind_int64(statement, 6, (sqlite3_int64)query->last);
    }
}

static const char *text_of(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

static void show_value(struct output *output, sqlite3_stmt *row)
{
    if (sqlite3_column_type(row, TEXT) == SQLITE_NULL) {
        output_none(output);
    } else if (sqlite3_column_type(row, VALUE) == SQLITE_NULL) {
        output_text(output, text_of(row, TEXT));
    } else {
        output_number(output, text_of(row, TEXT));
    }
}

static void show_row(struct output *output, sqlite3_stmt *row)
{
    const char *quality = text_of(row, QUALITY);
    bool bad = strncmp(quality, "bad", 3) == 0;
    bool good = strcmp(quality, "good") == 0;
    output_time(output, sqlite3_column_int64(row, AT));
    output_text(output, text_of(row, BRIDGE));
    output_text(output, text_of(row, TAG));
    show_value(output, row);
    output_text(output, text_of(row, UNIT));
    output_toned(output, quality, bad ? OUTPUT_ALARM : good ? OUTPUT_PLAIN : OUTPUT_NOTE);
    output_time(output, sqlite3_column_int64(row, REQUEST));
    output_text(output, text_of(row, EPOCH));
    output_u64(output, (uint64_t)sqlite3_column_int64(row, SEQ));
    output_end_row(output);
}

static enum err one_number(struct db *db, const char *sql, const struct readings_query *query,
                           int64_t *number, struct err_text *why)
{
    sqlite3_stmt *statement;
    bool row = false;
    enum err result = db_prepare(db, sql, &statement, why);
    if (result != ERR_OK) {
        return result;
    }
    if (query) {
        bind(statement, query);
    }
    result = db_step(db, statement, &row, why);
    *number = row ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return result;
}

/*
 * The newest readings lie in the newest batches: looks back ever further until there are enough of them, so
 * that the whole store is decoded only if it must be.
 */
static enum err narrow(struct db *db, struct readings_query *query, struct err_text *why)
{
    int64_t newest_us = 0;
    enum err result = one_number(db, "SELECT coalesce(max(last_us), 0) FROM batch", NULL, &newest_us, why);
    int64_t end_us = newest_us < query->until_us ? newest_us : query->until_us;
    struct readings_query narrower = *query;
    for (int64_t span_us = 4 * CLOCK_US_PER_S; result == ERR_OK && span_us < end_us - query->since_us;
         span_us *= 8) {
        int64_t found = 0;
        narrower.since_us = end_us - span_us;
        result = one_number(db, count_newest[query->bridge != NULL], &narrower, &found, why);
        if (result == ERR_OK && (uint64_t)found == query->last) {
            *query = narrower;
            break;
        }
    }
    return result;
}

static enum err show(struct db *db, const struct readings_query *query, struct err_text *why)
{
    sqlite3_stmt *statement;
    const char *const *sql = query->last > 0 ? newest_rows : all_rows;
    enum err result = db_prepare(db, sql[query->bridge != NULL], &statement, why);
    if (result != ERR_OK) {
        return result;
    }
    bind(statement, query);
    struct output output = output_start(stdout, query->format, columns, ARRAY_LENGTH(columns));
    bool row = true;
    while (result == ERR_OK && row && !ferror(stdout)) {
        result = db_step(db, statement, &row, why);
        if (result == ERR_OK && row) {
            show_row(&output, statement);
        }
    }
    return output_finish(&output) ? result : err_set(why, ERR_IO, "standard output was closed");
}

static enum err show_buckets(struct db *db, const struct readings_query *query, struct err_text *why)
{
    const struct readings_buckets buckets = {
        .search = {.bridge = query->bridge,
                   .tag = query->tag,
                   .quality = query->quality,
                   .from_us = query->since_us,
                   .to_us = query->until_us},
        .every_us = query->every_us,
        .kind = query->kind,
        .format = query->format,
    };
    return readings_buckets_show(db, &buckets, stdout, why);
}

static int run(const char *path, struct readings_query *query)
{
    struct err_text why = {0};
    struct db *db;
    enum err result = db_open_read_only(path, &store_schema, &db, &why);
    if (result == ERR_OK && reading_table_register(db_handle(db)) != SQLITE_OK) {
        result = err_set(&why, ERR_NO_MEMORY, "%s: %s", path, sqlite3_errmsg(db_handle(db)));
    }
    if (result == ERR_OK && query->last > 0) {
        result = narrow(db, query, &why);
    }
    if (result == ERR_OK) {
        result = query->every_us > 0 ? show_buckets(db, query, &why) : show(db, query, &why);
    }
    db_close(db);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon readings: %s\n", why.text);
    }
    return result == ERR_OK ? STATUS_OK : STATUS_FAILED;
}

static bool understand(const struct command_line *line, const struct readings_arguments *given,
                       struct readings_query *query)
{
    *query = (struct readings_query){
        .tag = given->tag, .bridge = given->bridge, .quality = given->quality, .until_us = INT64_MAX};
    int64_t now_us = clock_wall_us();
    if (!output_format_parse(given->format, &query->format)) {
        arguments_complain(line, "--format %s: it is table, csv or jsonl", given->format);
    } else if (given->last && !argument_count(given->last, 1, INT64_MAX, &query->last)) {
        arguments_complain(line, "--last %s: it is a whole number from 1", given->last);
    } else if (given->since && !argument_time(given->since, now_us, &query->since_us)) {
        arguments_complain(line, "--since %s: it is a time such as 2026-01-31T23:59:59Z or -15m",
                           given->since);
    } else if (given->until && !argument_time(given->until, now_us, &query->until_us)) {
        arguments_complain(line, "--until %s: it is a time such as 2026-01-31T23:59:59Z or -15m",
                           given->until);
    } else if (given->every && (!option_parse_duration(given->every, &query->every_us) ||
                                query->every_us < CLOCK_US_PER_MS)) {
        arguments_complain(line, "--every %s: it is a duration from 1ms, such as 1m or 24h", given->every);
    } else if (given->agg && !aggregate_kind_parse(given->agg, &query->kind)) {
        arguments_complain(line, "--agg %s: it is mean, min, max or last", given->agg);
    } else if (given->agg && !given->every) {
        arguments_complain(line, "--agg goes with --every, the length of a bucket");
    } else if (given->every && given->last) {
        arguments_complain(line, "--every and --last exclude each other");
    } else if (query->since_us > query->until_us) {
        arguments_complain(line, "--since is after --until");
    } else {
        return true;
    }
    return false;
}

int cmd_readings(int argc, char **argv)
{
    struct readings_arguments given = {0};
    const struct argument table[] = {
        {"tag", 't', "PATTERN", "Only tags whose name matches.", &given.tag, NULL},
        {"bridge", 'b', "NAME", "Only of this bridge.", &given.bridge, NULL},
        {"quality", 'q', "PATTERN", "Only of this quality: good, 'bad*'.", &given.quality, NULL},
        {"from", 's', "TIME", "Not older than this; --since is the same.", &given.since, NULL},
        {"to", 'u', "TIME", "Not younger than this; --until is the same.", &given.until, NULL},
        {"since", 0, "TIME", "As --from.", &given.since, NULL},
        {"until", 0, "TIME", "As --to.", &given.until, NULL},
        {"last", 'n', "N", "Only the newest N of those.", &given.last, NULL},
        {"every", 0, "TIME", "Gather them into buckets of this length, such as 1m.", &given.every, NULL},
        {"agg", 0, "HOW", "What a bucket shows: mean (the default), min, max or last.", &given.agg, NULL},
        {"format", 0, "FORMAT", "table, csv or jsonl (one object a line; json is the same). Default: table.",
         &given.format, NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon readings",
        .summary = "Shows the readings in a server's store.",
        .usage = "STORE [options]",
        .arguments = table,
        .positional_help = "STORE: the store of a server. Live or not, it is only read.",
        .epilogue = epilogue,
    };
    size_t files;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &files);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    struct readings_query query;
    if (files != 1) {
        arguments_complain(&line, "one STORE is needed, %zu were given", files);
        return STATUS_USAGE;
    }
    return understand(&line, &given, &query) ? run(argv[0], &query) : STATUS_USAGE;
}
