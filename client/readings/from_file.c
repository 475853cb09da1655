/* Readings out of the file of a store. */
#include "base/clock.h"
#include "base/decimal.h"
#include "readings/question.h"
#include "readings/view.h"
#include "store/reading_series.h"
#include "store/reading_table.h"
#include "store/reading_walk.h"
#include "store/store_schema.h"

static const char *text_of(sqlite3_stmt *row, enum reading_walk_column column)
{
    const unsigned char *text = sqlite3_column_text(row, (int)column);
    return text ? (const char *)text : "";
}

static void show_row(struct output *output, sqlite3_stmt *row)
{
    bool has_text = sqlite3_column_type(row, READING_WALK_TEXT) != SQLITE_NULL;
    const struct reading_line line = {
        .response_us = sqlite3_column_int64(row, READING_WALK_TIME),
        .request_us = sqlite3_column_int64(row, READING_WALK_REQUEST),
        .bridge = text_of(row, READING_WALK_BRIDGE),
        .tag = text_of(row, READING_WALK_TAG),
        .unit = text_of(row, READING_WALK_UNIT),
        .quality = text_of(row, READING_WALK_QUALITY),
        .epoch = text_of(row, READING_WALK_EPOCH),
        .text = has_text ? text_of(row, READING_WALK_TEXT) : NULL,
        .is_number = sqlite3_column_type(row, READING_WALK_VALUE) != SQLITE_NULL,
        .seq = (uint64_t)sqlite3_column_int64(row, READING_WALK_SEQ),
    };
    reading_view_show(output, &line);
}

static enum err show_rows(struct db *db, const struct reading_search *search, uint64_t to_skip,
                          struct output *output, struct err_text *why)
{
    struct reading_walk walk;
    sqlite3_stmt *row = NULL;
    enum err result = reading_walk_start(&walk, db, search, NULL, 0, why);
    while (result == ERR_OK && !ferror(output->file)) {
        result = reading_walk_next(&walk, &row, why);
        if (!row) {
            break;
        }
        if (to_skip > 0) {
            to_skip--;
        } else {
            show_row(output, row);
        }
    }
    reading_walk_end(&walk);
    return result;
}

/* ---- the newest ---- */

/* One number of the search; -1 if it finds no row. */
static enum err ask_number(struct db *db, const struct reading_search *search, const char *columns,
                           const char *tail, uint64_t parameter, int64_t *number, struct err_text *why)
{
    sqlite3_stmt *statement;
    bool row = false;
    enum err result = reading_search_prepare(db, search, columns, tail, &statement, why);
    if (result != ERR_OK) {
        return result;
    }
    sqlite3_bind_int64(statement, READING_SEARCH_FREE_PARAMETER, (sqlite3_int64)parameter);
    result = db_step(db, statement, &row, why);
    *number = row ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_finalize(statement);
    return result;
}

static enum err find_newest(struct db *db, int64_t *newest_us, struct err_text *why)
{
    sqlite3_stmt *statement;
    bool row = false;
    enum err result = db_prepare(db, "SELECT coalesce(max(last_us), 0) FROM batch", &statement, why);
    if (result == ERR_OK) {
        result = db_step(db, statement, &row, why);
        *newest_us = row ? sqlite3_column_int64(statement, 0) : 0;
        sqlite3_finalize(statement);
    }
    return result;
}

/*
 * The newest readings lie in the newest batches: looks back ever further until there are enough of them, so
 * that the whole store is decoded only if it must be.
 */
static enum err narrow(struct db *db, struct reading_search *search, uint64_t last, struct err_text *why)
{
    int64_t newest_us = 0;
    enum err result = find_newest(db, &newest_us, why);
    int64_t end_us = newest_us < search->to_us ? newest_us : search->to_us;
    struct reading_search narrower = *search;
    for (int64_t span_us = 4 * CLOCK_US_PER_S; result == ERR_OK && span_us < end_us - search->from_us;
         span_us *= 8) {
        int64_t since_us = -1;
        narrower.from_us = end_us - span_us;
        result = ask_number(db, &narrower, "time_us", "ORDER BY time_us DESC LIMIT 1 OFFSET ?6", last - 1,
                            &since_us, why);
        if (since_us >= 0) {
            search->from_us = since_us;
            break;
        }
    }
    return result;
}

/* Readings of the same time as the oldest of them may be too many. */
static enum err show_last(struct db *db, struct reading_search search, uint64_t last, struct output *output,
                          struct err_text *why)
{
    int64_t count = 0;
    enum err result = narrow(db, &search, last, why);
    if (result == ERR_OK) {
        result = ask_number(db, &search, "count(*)", "AND ?6 = 0", 0, &count, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    return show_rows(db, &search, (uint64_t)count > last ? (uint64_t)count - last : 0, output, why);
}

/* ---- buckets ---- */

static void show_bucket(struct output *output, const struct aggregate_row *row, enum aggregate_kind kind)
{
    char number[DECIMAL_MAX];
    const struct bucket_line line = {
        .start_us = row->start_us,
        .bridge = row->bridge,
        .tag = row->tag,
        .unit = row->unit,
        .number = row->count > 0 ? decimal_format(row->values[kind], number) : NULL,
        .readings = row->count,
        .without_value = row->without,
    };
    bucket_view_show(output, &line);
}

static enum err show_buckets(struct db *db, const struct readings_question *question, struct output *output,
                             struct err_text *why)
{
    struct aggregate *aggregate = aggregate_new(question->every_us, AGGREGATE_BUCKETS_MAX);
    if (!aggregate) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = reading_series_read(db, &question->search, aggregate, why);
    if (result == ERR_OK) {
        aggregate_finish(aggregate);
        for (size_t i = 0; i < aggregate_count(aggregate) && !ferror(output->file); i++) {
            struct aggregate_row row = aggregate_get(aggregate, i);
            show_bucket(output, &row, question->kind);
        }
    }
    aggregate_free(aggregate);
    return result;
}

/* ---- the file ---- */

static enum err show(struct db *db, const struct readings_question *question, FILE *file,
                     struct err_text *why)
{
    struct output output =
        question->every_us > 0 ? bucket_view(file, question->format) : reading_view(file, question->format);
    enum err result = question->every_us > 0 ? show_buckets(db, question, &output, why)
                      : question->last > 0   ? show_last(db, question->search, question->last, &output, why)
                                             : show_rows(db, &question->search, 0, &output, why);
    bool written = output_finish(&output);
    return result != ERR_OK || written ? result : err_set(why, ERR_IO, "standard output was closed");
}

enum err readings_from_file(const struct readings_question *question, FILE *file, struct err_text *why)
{
    struct db *db;
    enum err result = db_open_read_only(question->source, &store_schema, &db, why);
    if (result == ERR_OK && reading_table_register(db_handle(db)) != SQLITE_OK) {
        result = err_set(why, ERR_NO_MEMORY, "%s: %s", question->source, sqlite3_errmsg(db_handle(db)));
    }
    if (result == ERR_OK) {
        result = show(db, question, file, why);
    }
    db_close(db);
    return result;
}
