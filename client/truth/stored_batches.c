#include "truth/stored_batches.h"

#include "store/db.h"
#include "store/store_schema.h"
#include "tunnel/batch_decoder.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct stored_catalog {
    int64_t id;
    struct catalog *catalog;
};

struct stored_batches {
    struct db *db;
    struct batch_decoder *decoder;
    struct stored_catalog *catalogs;
    size_t catalog_count;
    /* of the walk */
    enum err (*each)(void *owner, const struct stored_reading *reading);
    void *owner;
    struct stored_reading at;
    const struct catalog *catalog;
};

enum err stored_batches_open(const char *path, struct stored_batches **out, struct err_text *why)
{
    *out = NULL;
    struct stored_batches *batches = calloc(1, sizeof *batches);
    if (batches) {
        batches->decoder = batch_decoder_new();
    }
    if (!batches || !batches->decoder) {
        free(batches);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = db_open_read_only(path, &store_schema, &batches->db, why);
    if (result != ERR_OK) {
        stored_batches_close(batches);
        return result;
    }
    *out = batches;
    return ERR_OK;
}

void stored_batches_close(struct stored_batches *batches)
{
    if (!batches) {
        return;
    }
    for (size_t i = 0; i < batches->catalog_count; i++) {
        catalog_free(batches->catalogs[i].catalog);
    }
    free(batches->catalogs);
    batch_decoder_free(batches->decoder);
    db_close(batches->db);
    free(batches);
}

/* ---- catalogs ---- */

static enum err add_catalog(struct stored_batches *batches, sqlite3_stmt *row, struct err_text *why)
{
    struct stored_catalog *catalogs =
        realloc(batches->catalogs, (batches->catalog_count + 1) * sizeof *batches->catalogs);
    if (!catalogs) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    batches->catalogs = catalogs;
    struct stored_catalog *added = &catalogs[batches->catalog_count];
    added->id = sqlite3_column_int64(row, 0);
    enum err result = catalog_decode(db_column_bytes(row, 1), &added->catalog, why);
    if (result != ERR_OK) {
        return err_prefix(why, ERR_CORRUPT, "catalog %" PRId64, added->id);
    }
    batches->catalog_count++;
    return ERR_OK;
}

static enum err load_catalogs(struct stored_batches *batches, struct err_text *why)
{
    sqlite3_stmt *statement;
    enum err result = db_prepare(batches->db, "SELECT id, encoded FROM catalog ORDER BY id", &statement, why);
    bool row = true;
    while (result == ERR_OK && row) {
        result = db_step(batches->db, statement, &row, why);
        if (result == ERR_OK && row) {
            result = add_catalog(batches, statement, why);
        }
    }
    return result;
}

static const struct catalog *find_catalog(const struct stored_batches *batches, int64_t id)
{
    for (size_t i = 0; i < batches->catalog_count; i++) {
        if (batches->catalogs[i].id == id) {
            return batches->catalogs[i].catalog;
        }
    }
    return NULL;
}

/* ---- the walk ---- */

enum { COLUMN_BRIDGE, COLUMN_STREAM, COLUMN_SEQ, COLUMN_CATALOG, COLUMN_EPOCH, COLUMN_ENCODED };
static const char walk_rows[] =
    "SELECT bridge.name, stream.id, seq, catalog, epoch, encoded FROM batch"
    " JOIN stream ON stream.id = batch.stream JOIN bridge ON bridge.id = stream.bridge"
    " WHERE kind = 1 ORDER BY stream.id, seq";

static enum err visit(void *owner, const struct reading *reading)
{
    struct stored_batches *batches = owner;
    batches->at.reading = reading;
    batches->at.tag = catalog_tag(batches->catalog, reading->tag);
    return batches->each(batches->owner, &batches->at);
}

static bool is_identity(const struct batch_view *view, sqlite3_stmt *row)
{
    struct bytes epoch = db_column_bytes(row, COLUMN_EPOCH);
    return epoch.size == BATCH_EPOCH_SIZE && memcmp(epoch.data, view->identity.epoch, epoch.size) == 0 &&
           view->identity.sequence == (uint64_t)sqlite3_column_int64(row, COLUMN_SEQ);
}

static enum err walk_batch(struct stored_batches *batches, sqlite3_stmt *row, struct err_text *why)
{
    struct batch_view view;
    enum err result = batch_open(db_column_bytes(row, COLUMN_ENCODED), &view, why);
    batches->catalog = find_catalog(batches, sqlite3_column_int64(row, COLUMN_CATALOG));
    if (result != ERR_OK) {
        return result;
    }
    if (!batches->catalog ||
        memcmp(catalog_hash(batches->catalog), view.catalog_hash, CATALOG_HASH_SIZE) != 0) {
        return err_set(why, ERR_CORRUPT, "its catalog is not the one it was made with");
    }
    if (!is_identity(&view, row)) {
        return err_set(why, ERR_CORRUPT, "it is stored under another identity than its own");
    }
    struct batch_visitor visitor = {.owner = batches, .reading = visit};
    return batch_decode(batches->decoder, &view, batches->catalog, &visitor, why);
}

enum err stored_batches_walk(struct stored_batches *batches,
                             enum err (*each)(void *owner, const struct stored_reading *reading), void *owner,
                             struct err_text *why)
{
    sqlite3_stmt *statement;
    enum err result = load_catalogs(batches, why);
    if (result == ERR_OK) {
        result = db_prepare(batches->db, walk_rows, &statement, why);
    }
    batches->each = each;
    batches->owner = owner;
    bool row = true;
    while (result == ERR_OK && row) {
        result = db_step(batches->db, statement, &row, why);
        if (result != ERR_OK || !row) {
            break;
        }
        batches->at = (struct stored_reading){
            .bridge = (const char *)sqlite3_column_text(statement, COLUMN_BRIDGE),
            .stream = sqlite3_column_int64(statement, COLUMN_STREAM),
            .seq = (uint64_t)sqlite3_column_int64(statement, COLUMN_SEQ),
        };
        result = walk_batch(batches, statement, why);
        if (result != ERR_OK) {
            (void)err_prefix(why, result, "bridge %s, batch %" PRIu64, batches->at.bridge, batches->at.seq);
        }
    }
    return result;
}

enum err stored_batches_missing(struct stored_batches *batches, uint64_t *count, struct err_text *why)
{
    sqlite3_stmt *statement;
    bool row = false;
    *count = 0;
    enum err result = db_prepare(batches->db, "SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM hole",
                                 &statement, why);
    if (result == ERR_OK) {
        result = db_step(batches->db, statement, &row, why);
    }
    if (result == ERR_OK && row) {
        *count = (uint64_t)sqlite3_column_int64(statement, 0);
    }
    return result;
}
