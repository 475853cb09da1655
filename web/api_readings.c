/* Readings: as they are, page by page, or gathered into buckets. */
#include "api.h"

#include "base/argument_value.h"
#include "base/array.h"
#include "base/clock.h"
#include "store/reading_series.h"
#include "tunnel/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tags ---- */

static const char tags_sql[] =
    "SELECT bridge.name, catalog.encoded FROM bridge JOIN stream ON stream.id ="
    "  (SELECT id FROM stream WHERE bridge = bridge.id ORDER BY (SELECT max(first_us) FROM batch"
    "   WHERE batch.stream = stream.id) DESC LIMIT 1)"
    " JOIN batch ON batch.id = (SELECT id FROM batch WHERE stream = stream.id AND kind = 1"
    "  ORDER BY first_us DESC LIMIT 1)"
    " JOIN catalog ON catalog.id = batch.catalog"
    " WHERE ?1 IS NULL OR bridge.name = ?1 ORDER BY bridge.name";

static void write_tag(struct json *json, const char *bridge, const struct catalog_tag *tag)
{
    static const char *const tables[] = {"none", "coil", "discrete", "input", "holding"};
    json_object(json, NULL);
    json_string(json, "bridge", bridge);
    json_string(json, "tag", tag->name);
    json_string(json, "unit", tag->unit);
    json_string(json, "link", tag->link);
    json_i64(json, "unit_id", tag->unit_id);
    json_string(json, "table", tables[tag->table]);
    json_i64(json, "address", tag->address);
    json_bool(json, "number", tag->type != VALUE_STRING);
    json_bool(json, "bool", tag->type == VALUE_BOOL);
    json_object_end(json);
}

static enum err write_catalog(struct api_call *call, sqlite3_stmt *row, uint64_t *left)
{
    struct catalog *catalog;
    enum err result = catalog_decode(db_column_bytes(row, 1), &catalog, call->why);
    if (result != ERR_OK) {
        return result;
    }
    for (size_t i = 0; i < catalog_count(catalog) && *left > 0; i++, --*left) {
        write_tag(call->json, api_column_text(row, 0), catalog_tag(catalog, i));
    }
    catalog_free(catalog);
    return ERR_OK;
}

enum err api_tags(struct api_call *call)
{
    uint64_t left;
    sqlite3_stmt *statement;
    bool row = true;
    enum err result = api_count(call, "limit", API_LIMIT_MAX, API_LIMIT_DEFAULT, &left);
    if (result == ERR_OK) {
        result = db_prepare(call->db, tags_sql, &statement, call->why);
    }
    if (result != ERR_OK) {
        return result;
    }
    sqlite3_bind_text(statement, 1, query_string_get(call->query, "bridge"), -1, SQLITE_STATIC);
    json_array(call->json, "tags");
    while (result == ERR_OK && row && left > 0) {
        result = db_step(call->db, statement, &row, call->why);
        if (result == ERR_OK && row) {
            result = write_catalog(call, statement, &left);
        }
    }
    json_array_end(call->json);
    json_bool(call->json, "more", left == 0);
    sqlite3_finalize(statement);
    return result;
}

/* ---- buckets ---- */

struct question {
    struct reading_search search;
    int64_t every_us;
    uint64_t limit;
    bool one_value;
    enum aggregate_kind kind;
    const char *after;
};

static void write_bucket(struct json *json, const struct question *question, const struct aggregate_row *row)
{
    json_object(json, NULL);
    json_string(json, "bridge", row->bridge);
    json_string(json, "tag", row->tag);
    json_string(json, "unit", row->unit);
    char text[CLOCK_TEXT_MAX];
    json_string(json, "time", clock_format(row->start_us, text));
    if (question->one_value) {
        json_double(json, "value", row->values[question->kind]);
    } else {
        for (int i = 0; i < AGGREGATE_KINDS; i++) {
            json_double(json, aggregate_kind_name((enum aggregate_kind)i), row->values[i]);
        }
    }
    json_u64(json, "count", row->count);
    json_u64(json, "without", row->without);
    json_object_end(json);
}

