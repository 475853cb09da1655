#include "spool/spool_identity.h"

#include "base/random.h"
#include "store/spool_schema.h"

#include <string.h>

/* The first row of a query. The text of `why` may already say why there is no statement. */
static enum err read_row(struct db *db, const char *query, sqlite3_stmt **statement, bool *row,
                         struct err_text *why)
{
    *row = false;
    enum err result = db_prepare(db, query, statement, why);
    return result == ERR_OK ? db_step(db, *statement, row, why) : result;
}

static enum err check_bridge(struct db *db, const char *bridge, bool *made, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    enum err result = read_row(db, "SELECT bridge FROM identity WHERE id = 1", &statement, made, why);
    const char *owner = *made ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (owner && strcmp(owner, bridge) != 0) {
        result =
            err_set(why, ERR_CONFLICT,
                    "spool %s: belongs to bridge \"%s\", this one is \"%s\"; it was not touched: correct "
                    "bridge.name, or name another file in bridge.spool",
                    db_path(db), owner, bridge);
    }
    sqlite3_finalize(statement);
    return result;
}

enum err spool_identity_check(const char *path, const char *bridge, bool *made, struct err_text *why)
{
    struct db *db = NULL;
    *made = false;
    enum err result = db_open_read_only(path, &spool_schema, &db, why);
    if (result == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    if (result == ERR_OK) {
        result = check_bridge(db, bridge, made, why);
    }
    db_close(db);
    return result;
}

static enum err insert_identity(struct db *db, const char *bridge, int64_t now_us, struct err_text *why)
{
    static const char insert[] = "INSERT INTO identity (id, bridge, epoch, made_us) VALUES (1, ?1, ?2, ?3)";
    static const char first_state[] = "INSERT INTO state (id, next_seq, batches, readings, bytes, "
                                      "quarantined, stopped_us, unsaved_since_us)"
                                      " VALUES (1, 1, 0, 0, 0, 0, 0, 0)";
    uint8_t epoch[BATCH_EPOCH_SIZE];
    sqlite3_stmt *statement = NULL;
    random_bytes(epoch, sizeof epoch);
    enum err result = db_prepare(db, insert, &statement, why);
    if (result == ERR_OK) {
        sqlite3_bind_text(statement, 1, bridge, -1, SQLITE_STATIC);
        sqlite3_bind_blob(statement, 2, epoch, sizeof epoch, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 3, now_us);
        result = db_run(db, statement, why);
    }
    sqlite3_finalize(statement);
    return result == ERR_OK ? db_exec(db, first_state, why) : result;
}

enum err spool_identity_make(struct db *db, const char *bridge, int64_t now_us, struct err_text *why)
{
    enum err result = db_begin(db, why);
    if (result == ERR_OK) {
        result = insert_identity(db, bridge, now_us, why);
    }
    if (result != ERR_OK) {
        db_rollback(db);
        return result;
    }
    return db_commit(db, why);
}

enum err spool_identity_read(struct db *db, uint8_t *epoch, struct spool_state *state, struct err_text *why)
{
    static const char query[] = "SELECT epoch, next_seq, batches, readings, bytes, quarantined, stopped_us,"
                                " unsaved_since_us FROM identity JOIN state USING (id)";
    sqlite3_stmt *statement = NULL;
    bool row = false;
    enum err result = read_row(db, query, &statement, &row, why);
    struct bytes stored = row ? db_column_bytes(statement, 0) : (struct bytes){0};
    if (stored.size == BATCH_EPOCH_SIZE) {
        memcpy(epoch, stored.data, stored.size);
        *state = (struct spool_state){
            .next_seq = (uint64_t)sqlite3_column_int64(statement, 1),
            .batches = sqlite3_column_int64(statement, 2),
            .readings = sqlite3_column_int64(statement, 3),
            .bytes = sqlite3_column_int64(statement, 4),
            .quarantined = sqlite3_column_int64(statement, 5),
            .stopped_us = sqlite3_column_int64(statement, 6),
            .unsaved_since_us = sqlite3_column_int64(statement, 7),
        };
    } else if (result == ERR_OK) {
        result = err_set(why, ERR_CORRUPT, "spool %s: its identity is lost: move it away to start anew",
                         db_path(db));
    }
    sqlite3_finalize(statement);
    return result;
}
