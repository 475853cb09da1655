/* Readings: as they are, page by page, or gathered into buckets. */
#include "api.h"

#include "base/clock.h"
#include "store/reading_series.h"
#include "store/reading_walk.h"

#include <math.h>

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

static void write_reading(struct json *json, sqlite3_stmt *row)
{
    bool number = sqlite3_column_type(row, READING_WALK_VALUE) != SQLITE_NULL;
    bool text = sqlite3_column_type(row, READING_WALK_TEXT) != SQLITE_NULL;
    json_object(json, NULL);
    json_string(json, "bridge", api_column_text(row, READING_WALK_BRIDGE));
    json_string(json, "tag", api_column_text(row, READING_WALK_TAG));
    json_string(json, "unit", api_column_text(row, READING_WALK_UNIT));
    json_time(json, "time", sqlite3_column_int64(row, READING_WALK_TIME));
    json_time(json, "request_time", sqlite3_column_int64(row, READING_WALK_REQUEST));
    json_double(json, "value", number ? sqlite3_column_double(row, READING_WALK_VALUE) : NAN);
    json_string(json, "text", text ? api_column_text(row, READING_WALK_TEXT) : NULL);
    json_string(json, "quality", api_column_text(row, READING_WALK_QUALITY));
    json_bool(json, "historical", sqlite3_column_int(row, READING_WALK_HISTORICAL) != 0);
    json_string(json, "epoch", api_column_text(row, READING_WALK_EPOCH));
    json_i64(json, "seq", sqlite3_column_int64(row, READING_WALK_SEQ));
    json_object_end(json);
}

static enum err write_rows(struct api_call *call, struct reading_walk *walk)
{
    char next[READING_PLACE_TEXT_MAX];
    sqlite3_stmt *row = NULL;
    uint64_t written = 0;
    enum err result = ERR_OK;
    json_array(call->json, "readings");
    while (written < walk->limit && (result = reading_walk_next(walk, &row, call->why)) == ERR_OK && row) {
        write_reading(call->json, row);
        written++;
    }
    json_array_end(call->json);
    json_string(call->json, "next", written == walk->limit ? reading_place_write(&walk->place, next) : NULL);
    return result;
}

static enum err write_page(struct api_call *call, const struct question *question)
{
    struct reading_walk walk;
    struct reading_place after;
    if (question->after && !reading_place_read(question->after, &after)) {
        return err_set(call->why, ERR_CONFIG, "after: is not what an answer gave as \"next\"");
    }
    enum err result = reading_walk_start(&walk, call->db, &question->search, question->after ? &after : NULL,
                                         question->limit, call->why);
    if (result == ERR_OK) {
        result = write_rows(call, &walk);
    }
    reading_walk_end(&walk);
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
