#include "spool/backlog.h"

#include <stdlib.h>
#include <string.h>

enum { CATALOGS_CACHED = 4 };

struct backlog {
    struct db *db;
    uint8_t epoch[BATCH_EPOCH_SIZE];
    sqlite3_stmt *read;
    sqlite3_stmt *read_catalog;
    struct spool_catalog *catalogs[CATALOGS_CACHED]; /* references; the newest at `newest` */
    size_t newest;
};

enum { COLUMN_SEQ, COLUMN_CATALOG, COLUMN_PRIORITY, COLUMN_SPOOLED, COLUMN_ENCODED };

enum err backlog_new(struct db *db, const uint8_t *epoch, struct backlog **out, struct err_text *why)
{
    struct backlog *backlog = calloc(1, sizeof *backlog);
    *out = NULL;
    if (!backlog) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    backlog->db = db;
    memcpy(backlog->epoch, epoch, sizeof backlog->epoch);
    enum err result = db_prepare(db,
                                 "SELECT seq, catalog, priority, spooled_us, encoded FROM batch"
                                 " WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
                                 &backlog->read, why);
    if (result == ERR_OK) {
        result = db_prepare(db, "SELECT encoded FROM catalog WHERE id = ?1", &backlog->read_catalog, why);
    }
    if (result != ERR_OK) {
        backlog_free(backlog);
        return result;
    }
    *out = backlog;
    return ERR_OK;
}

void backlog_free(struct backlog *backlog)
{
    if (!backlog) {
        return;
    }
    for (size_t i = 0; i < CATALOGS_CACHED; i++) {
        spool_catalog_unref(backlog->catalogs[i]);
    }
    sqlite3_finalize(backlog->read);
    sqlite3_finalize(backlog->read_catalog);
    free(backlog);
}

/* ---- catalogs ---- */

