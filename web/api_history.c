/* What the store has of batches: acknowledged ones, and what is lost or missing. */
#include "api.h"

#include "tunnel/batch.h"

#include <stdlib.h>

#define ACK_ROWS                                                                                             \
    "SELECT batch.id, bridge.name, lower(hex(stream.epoch)), seq, kind, readings, length(encoded), "         \
    "first_us,"                                                                                              \
    " last_us, received_us, committed_us, historical"                                                        \
    " FROM batch JOIN stream ON stream.id = batch.stream JOIN bridge ON bridge.id = stream.bridge "
static const char acks_after_sql[] = ACK_ROWS "WHERE batch.id > ?1 ORDER BY batch.id LIMIT ?2";
static const char acks_newest_sql[] = ACK_ROWS "ORDER BY batch.id DESC LIMIT ?2";

/* Writes each row as a member of the array `key`. */
static enum err write_rows(struct api_call *call, const char *key, sqlite3_stmt *statement,
                           void (*write)(struct json *json, sqlite3_stmt *row))
{
    bool row = true;
    enum err result = ERR_OK;
    json_array(call->json, key);
    while (result == ERR_OK && row) {
        result = db_step(call->db, statement, &row, call->why);
        if (result == ERR_OK && row) {
            json_object(call->json, NULL);
            write(call->json, statement);
            json_object_end(call->json);
        }
    }
    json_array_end(call->json);
    return result;
}

/* ---- acks ---- */

static void write_ack(struct json *json, sqlite3_stmt *row)
{
    json_i64(json, "id", sqlite3_column_int64(row, 0));
    json_string(json, "bridge", api_column_text(row, 1));
    json_string(json, "epoch", api_column_text(row, 2));
    json_i64(json, "seq", sqlite3_column_int64(row, 3));
    json_string(json, "kind", sqlite3_column_int(row, 4) == BATCH_GAPS ? "gaps" : "readings");
    json_i64(json, "readings", sqlite3_column_int64(row, 5));
    json_i64(json, "bytes", sqlite3_column_int64(row, 6));
    json_time(json, "first", sqlite3_column_int64(row, 7));
    json_time(json, "last", sqlite3_column_int64(row, 8));
    json_time(json, "received", sqlite3_column_int64(row, 9));
    json_time(json, "committed", sqlite3_column_int64(row, 10));
    json_bool(json, "historical", sqlite3_column_int(row, 11) != 0);
}

enum err api_acks(struct api_call *call)
{
    uint64_t limit;
    uint64_t after;
    sqlite3_stmt *statement;
    enum err result = api_count(call, "limit", API_LIMIT_MAX, 100, &limit);
    if (result == ERR_OK) {
        result = api_count(call, "after", INT64_MAX, 0, &after);
    }
    if (result == ERR_OK) {
        result = db_prepare(call->db, after > 0 ? acks_after_sql : acks_newest_sql, &statement, call->why);
    }
    if (result != ERR_OK) {
        return result;
    }
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)after);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit);
    result = write_rows(call, "acks", statement, write_ack);
    sqlite3_finalize(statement);
    return result;
}

/* ---- gaps and holes ---- */

static const char gaps_sql[] =
    "SELECT bridge, epoch, seq, reason, first_seq, last_seq, readings, from_us, to_us, link FROM gap"
    " WHERE ?1 IS NULL OR bridge = ?1 ORDER BY to_us DESC, seq DESC LIMIT ?2";
static const char holes_sql[] = "SELECT bridge, epoch, first_seq, last_seq FROM hole"
                                " WHERE ?1 IS NULL OR bridge = ?1 ORDER BY bridge, epoch, first_seq LIMIT ?2";

static void write_gap(struct json *json, sqlite3_stmt *row)
{
    json_string(json, "bridge", api_column_text(row, 0));
    json_string(json, "epoch", api_column_text(row, 1));
    json_i64(json, "seq", sqlite3_column_int64(row, 2));
    json_string(json, "reason", api_column_text(row, 3));
    json_i64(json, "first_seq", sqlite3_column_int64(row, 4));
    json_i64(json, "last_seq", sqlite3_column_int64(row, 5));
    json_i64(json, "readings", sqlite3_column_int64(row, 6));
    json_time(json, "from", sqlite3_column_int64(row, 7));
    json_time(json, "to", sqlite3_column_int64(row, 8));
    json_string(json, "link", api_column_text(row, 9));
}

static void write_hole(struct json *json, sqlite3_stmt *row)
{
    json_string(json, "bridge", api_column_text(row, 0));
    json_string(json, "epoch", api_column_text(row, 1));
    json_i64(json, "first_seq", sqlite3_column_int64(row, 2));
    json_i64(json, "last_seq", sqlite3_column_int64(row, 3));
}

static enum err write_of_bridge(struct api_call *call, const char *key, const char *sql, uint64_t limit,
                                void (*write)(struct json *json, sqlite3_stmt *row))
{
    sqlite3_stmt *statement;
    enum err result = db_prepare(call->db, sql, &statement, call->why);
    if (result != ERR_OK) {
        return result;
    }
    sqlite3_bind_text(statement, 1, query_string_get(call->query, "bridge"), -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)limit);
    result = write_rows(call, key, statement, write);
    sqlite3_finalize(statement);
    return result;
}

enum err api_gaps(struct api_call *call)
{
    uint64_t limit;
    enum err result = api_count(call, "limit", API_LIMIT_MAX, 100, &limit);
    if (result == ERR_OK) {
        result = write_of_bridge(call, "gaps", gaps_sql, limit, write_gap);
    }
    return result == ERR_OK ? write_of_bridge(call, "holes", holes_sql, limit, write_hole) : result;
}
