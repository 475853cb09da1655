#include "store_check.h"

#include "tunnel/batch_decoder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 256, WHAT_MAX = 160 };
enum { ID, SEQ, KIND, CATALOG, READINGS, FIRST, LAST, ENCODED, BRIDGE, EPOCH, GAPS };

struct check {
    struct db *db;
    const struct store_check_watcher *watcher;
    struct store_checked *checked;
    struct batch_decoder *decoder;
    struct catalog *catalog; /* of the batch before, mostly of the next one, too */
    int64_t catalog_id;
};

static void damaged(struct check *check, const char *what, const char *text)
{
    check->checked->damages++;
    check->watcher->damaged(check->watcher->owner, what, text);
}

/* Each row of a query is a damage: what, and why. */
static enum err list_damages(struct check *check, const char *sql, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    bool row = true;
    enum err result = db_prepare(check->db, sql, &statement, why);
    while (result == ERR_OK && row) {
        result = db_step(check->db, statement, &row, why);
        if (result == ERR_OK && row) {
            const char *what = (const char *)sqlite3_column_text(statement, 0);
            const char *text = (const char *)sqlite3_column_text(statement, 1);
            damaged(check, what ? what : "", text ? text : "");
        }
    }
    sqlite3_finalize(statement);
    return result;
}

/* ---- catalogs ---- */

static void check_catalog(struct check *check, int64_t id, struct bytes hash, struct bytes encoded)
{
    char what[WHAT_MAX];
    struct err_text why = {""};
    struct catalog *catalog = NULL;
    enum err result = catalog_decode(encoded, &catalog, &why);
    if (result == ERR_OK &&
        (hash.size != CATALOG_HASH_SIZE || memcmp(hash.data, catalog_hash(catalog), hash.size) != 0)) {
        result = err_set(&why, ERR_CORRUPT, "its hash is not that of its bytes");
    }
    if (result != ERR_OK) {
        snprintf(what, sizeof what, "catalog %" PRId64, id);
        damaged(check, what, why.text);
    }
    check->checked->catalogs++;
    catalog_free(catalog);
}

static enum err check_catalogs(struct check *check, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    bool row = true;
    enum err result = db_prepare(check->db, "SELECT id, hash, encoded FROM catalog", &statement, why);
    while (result == ERR_OK && row) {
        result = db_step(check->db, statement, &row, why);
        if (result == ERR_OK && row) {
            check_catalog(check, sqlite3_column_int64(statement, 0), db_column_bytes(statement, 1),
                          db_column_bytes(statement, 2));
        }
    }
    sqlite3_finalize(statement);
    return result;
}

static enum err load_catalog(struct check *check, int64_t id, struct err_text *why)
{
    if (check->catalog && check->catalog_id == id) {
        return ERR_OK;
    }
    sqlite3_stmt *statement = NULL;
    bool row = false;
    catalog_free(check->catalog);
    check->catalog = NULL;
    enum err result = db_prepare(check->db, "SELECT encoded FROM catalog WHERE id = ?1", &statement, why);
    if (result != ERR_OK) {
        return result;
    }
    sqlite3_bind_int64(statement, 1, id);
    result = db_step(check->db, statement, &row, why);
    if (result == ERR_OK && row) {
        result = catalog_decode(db_column_bytes(statement, 0), &check->catalog, why);
        check->catalog_id = id;
    } else if (result == ERR_OK) {
        result = err_set(why, ERR_CORRUPT, "its catalog is not there");
    }
    sqlite3_finalize(statement);
    return result;
}

/* ---- batches ---- */

static enum err check_head(const struct batch_view *view, sqlite3_stmt *row, struct err_text *why)
{
    struct bytes epoch = db_column_bytes(row, EPOCH);
    bool same = (int64_t)view->identity.sequence == sqlite3_column_int64(row, SEQ) &&
                (int64_t)view->kind == sqlite3_column_int64(row, KIND) &&
                view->count == sqlite3_column_int64(row, READINGS) &&
                view->first_us == sqlite3_column_int64(row, FIRST) &&
                view->last_us == sqlite3_column_int64(row, LAST) && epoch.size == BATCH_EPOCH_SIZE &&
                memcmp(epoch.data, view->identity.epoch, epoch.size) == 0;
    return same ? ERR_OK : err_set(why, ERR_CORRUPT, "its row says something else than its bytes");
}

static enum err check_content(struct check *check, const struct batch_view *view, sqlite3_stmt *row,
                              struct err_text *why)
{
    if (view->kind == BATCH_GAPS) {
        size_t count;
        enum err result = batch_decode_gaps(view, NULL, 0, &count, why);
        bool all = view->count == sqlite3_column_int64(row, GAPS);
        return result != ERR_OK || all ? result
                                       : err_set(why, ERR_CORRUPT, "its gap records are not all there");
    }
    enum err result = load_catalog(check, sqlite3_column_int64(row, CATALOG), why);
    if (result == ERR_OK &&
        memcmp(catalog_hash(check->catalog), view->catalog_hash, CATALOG_HASH_SIZE) != 0) {
        result = err_set(why, ERR_CORRUPT, "it is of another catalog than its row says");
    }
    return result == ERR_OK ? batch_decode(check->decoder, view, check->catalog, NULL, why) : result;
}

