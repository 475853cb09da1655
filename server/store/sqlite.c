#include "store/sqlite.h"

#include "store/db.h"
#include "store/sqlite_retention.h"
#include "store/sqlite_stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum query { FIND_CATALOG, READ_CATALOG, PUT_CATALOG, PUT_BATCH, COMPARE_BATCH, READ_ID, QUERIES };

static const char *const queries[QUERIES] = {
    [FIND_CATALOG] = "SELECT id FROM catalog WHERE hash = ?1",
    [READ_CATALOG] = "SELECT encoded FROM catalog WHERE hash = ?1",
    [PUT_CATALOG] =
        "INSERT INTO catalog (hash, received_us, encoded) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    [PUT_BATCH] = "INSERT INTO batch (stream, seq, kind, catalog, readings, first_us, last_us, received_us, "
                  "committed_us, historical, encoded) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
                  "ON CONFLICT (stream, seq) DO NOTHING",
    [COMPARE_BATCH] =
        "SELECT committed_us, substr(encoded, -16) = ?3 FROM batch WHERE stream = ?1 AND seq = ?2",
    [READ_ID] = "SELECT value FROM meta WHERE key = 'store_id'",
};

struct sqlite_store {
    struct store base;
    struct db *db;
    struct sqlite_streams *streams;
    struct sqlite_retention *retention;
    int64_t now_us; /* of the group */
    sqlite3_stmt *statements[QUERIES];
};

static const struct store_operations operations;

static struct sqlite_store *own(struct store *base)
{
    return (struct sqlite_store *)base;
}

static void bind_bytes(sqlite3_stmt *statement, int index, const void *data, size_t size)
{
    sqlite3_bind_blob64(statement, index, data, size, SQLITE_STATIC);
}

/* Steps a query of at most one row; the caller calls finish() once it has read the columns. */
static enum err first_row(struct sqlite_store *store, enum query query, bool *row, struct err_text *why)
{
    return db_step(store->db, store->statements[query], row, why);
}

static void finish(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

/* ---- catalogs ---- */

static enum err sqlite_put_catalog(struct store *base, struct store_catalog *catalog, struct err_text *why)
{
    struct sqlite_store *store = own(base);
    sqlite3_stmt *statement = store->statements[PUT_CATALOG];
    bind_bytes(statement, 1, catalog->hash, CATALOG_HASH_SIZE);
    sqlite3_bind_int64(statement, 2, catalog->received_us);
    bind_bytes(statement, 3, catalog->encoded.data, catalog->encoded.size);
    return db_run(store->db, statement, why);
}

static enum err sqlite_find_catalog(struct store *base, const uint8_t *hash, struct buffer *encoded,
                                    struct err_text *why)
{
    struct sqlite_store *store = own(base);
    sqlite3_stmt *statement = store->statements[READ_CATALOG];
    bind_bytes(statement, 1, hash, CATALOG_HASH_SIZE);
    bool row;
    enum err result = first_row(store, READ_CATALOG, &row, why);
    if (result == ERR_OK && row) {
        struct bytes bytes = db_column_bytes(statement, 0);
        result = buffer_append(encoded, bytes.data, bytes.size);
    } else if (result == ERR_OK) {
        result = err_set(why, ERR_NOT_FOUND, "the catalog is not in the store");
    }
    finish(statement);
    return result;
}

/* `*id` = 0: not stored. */
static enum err catalog_id(struct sqlite_store *store, const uint8_t *hash, int64_t *id, struct err_text *why)
{
    sqlite3_stmt *statement = store->statements[FIND_CATALOG];
    bind_bytes(statement, 1, hash, CATALOG_HASH_SIZE);
    bool row;
    enum err result = first_row(store, FIND_CATALOG, &row, why);
    *id = result == ERR_OK && row ? sqlite3_column_int64(statement, 0) : 0;
    finish(statement);
    return result;
}

/* ---- batches ---- */

static enum err insert_batch(struct sqlite_store *store, int64_t stream, int64_t catalog,
                             const struct store_batch *batch, struct err_text *why)
{
    const struct batch_view *view = batch->view;
    sqlite3_stmt *statement = store->statements[PUT_BATCH];
    const int64_t numbers[] = {
        stream,        (int64_t)view->identity.sequence,
        view->kind,    catalog,
        view->count,   view->first_us,
        view->last_us, batch->received_us,
        store->now_us, batch->historical,
    };
    int count = (int)(sizeof numbers / sizeof numbers[0]);
    for (int i = 0; i < count; i++) {
        sqlite3_bind_int64(statement, i + 1, numbers[i]);
    }
    if (catalog == 0) {
        sqlite3_bind_null(statement, 4);
    }
    bind_bytes(statement, count + 1, view->encoded.data, view->encoded.size);
    return db_run(store->db, statement, why);
}

/* The identity is taken: by the same batch, or by another one? */
static enum err compare_batch(struct sqlite_store *store, int64_t stream, struct store_batch *batch,
                              struct err_text *why)
{
    sqlite3_stmt *statement = store->statements[COMPARE_BATCH];
    sqlite3_bind_int64(statement, 1, stream);
    sqlite3_bind_int64(statement, 2, (int64_t)batch->view->identity.sequence);
    bind_bytes(statement, 3, batch->view->digest, BATCH_DIGEST_SIZE);
    bool row;
    enum err result = first_row(store, COMPARE_BATCH, &row, why);
    bool same = result == ERR_OK && row && sqlite3_column_int(statement, 1) == 1;
    batch->committed_us = same ? sqlite3_column_int64(statement, 0) : 0;
    batch->result = same ? STORE_DUPLICATE : STORE_CONFLICT;
    finish(statement);
    return result;
}

static enum err sqlite_put_batch(struct store *base, struct store_batch *batch, struct err_text *why)
{
    struct sqlite_store *store = own(base);
    const struct batch_view *view = batch->view;
    assert(view->identity.sequence > 0 && view->identity.sequence <= STORE_SEQUENCE_MAX);
    int64_t catalog = 0;
    if (view->kind == BATCH_READINGS) {
        enum err result = catalog_id(store, view->catalog_hash, &catalog, why);
        if (result != ERR_OK || catalog == 0) {
            batch->result = STORE_NO_CATALOG;
            return result;
        }
    }
    struct sqlite_stream stream;
    enum err result = sqlite_streams_claim(store->streams, batch->bridge, view->identity.epoch, &stream, why);
    if (result == ERR_OK) {
        result = insert_batch(store, stream.id, catalog, batch, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    if (sqlite3_changes(db_handle(store->db)) == 0) {
        return compare_batch(store, stream.id, batch, why);
    }
    batch->result = STORE_COMMITTED;
    batch->committed_us = store->now_us;
    return sqlite_streams_note(store->streams, &stream, db_last_insert_id(store->db), view, why);
}

/* ---- groups ---- */

static enum err sqlite_begin(struct store *base, int64_t now_us, struct err_text *why)
{
    struct sqlite_store *store = own(base);
    store->now_us = now_us;
    return db_begin(store->db, why);
}

static enum err sqlite_commit(struct store *base, struct err_text *why)
{
    return db_commit(own(base)->db, why);
}

static void sqlite_rollback(struct store *base)
{
    db_rollback(own(base)->db);
}

static enum err sqlite_look_up(struct store *base, const char *bridge, const uint8_t *epoch,
                               struct store_watermarks *watermarks, struct err_text *why)
{
    struct sqlite_store *store = own(base);
    *watermarks = (struct store_watermarks){0};
    struct sqlite_stream stream;
    enum err result = sqlite_streams_find(store->streams, bridge, epoch, &stream, why);
    if (result == ERR_OK && stream.id != 0) {
        result = sqlite_streams_advance(store->streams, &stream, why);
    }
    if (result == ERR_OK && stream.id != 0) {
        watermarks->contiguous = (uint64_t)stream.contiguous;
        watermarks->more = stream.stopped_short;
        result = sqlite_streams_highest(store->streams, &stream, &watermarks->highest, why);
    }
    if (result == ERR_OK && !watermarks->more) {
        result = sqlite_streams_missing(store->streams, stream, watermarks, why);
    }
    return result;
}

static enum err sqlite_tidy(struct store *base, struct err_text *why)
{
    return db_checkpoint(own(base)->db, why);
}

static enum err sqlite_expire(struct store *base, const struct store_retention *limits, int64_t now_us,
                              struct store_expired *expired, struct err_text *why)
{
    return sqlite_retention_step(own(base)->retention, limits, now_us, expired, why);
}

/* ---- opening and closing ---- */

static enum err read_id(struct sqlite_store *store, struct err_text *why)
{
    sqlite3_stmt *statement = store->statements[READ_ID];
    bool row;
    enum err result = first_row(store, READ_ID, &row, why);
    struct bytes id = {0};
    if (result == ERR_OK && row) {
        id = db_column_bytes(statement, 0);
    }
    if (result == ERR_OK && id.size != STORE_ID_SIZE) {
        result = err_set(why, ERR_CORRUPT, "store %s: it has lost its identity; %s", db_path(store->db),
                         store_schema.if_damaged);
    }
    if (result == ERR_OK && id.data) {
        memcpy(store->base.id, id.data, STORE_ID_SIZE);
    }
    finish(statement);
    return result;
}

static enum err prepare(struct sqlite_store *store, struct err_text *why)
{
    char cache[64];
    snprintf(cache, sizeof cache, "PRAGMA cache_size = -%d", SQLITE_STORE_CACHE_KIB);
    enum err result = db_exec(store->db, cache, why);
    for (enum query query = 0; result == ERR_OK && query < QUERIES; query++) {
        result = db_prepare(store->db, queries[query], &store->statements[query], why);
    }
    if (result == ERR_OK) {
        result = sqlite_streams_new(store->db, &store->streams, why);
    }
    if (result == ERR_OK) {
        result = sqlite_retention_new(store->db, &store->retention, why);
    }
    return result == ERR_OK ? read_id(store, why) : result;
}

static void sqlite_close(struct store *base)
{
    struct sqlite_store *store = own(base);
    sqlite_streams_free(store->streams);
    sqlite_retention_free(store->retention);
    db_close(store->db);
    free(store);
}

static const struct store_operations operations = {
    .begin = sqlite_begin,
    .put_catalog = sqlite_put_catalog,
    .put_batch = sqlite_put_batch,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .look_up = sqlite_look_up,
    .find_catalog = sqlite_find_catalog,
    .tidy = sqlite_tidy,
    .expire = sqlite_expire,
    .close = sqlite_close,
};

enum err sqlite_store_open(const char *path, struct store **out, struct err_text *why)
{
    struct sqlite_store *store = calloc(1, sizeof *store);
    if (!store) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    store->base.operations = &operations;
    enum err result = db_open(path, &store_schema, &store->db, why);
    if (result == ERR_OK) {
        db_checkpoint_later(store->db);
        result = prepare(store, why);
    }
    if (result != ERR_OK) {
        sqlite_close(&store->base);
        return result;
    }
    *out = &store->base;
    return ERR_OK;
}