static enum err write_buckets(struct api_call *call, const struct question *question)
{
    struct aggregate *aggregate = aggregate_new(question->every_us, question->limit);
    if (!aggregate) {
        return err_set(call->why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = reading_series_read(call->db, &question->search, aggregate, call->why);
    if (result == ERR_OK) {
        aggregate_finish(aggregate);
        json_array(call->json, "readings");
        for (size_t i = 0; i < aggregate_count(aggregate); i++) {
            struct aggregate_row row = aggregate_get(aggregate, i);
            write_bucket(call->json, question, &row);
        }
        json_array_end(call->json);
        json_null(call->json, "next");
    }
    aggregate_free(aggregate);
    return result;
}

/* ---- readings ---- */

enum { TIME, BRIDGE, TAG, EPOCH, SEQ, VALUE, TEXT, UNIT, QUALITY, HISTORICAL };
static const char columns[] = "time_us, bridge, tag, epoch, seq, value, text, unit, quality, historical";
static const char tail[] = "AND (?7 IS NULL OR (time_us, bridge, tag, epoch, seq) > (?6, ?7, ?8, ?9, ?10))"
                           " ORDER BY time_us, bridge, tag, epoch, seq LIMIT ?11";

/* Where a page ended: "TIME BRIDGE EPOCH SEQ TAG". */
enum { CURSOR_MAX = 512 };
struct cursor {
    int64_t time_us, seq;
    char bridge[64], epoch[33], tag[CATALOG_NAME_MAX + 1];
};

static bool read_cursor(const char *text, struct cursor *cursor)
{
    char copy[CURSOR_MAX];
    uint64_t time_us;
    uint64_t seq;
    if (strlen(text) >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, strlen(text) + 1);
    char *rest = copy;
    char *words[4];
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        words[i] = strsep(&rest, " ");
        if (!rest) {
            return false;
        }
    }
    bool fits = argument_count(words[0], 0, INT64_MAX, &time_us) &&
                strlen(words[1]) < sizeof cursor->bridge && strlen(words[2]) < sizeof cursor->epoch &&
                argument_count(words[3], 0, INT64_MAX, &seq) && strlen(rest) < sizeof cursor->tag;
    if (fits) {
        cursor->time_us = (int64_t)time_us;
        cursor->seq = (int64_t)seq;
        memcpy(cursor->bridge, words[1], strlen(words[1]) + 1);
        memcpy(cursor->epoch, words[2], strlen(words[2]) + 1);
        memcpy(cursor->tag, rest, strlen(rest) + 1);
    }
    return fits;
}

static void bind_page(sqlite3_stmt *statement, const struct cursor *cursor, uint64_t limit)
{
    if (cursor) {
        sqlite3_bind_int64(statement, 6, cursor->time_us);
        sqlite3_bind_text(statement, 7, cursor->bridge, -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(statement, 8, cursor->tag, -1, SQLITE_TRANSIENT);
        sqlite3_bind_text(statement, 9, cursor->epoch, -1, SQLITE_TRANSIENT);
        sqlite3_bind_int64(statement, 10, cursor->seq);
    }
    sqlite3_bind_int64(statement, 11, (sqlite3_int64)limit);
}

static void write_reading(struct json *json, sqlite3_stmt *row)
{
    json_object(json, NULL);
    json_string(json, "bridge", api_column_text(row, BRIDGE));
    json_string(json, "tag", api_column_text(row, TAG));
    json_string(json, "unit", api_column_text(row, UNIT));
    json_time(json, "time", sqlite3_column_int64(row, TIME));
    if (sqlite3_column_type(row, VALUE) == SQLITE_NULL) {
        json_null(json, "value");
    } else {
        json_double(json, "value", sqlite3_column_double(row, VALUE));
    }
    json_string(json, "text",
                sqlite3_column_type(row, TEXT) == SQLITE_NULL ? NULL : api_column_text(row, TEXT));
    json_string(json, "quality", api_column_text(row, QUALITY));
    json_bool(json, "historical", sqlite3_column_int(row, HISTORICAL) != 0);
    json_object_end(json);
}

static void note_cursor(sqlite3_stmt *row, char *next)
{
    snprintf(next, CURSOR_MAX, "%lld %s %s %lld %s", sqlite3_column_int64(row, TIME),
             api_column_text(row, BRIDGE), api_column_text(row, EPOCH), sqlite3_column_int64(row, SEQ),
             api_column_text(row, TAG));
}

static enum err write_rows(struct api_call *call, sqlite3_stmt *statement, uint64_t limit)
{
    char next[CURSOR_MAX] = "";
    bool row = true;
    uint64_t written = 0;
    enum err result = ERR_OK;
    json_array(call->json, "readings");
    while (result == ERR_OK && row && written < limit) {
        result = db_step(call->db, statement, &row, call->why);
        if (result == ERR_OK && row) {
            write_reading(call->json, statement);
            written++;
            if (written == limit) {
                note_cursor(statement, next);
            }
        }
    }
    json_array_end(call->json);
    json_string(call->json, "next", next[0] != '\0' ? next : NULL);
    return result;
}

static enum err write_page(struct api_call *call, const struct question *question)
{
    struct cursor cursor;
    sqlite3_stmt *statement;
    struct reading_search search = question->search;
    if (question->after) {
        if (!read_cursor(question->after, &cursor)) {
            return err_set(call->why, ERR_CONFIG, "after: is not what an answer gave as \"next\"");
        }
        search.from_us = cursor.time_us > search.from_us ? cursor.time_us : search.from_us;
    }
    enum err result = reading_search_prepare(call->db, &search, columns, tail, &statement, call->why);
    if (result == ERR_OK) {
        bind_page(statement, question->after ? &cursor : NULL, question->limit);
        result = write_rows(call, statement, question->limit);
        sqlite3_finalize(statement);
    }
    return result;
}

/* ---- the question ---- */

static enum err check_question(struct api_call *call, struct question *question)
{
    const char *agg = query_string_get(call->query, "agg");
    if (question->search.from_us > question->search.to_us) {
        return err_set(call->why, ERR_CONFIG, "from: is after to");
    }
    if (agg && !aggregate_kind_parse(agg, &question->kind)) {
        return err_set(call->why, ERR_CONFIG, "agg: mean, min, max or last");
    }
    if (agg && question->every_us == 0) {
        return err_set(call->why, ERR_CONFIG, "agg: goes with every, the length of a bucket");
    }
    if (question->after && question->every_us > 0) {
        return err_set(call->why, ERR_CONFIG, "after: buckets come in one answer; ask for less time");
    }
    question->one_value = agg != NULL;
    return ERR_OK;
}

static enum err read_question(struct api_call *call, struct question *question)
{
    *question = (struct question){
        .search = {.bridge = query_string_get(call->query, "bridge"),
                   .tag = query_string_get(call->query, "tag"),
                   .quality = query_string_get(call->query, "quality")},
        .after = query_string_get(call->query, "after"),
    };
    int64_t now_us = clock_wall_us();
    enum err result = api_time(call, "from", now_us - 3600 * CLOCK_US_PER_S, &question->search.from_us);
    if (result == ERR_OK) {
        result = api_time(call, "to", INT64_MAX, &question->search.to_us);
    }
    if (result == ERR_OK) {
        result = api_duration(call, "every", &question->every_us);
    }
    if (result == ERR_OK) {
        uint64_t fallback = question->every_us > 0 ? API_LIMIT_MAX : API_LIMIT_DEFAULT;
        result = api_count(call, "limit", API_LIMIT_MAX, fallback, &question->limit);
    }
    return result == ERR_OK ? check_question(call, question) : result;
}

enum err api_readings(struct api_call *call)
{
    struct question question;
    enum err result = read_question(call, &question);
    if (result != ERR_OK) {
        return result;
    }
    return question.every_us > 0 ? write_buckets(call, &question) : write_page(call, &question);
}