/* Decodes the row to learn its hash: a damaged one does not decode, or gives another hash. */
static enum err check_catalog(int64_t id, struct bytes encoded, struct spool_catalog **out,
                              struct err_text *why)
{
    struct catalog *catalog = NULL;
    enum err result = catalog_decode(encoded, &catalog, why);
    if (result == ERR_OK) {
        *out = spool_catalog_new(id, catalog_hash(catalog), encoded);
        result = *out ? ERR_OK : err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    catalog_free(catalog);
    return result == ERR_OK || result == ERR_NO_MEMORY ? result : err_prefix(why, ERR_CORRUPT, "its catalog");
}

static enum err load_catalog(struct backlog *backlog, int64_t id, struct spool_catalog **out,
                             struct err_text *why)
{
    bool row = false;
    sqlite3_bind_int64(backlog->read_catalog, 1, id);
    enum err result = db_step(backlog->db, backlog->read_catalog, &row, why);
    if (result != ERR_OK) {
        return result;
    }
    if (!row) {
        return err_set(why, ERR_CORRUPT, "its catalog is lost");
    }
    result = check_catalog(id, db_column_bytes(backlog->read_catalog, 0), out, why);
    sqlite3_reset(backlog->read_catalog);
    return result;
}

/* Borrowed from the cache. */
static enum err find_catalog(struct backlog *backlog, int64_t id, struct spool_catalog **out,
                             struct err_text *why)
{
    for (size_t i = 0; i < CATALOGS_CACHED; i++) {
        if (backlog->catalogs[i] && backlog->catalogs[i]->id == id) {
            *out = backlog->catalogs[i];
            return ERR_OK;
        }
    }
    enum err result = load_catalog(backlog, id, out, why);
    if (result == ERR_OK) {
        backlog->newest = (backlog->newest + 1) % CATALOGS_CACHED;
        spool_catalog_unref(backlog->catalogs[backlog->newest]);
        backlog->catalogs[backlog->newest] = *out;
    }
    return result;
}

/* ---- batches ---- */

static enum err check_view(const struct backlog *backlog, const struct batch_view *view, uint64_t seq,
                           struct err_text *why)
{
    if (view->identity.sequence != seq ||
        memcmp(view->identity.epoch, backlog->epoch, BATCH_EPOCH_SIZE) != 0) {
        return err_set(why, ERR_CORRUPT, "it is another batch than its row says");
    }
    return ERR_OK;
}

/* ERR_CORRUPT, ERR_MALFORMED, ERR_LIMIT, ERR_VERSION: this row is damaged. */
static enum err read_batch(struct backlog *backlog, uint64_t seq, struct spool_batch **out,
                           struct err_text *why)
{
    struct batch_view view;
    struct spool_catalog *catalog = NULL;
    enum err result = batch_open(db_column_bytes(backlog->read, COLUMN_ENCODED), &view, why);
    if (result == ERR_OK) {
        result = check_view(backlog, &view, seq, why);
    }
    if (result == ERR_OK && view.kind == BATCH_READINGS) {
        result = find_catalog(backlog, sqlite3_column_int64(backlog->read, COLUMN_CATALOG), &catalog, why);
    }
    if (result == ERR_OK && catalog && memcmp(catalog->hash, view.catalog_hash, CATALOG_HASH_SIZE) != 0) {
        result = err_set(why, ERR_CORRUPT, "it refers to another catalog than its row");
    }
    if (result != ERR_OK) {
        return result;
    }
    *out = spool_batch_new(&view, catalog);
    if (!*out) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    (*out)->priority = (unsigned)sqlite3_column_int(backlog->read, COLUMN_PRIORITY);
    (*out)->spooled_us = sqlite3_column_int64(backlog->read, COLUMN_SPOOLED);
    return ERR_OK;
}

static bool is_damage(enum err result)
{
    return result == ERR_CORRUPT || result == ERR_MALFORMED || result == ERR_LIMIT || result == ERR_VERSION;
}

static enum err take_row(struct backlog *backlog, struct backlog_chunk *chunk, struct err_text *why)
{
    uint64_t seq = (uint64_t)sqlite3_column_int64(backlog->read, COLUMN_SEQ);
    struct spool_batch *batch = NULL;
    struct backlog_damage damage = {.seq = seq};
    if (seq < chunk->next) { /* no row of it can be found by its number, not even to be set aside */
        return err_set(why, ERR_CORRUPT, "spool %s: its rows are out of order", db_path(backlog->db));
    }
    enum err result = read_batch(backlog, seq, &batch, &damage.why);
    if (result == ERR_OK) {
        spool_batches_append(&chunk->batches, batch);
    } else if (is_damage(result)) {
        chunk->damaged[chunk->damaged_count++] = damage;
    } else {
        return err_set(why, result, "%s", damage.why.text);
    }
    chunk->next = seq + 1;
    return ERR_OK;
}

static bool is_full(const struct backlog_chunk *chunk)
{
    return chunk->batches.bytes >= BACKLOG_CHUNK_BYTES || chunk->batches.count >= BACKLOG_CHUNK_BATCHES ||
           chunk->damaged_count >= BACKLOG_DAMAGED_MAX;
}

enum err backlog_read(struct backlog *backlog, uint64_t first, uint64_t last, struct backlog_chunk *chunk,
                      struct err_text *why)
{
    bool row = true;
    enum err result = ERR_OK;
    chunk->next = first;
    sqlite3_bind_int64(backlog->read, 1, (int64_t)first);
    sqlite3_bind_int64(backlog->read, 2, (int64_t)last);
    while (result == ERR_OK && row && !is_full(chunk)) {
        result = db_step(backlog->db, backlog->read, &row, why);
        if (result == ERR_OK && row) {
            result = take_row(backlog, chunk, why);
        }
    }
    sqlite3_reset(backlog->read);
    if (result == ERR_OK && !row) {
        chunk->next = last + 1;
    }
    return result;
}
