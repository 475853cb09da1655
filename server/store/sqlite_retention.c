#include "store/sqlite_retention.h"

#include <stdlib.h>

enum query { WALK, FORGET, EXTEND, NOTE, USED, QUERIES };
enum { ID, STREAM, SEQ, READINGS, BYTES, COMMITTED, KEPT };

static const char *const queries[QUERIES] = {
    [WALK] = "SELECT id, stream, seq, readings, length(encoded), committed_us,"
             " kind = 2 OR seq = (SELECT max(seq) FROM batch AS any WHERE any.stream = batch.stream)"
             " FROM batch WHERE id > ?1 ORDER BY id LIMIT 1",
    [FORGET] = "DELETE FROM batch WHERE id = ?1",
    [EXTEND] = "UPDATE expired SET last_seq = ?2, batches = batches + 1, readings = readings + ?3,"
               " bytes = bytes + ?4, expired_us = ?5 WHERE stream = ?1 AND last_seq = ?2 - 1",
    [NOTE] = "INSERT INTO expired (stream, first_seq, last_seq, batches, readings, bytes, expired_us)"
             " VALUES (?1, ?2, ?2, 1, ?3, ?4, ?5)",
    [USED] = "SELECT (page_count - freelist_count) * page_size"
             " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
};

struct sqlite_retention {
    struct db *db;
    int64_t seen; /* id up to which everything was looked at */
    sqlite3_stmt *statements[QUERIES];
};

struct old_batch {
    int64_t id, stream, seq, readings, bytes, committed_us;
    bool kept;
};

enum err sqlite_retention_new(struct db *db, struct sqlite_retention **out, struct err_text *why)
{
    struct sqlite_retention *retention = calloc(1, sizeof *retention);
    if (!retention) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *out = retention;
    retention->db = db;
    enum err result = ERR_OK;
    for (enum query query = 0; result == ERR_OK && query < QUERIES; query++) {
        result = db_prepare(db, queries[query], &retention->statements[query], why);
    }
    return result;
}

void sqlite_retention_free(struct sqlite_retention *retention)
{
    free(retention);
}

/* ---- looking ---- */

static enum err used_bytes(struct sqlite_retention *retention, int64_t *used, struct err_text *why)
{
    bool row;
    enum err result = db_step(retention->db, retention->statements[USED], &row, why);
    *used = result == ERR_OK && row ? sqlite3_column_int64(retention->statements[USED], 0) : 0;
    sqlite3_reset(retention->statements[USED]);
    return result;
}

/* `batch->id` 0: there is none left. */
static enum err next_batch(struct sqlite_retention *retention, struct old_batch *batch, struct err_text *why)
{
    sqlite3_stmt *statement = retention->statements[WALK];
    bool row;
    *batch = (struct old_batch){0};
    sqlite3_bind_int64(statement, 1, retention->seen);
    enum err result = db_step(retention->db, statement, &row, why);
    if (result == ERR_OK && row) {
        *batch = (struct old_batch){
            .id = sqlite3_column_int64(statement, ID),
            .stream = sqlite3_column_int64(statement, STREAM),
            .seq = sqlite3_column_int64(statement, SEQ),
            .readings = sqlite3_column_int64(statement, READINGS),
            .bytes = sqlite3_column_int64(statement, BYTES),
            .committed_us = sqlite3_column_int64(statement, COMMITTED),
            .kept = sqlite3_column_int(statement, KEPT) == 1,
        };
    }
    sqlite3_reset(statement);
    return result;
}

/* ---- forgetting ---- */

static enum err note(struct sqlite_retention *retention, enum query query, const struct old_batch *batch,
                     int64_t now_us, struct err_text *why)
{
    const int64_t numbers[] = {batch->stream, batch->seq, batch->readings, batch->bytes, now_us};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sqlite3_bind_int64(retention->statements[query], (int)i + 1, numbers[i]);
    }
    return db_run(retention->db, retention->statements[query], why);
}

static enum err forget(struct sqlite_retention *retention, const struct old_batch *batch, int64_t now_us,
                       struct err_text *why)
{
    sqlite3_bind_int64(retention->statements[FORGET], 1, batch->id);
    enum err result = db_run(retention->db, retention->statements[FORGET], why);
    if (result == ERR_OK) {
        result = note(retention, EXTEND, batch, now_us, why);
    }
    if (result == ERR_OK && sqlite3_changes(db_handle(retention->db)) == 0) {
        result = note(retention, NOTE, batch, now_us, why);
    }
    return result;
}

static bool is_due(const struct store_retention *limits, const struct old_batch *batch, int64_t used,
                   int64_t now_us)
{
    bool old = limits->age_us > 0 && batch->committed_us < now_us - limits->age_us;
    return old || (limits->bytes > 0 && used > limits->bytes);
}

static enum err walk(struct sqlite_retention *retention, const struct store_retention *limits, int64_t now_us,
                     struct store_expired *expired, struct err_text *why)
{
    int64_t used;
    enum err result = used_bytes(retention, &used, why);
    for (int i = 0; i < SQLITE_RETENTION_STEP && result == ERR_OK; i++) {
        struct old_batch batch;
        result = next_batch(retention, &batch, why);
        if (result != ERR_OK || batch.id == 0 || !is_due(limits, &batch, used, now_us)) {
            return result;
        }
        retention->seen = batch.id;
        if (batch.kept) {
            continue;
        }
        result = forget(retention, &batch, now_us, why);
        used -= batch.bytes;
        expired->batches++;
        expired->readings += (uint64_t)batch.readings;
        expired->bytes += (uint64_t)batch.bytes;
    }
    expired->more = true;
    return result;
}

enum err sqlite_retention_step(struct sqlite_retention *retention, const struct store_retention *limits,
                               int64_t now_us, struct store_expired *expired, struct err_text *why)
{
    int64_t before = retention->seen;
    *expired = (struct store_expired){0};
    enum err result = db_begin(retention->db, why);
    if (result != ERR_OK) {
        return result;
    }
    result = walk(retention, limits, now_us, expired, why);
    if (result == ERR_OK) {
        result = db_commit(retention->db, why);
    } else {
        db_rollback(retention->db);
    }
    if (result != ERR_OK) {
        retention->seen = before;
        *expired = (struct store_expired){0};
    }
    return result;
}