static void check_batch(struct check *check, sqlite3_stmt *row)
{
    struct err_text why = {""};
    struct batch_view view;
    enum err result = batch_open(db_column_bytes(row, ENCODED), &view, &why);
    if (result == ERR_OK) {
        result = check_head(&view, row, &why);
    }
    if (result == ERR_OK) {
        result = check_content(check, &view, row, &why);
    }
    if (result != ERR_OK) {
        char what[WHAT_MAX];
        snprintf(what, sizeof what, "batch %lld of bridge %s", sqlite3_column_int64(row, SEQ),
                 (const char *)sqlite3_column_text(row, BRIDGE));
        damaged(check, what, why.text);
    }
    check->checked->batches++;
    check->checked->readings += (uint64_t)sqlite3_column_int64(row, READINGS);
}

static enum err check_chunk(struct check *check, sqlite3_stmt *statement, int64_t *id, bool *more,
                            struct err_text *why)
{
    bool row = true;
    int count = 0;
    enum err result = ERR_OK;
    sqlite3_bind_int64(statement, 1, *id);
    sqlite3_bind_int64(statement, 2, CHUNK);
    while (result == ERR_OK && row) {
        result = db_step(check->db, statement, &row, why);
        if (result == ERR_OK && row) {
            check_batch(check, statement);
            *id = sqlite3_column_int64(statement, ID);
            count++;
        }
    }
    *more = count == CHUNK;
    return result;
}

static enum err count_batches(struct check *check, uint64_t *total, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    enum err result = db_prepare(check->db, "SELECT count(*) FROM batch", &statement, why);
    if (result == ERR_OK) {
        result = db_step(check->db, statement, &row, why);
    }
    *total = row ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return result;
}

static enum err check_batches(struct check *check, struct err_text *why)
{
    static const char sql[] =
        "SELECT batch.id, seq, kind, catalog, batch.readings, first_us, last_us, encoded, name, epoch,"
        " CASE kind WHEN 2 THEN (SELECT count(*) FROM gap_record WHERE gap_record.batch = batch.id) END"
        " FROM batch JOIN stream ON stream.id = batch.stream JOIN bridge ON bridge.id = stream.bridge"
        " WHERE batch.id > ?1 ORDER BY batch.id LIMIT ?2";
    sqlite3_stmt *statement = NULL;
    uint64_t total;
    int64_t id = 0;
    bool more = true;
    enum err result = count_batches(check, &total, why);
    if (result == ERR_OK) {
        result = db_prepare(check->db, sql, &statement, why);
    }
    while (result == ERR_OK && more) {
        result = check_chunk(check, statement, &id, &more, why);
        check->watcher->looked_at(check->watcher->owner, check->checked->batches, total);
    }
    sqlite3_finalize(statement);
    return result;
}

/* ---- the whole ---- */

static const char structure[] = "SELECT 'file', integrity_check FROM pragma_integrity_check(100)"
                                " WHERE integrity_check <> 'ok'";
static const char references[] =
    "SELECT 'table ' || \"table\", 'row ' || rowid || ' refers to no row of ' || parent"
    " FROM pragma_foreign_key_check";
/* How many sequences up to `contiguous` are there or accounted for must be all of them. */
static const char ledger[] =
    "WITH present (stream, first_seq, last_seq) AS ("
    "  SELECT stream, seq, seq FROM batch UNION ALL SELECT stream, first_seq, last_seq FROM gap_record"
    "  WHERE last_seq > 0 UNION ALL SELECT stream, first_seq, last_seq FROM expired"
    "  UNION ALL SELECT id, contiguous + 1, contiguous + 1 FROM stream),"
    " covered (stream, first_seq, reached) AS ("
    "  SELECT stream, first_seq, coalesce(max(last_seq) OVER (PARTITION BY stream ORDER BY first_seq, "
    "last_seq"
    "   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) FROM present)"
    " SELECT 'ledger of bridge ' || name, 'batches ' || (reached + 1) || ' to ' || (first_seq - 1)"
    "  || ' are called stored and are not there'"
    " FROM covered JOIN stream ON stream.id = covered.stream JOIN bridge ON bridge.id = stream.bridge"
    " WHERE first_seq > reached + 1 AND reached < contiguous";

enum err store_check_run(struct db *db, const struct store_check_watcher *watcher,
                         struct store_checked *checked, struct err_text *why)
{
    *checked = (struct store_checked){0};
    struct check check = {.db = db, .watcher = watcher, .checked = checked, .decoder = batch_decoder_new()};
    if (!check.decoder) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = list_damages(&check, structure, why);
    if (result == ERR_OK) {
        result = list_damages(&check, references, why);
    }
    if (result == ERR_OK) {
        result = check_catalogs(&check, why);
    }
    if (result == ERR_OK) {
        result = check_batches(&check, why);
    }
    if (result == ERR_OK) {
        result = list_damages(&check, ledger, why);
    }
    catalog_free(check.catalog);
    batch_decoder_free(check.decoder);
    return result;
}
