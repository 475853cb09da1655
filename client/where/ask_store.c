#include "where/where.h"

#include "store/db.h"
#include "store/reading_table.h"
#include "store/store_schema.h"

#include <stdio.h>
#include <string.h>

struct question {
    const char *bridge; /* NULL = all */
    const uint8_t *epoch;
    uint64_t seq;
    struct where_list *list;
};

static const char stored_rows[] =
    "SELECT bridge.name, epoch, kind, readings, length(encoded), first_us, last_us, received_us, "
    "committed_us,"
    " historical FROM bridge CROSS JOIN stream ON stream.bridge = bridge.id"
    " CROSS JOIN batch ON batch.stream = stream.id"
    " WHERE seq = ?1 AND (?2 IS NULL OR bridge.name = ?2) AND (?3 IS NULL OR epoch = ?3)";

static const char gap_rows[] =
    "SELECT bridge.name, epoch, reason FROM bridge CROSS JOIN stream ON stream.bridge = bridge.id"
    " CROSS JOIN gap_record ON gap_record.stream = stream.id"
    " WHERE last_seq >= ?1 AND first_seq <= ?1 AND first_seq > 0"
    " AND (?2 IS NULL OR bridge.name = ?2) AND (?3 IS NULL OR epoch = ?3)";

static void read_stored(sqlite3_stmt *row, struct where_batch *batch)
{
    batch->kind = (enum batch_kind)sqlite3_column_int(row, 2);
    batch->readings = sqlite3_column_int64(row, 3);
    batch->bytes = sqlite3_column_int64(row, 4);
    batch->first_us = sqlite3_column_int64(row, 5);
    batch->last_us = sqlite3_column_int64(row, 6);
    batch->received_us = sqlite3_column_int64(row, 7);
    batch->committed_us = sqlite3_column_int64(row, 8);
    batch->historical = sqlite3_column_int(row, 9) != 0;
    batch->stored = true;
}

static void read_gap(sqlite3_stmt *row, struct where_batch *batch)
{
    batch->gap = (enum gap_reason)sqlite3_column_int(row, 2);
}

static struct where_batch *batch_of(sqlite3_stmt *row, const struct question *question)
{
    const char *bridge = (const char *)sqlite3_column_text(row, 0);
    struct bytes epoch = db_column_bytes(row, 1);
    return bridge && epoch.size == BATCH_EPOCH_SIZE
               ? where_list_find(question->list, bridge, epoch.data, question->seq)
               : NULL;
}

static enum err ask(struct db *db, const char *sql, const struct question *question,
                    void (*read)(sqlite3_stmt *row, struct where_batch *batch), struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    bool row = true;
    enum err result = db_prepare(db, sql, &statement, why);
    if (result == ERR_OK) {
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)question->seq);
        sqlite3_bind_text(statement, 2, question->bridge, -1, SQLITE_STATIC);
        if (question->epoch) {
            sqlite3_bind_blob(statement, 3, question->epoch, BATCH_EPOCH_SIZE, SQLITE_STATIC);
        }
    }
    while (result == ERR_OK && row) {
        result = db_step(db, statement, &row, why);
        struct where_batch *batch = result == ERR_OK && row ? batch_of(statement, question) : NULL;
        if (batch) {
            read(statement, batch);
        }
    }
    sqlite3_finalize(statement);
    return result;
}

/* The newest one in the window, if it is newer than what the spool has found. */
static enum err find_reading(struct db *db, const char *bridge, struct where_reading *reading,
                             struct err_text *why)
{
    static const char *const queries[] = {
        "SELECT seq, time_us FROM reading WHERE tag = ?1 AND time_us > ?2 AND time_us <= ?3"
        " ORDER BY time_us DESC LIMIT 1",
        "SELECT seq, time_us FROM reading WHERE tag = ?1 AND time_us > ?2 AND time_us <= ?3 AND bridge = ?4"
        " ORDER BY time_us DESC LIMIT 1"};
    int64_t since_us = reading->at_us - WHERE_WINDOW_US;
    sqlite3_stmt *statement = NULL;
    bool row = false;
    enum err result = db_prepare(db, queries[bridge != NULL], &statement, why);
    if (result == ERR_OK) {
        sqlite3_bind_text(statement, 1, reading->tag, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 2, reading->found_us > since_us ? reading->found_us : since_us);
        sqlite3_bind_int64(statement, 3, reading->at_us);
        if (bridge) {
            sqlite3_bind_text(statement, 4, bridge, -1, SQLITE_STATIC);
        }
        result = db_step(db, statement, &row, why);
    }
    if (result == ERR_OK && row) {
        reading->seq = (uint64_t)sqlite3_column_int64(statement, 0);
        reading->found_us = sqlite3_column_int64(statement, 1);
    }
    sqlite3_finalize(statement);
    return result;
}

static enum err ask_all(struct db *db, const struct question *question, struct err_text *why)
{
    enum err result = ask(db, stored_rows, question, read_stored, why);
    return result == ERR_OK ? ask(db, gap_rows, question, read_gap, why) : result;
}

enum err where_ask_store(const char *path, const char *bridge, struct where_reading *reading, uint64_t seq,
                         struct where_list *list, struct err_text *why)
{
    struct db *db = NULL;
    enum err result = db_open_read_only(path, &store_schema, &db, why);
    if (result == ERR_OK) {
        result = db_exec(db, "BEGIN", why);
    }
    if (result == ERR_OK && reading && reading_table_register(db_handle(db)) != SQLITE_OK) {
        result = err_set(why, ERR_NO_MEMORY, "%s: %s", path, sqlite3_errmsg(db_handle(db)));
    }
    if (result == ERR_OK && reading) {
        result = find_reading(db, bridge, reading, why);
        seq = reading->seq;
    }
    bool one = list->count == 1 && list->batches[0].is_of_spool && list->batches[0].seq == seq;
    uint8_t epoch[BATCH_EPOCH_SIZE];
    memcpy(epoch, list->batches[0].epoch, sizeof epoch);
    const struct question question = {
        .bridge = bridge, .epoch = one ? epoch : NULL, .seq = seq, .list = list};
    if (result == ERR_OK && seq != 0) {
        result = ask_all(db, &question, why);
    }
    db_close(db);
    return result;
}
