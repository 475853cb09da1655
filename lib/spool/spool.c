#include "spool/spool.h"

#include "base/array.h"
#include "base/log.h"
#include "spool/salvage.h"
#include "spool/spool_identity.h"
#include "store/spool_schema.h"
#include "tunnel/frame.h"

#include <stdlib.h>
#include <string.h>

enum statement {
    SAVE_STATE,
    FIRST_SEQ,
    FIND_CATALOG,
    ADD_CATALOG,
    APPEND,
    LOG_ACK,
    PRUNE_LOG,
    QUARANTINE,
    TRIM,
    STATEMENTS
};

static const char *const sql[STATEMENTS] = {
    [SAVE_STATE] = "UPDATE state SET next_seq = ?1, batches = ?2, readings = ?3, bytes = ?4,"
                   " quarantined = ?5, stopped_us = ?6, unsaved_since_us = ?7 WHERE id = 1",
    [FIRST_SEQ] = "SELECT min(seq) FROM batch",
    [FIND_CATALOG] = "SELECT id FROM catalog WHERE hash = ?1",
    [ADD_CATALOG] = "INSERT INTO catalog (hash, encoded) VALUES (?1, ?2)",
    [APPEND] = "INSERT INTO batch (seq, kind, catalog, priority, readings, first_us, last_us, spooled_us,"
               " encoded) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [LOG_ACK] = "INSERT INTO ack_log (seq, kind, readings, bytes, first_us, last_us, spooled_us, sent_us,"
                " committed_us, acked_us, result, text) SELECT seq, kind, readings, length(encoded),"
                " first_us, last_us, spooled_us, ?2, ?3, ?4, ?5, ?6 FROM batch WHERE seq = ?1",
    [PRUNE_LOG] = "DELETE FROM ack_log WHERE id <= (SELECT max(id) FROM ack_log) - ?1",
    [QUARANTINE] = "INSERT INTO quarantine (seq, kind, catalog, readings, first_us, last_us, spooled_us,"
                   " quarantined_us, reason, text, encoded) SELECT seq, kind, catalog, readings, first_us,"
                   " last_us, spooled_us, ?2, ?3, ?4, encoded FROM batch WHERE seq = ?1",
    [TRIM] = "DELETE FROM batch WHERE seq = ?1 RETURNING readings, length(encoded), first_us, last_us",
};

struct spool {
    struct db *db;
    sqlite3_stmt *statements[STATEMENTS];
    uint8_t epoch[BATCH_EPOCH_SIZE];
    int64_t ack_log_rows;
    struct spool_state state;
    struct spool_state at_begin; /* what a rollback returns to */
    bool logged;                 /* rows were added to the ack log in this transaction */
};

/* ---- opening ---- */

static enum err set_up(struct spool *spool, const struct spool_options *options, bool made, int64_t now_us,
                       struct err_text *why)
{
    enum err result = made ? ERR_OK : spool_identity_make(spool->db, options->bridge, now_us, why);
    if (result == ERR_OK) {
        result = spool_identity_read(spool->db, spool->epoch, &spool->state, why);
    }
    for (size_t i = 0; result == ERR_OK && i < STATEMENTS; i++) {
        result = db_prepare(spool->db, sql[i], &spool->statements[i], why);
    }
    return result;
}

static enum err repair(const struct spool_options *options, int64_t now_us, struct err_text *why)
{
    struct salvage_report report;
    enum err result = salvage(options, now_us, &report, why);
    if (result == ERR_OK) {
        log_error("spool", log_event("salvaged"), log_str("spool", options->path),
                  log_i64("batches", report.batches), log_i64("quarantined", report.quarantined),
                  log_u64("lost_first", report.lost.gaps[0].first_sequence),
                  log_u64("lost_last", report.lost.gaps[report.lost.count - 1].last_sequence),
                  log_str("damaged_file", report.aside),
                  log_str("effect", "what could not be read is reported to the server as a gap"));
    }
    return result;
}

/* Somebody else's is refused, a damaged one repaired. `*made`: it has an identity. */
static enum err make_usable(const struct spool_options *options, int64_t now_us, bool *made,
                            struct err_text *why)
{
    enum err result = spool_identity_check(options->path, options->bridge, made, why);
    bool damaged = result == ERR_CORRUPT || (result == ERR_OK && salvage_is_marked(options->path));
    if (!damaged) {
        return result;
    }
    result = repair(options, now_us, why);
    return result == ERR_OK ? spool_identity_check(options->path, options->bridge, made, why) : result;
}

enum err spool_open(const struct spool_options *options, int64_t now_us, struct spool **out,
                    struct err_text *why)
{
    *out = NULL;
    bool made = false;
    enum err result = make_usable(options, now_us, &made, why);
    if (result != ERR_OK) {
        return result;
    }
    struct spool *spool = calloc(1, sizeof *spool);
    if (!spool) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    spool->ack_log_rows = options->ack_log_rows;
    result = db_open(options->path, &spool_schema, &spool->db, why);
    if (result == ERR_OK) {
        result = set_up(spool, options, made, now_us, why);
    }
    if (result == ERR_CORRUPT) { /* deeper than the look at it went: the next start salvages it */
        salvage_mark(options->path);
    }
    if (result != ERR_OK) {
        spool_close(spool);
        return result;
    }
    *out = spool;
    return ERR_OK;
}

void spool_close(struct spool *spool)
{
    if (spool) {
        db_close(spool->db);
        free(spool);
    }
}

/* ---- what it holds ---- */

const uint8_t *spool_epoch(const struct spool *spool)
{
    return spool->epoch;
}

const struct spool_state *spool_state(const struct spool *spool)
{
    return &spool->state;
}

enum err spool_first_seq(struct spool *spool, uint64_t *first, struct err_text *why)
{
    sqlite3_stmt *statement = spool->statements[FIRST_SEQ];
    bool row = false;
    enum err result = db_step(spool->db, statement, &row, why);
    if (row) {
        bool none = sqlite3_column_type(statement, 0) == SQLITE_NULL;
        *first = none ? spool->state.next_seq : (uint64_t)sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    if (row && (*first == 0 || *first > spool->state.next_seq)) { /* no server would open a session with it */
        return err_set(why, ERR_CORRUPT, "spool %s: its first batch has a number that cannot have been",
                       db_path(spool->db));
    }
    return result;
}

static enum err find_catalog(struct spool *spool, const struct catalog *catalog, int64_t *id,
                             struct err_text *why)
{
    sqlite3_stmt *statement = spool->statements[FIND_CATALOG];
    bool row = false;
    sqlite3_bind_blob(statement, 1, catalog_hash(catalog), CATALOG_HASH_SIZE, SQLITE_STATIC);
    enum err result = db_step(spool->db, statement, &row, why);
    *id = 0;
    if (row) {
        *id = sqlite3_column_int64(statement, 0);
        sqlite3_reset(statement);
    }
    return result;
}

enum err spool_add_catalog(struct spool *spool, const struct catalog *catalog, struct spool_catalog **row,
                           struct err_text *why)
{
    struct bytes encoded = catalog_encoded(catalog);
    int64_t id = 0;
    enum err result = find_catalog(spool, catalog, &id, why);
    if (result == ERR_OK && id == 0) {
        sqlite3_stmt *statement = spool->statements[ADD_CATALOG];
        sqlite3_bind_blob(statement, 1, catalog_hash(catalog), CATALOG_HASH_SIZE, SQLITE_STATIC);
        sqlite3_bind_blob64(statement, 2, encoded.data, encoded.size, SQLITE_STATIC);
        result = db_run(spool->db, statement, why);
        id = db_last_insert_id(spool->db);
    }
    if (result != ERR_OK) {
        return result;
    }
    *row = spool_catalog_new(id, catalog_hash(catalog), encoded);
    return *row ? ERR_OK : err_set(why, ERR_NO_MEMORY, "out of memory");
}

struct batch_identity spool_take_identity(struct spool *spool)
{
    struct batch_identity identity = {.sequence = spool->state.next_seq++};
    memcpy(identity.epoch, spool->epoch, sizeof identity.epoch);
    return identity;
}

/* ---- transactions ---- */

enum err spool_begin(struct spool *spool, struct err_text *why)
{
    spool->at_begin = spool->state;
    spool->logged = false;
    return db_begin(spool->db, why);
}

static enum err save_state(struct spool *spool, struct err_text *why)
{
    const int64_t values[] = {
        (int64_t)spool->state.next_seq, spool->state.batches,
        spool->state.readings,          spool->state.bytes,
        spool->state.quarantined,       spool->state.stopped_us,
        spool->state.unsaved_since_us,
    };
    sqlite3_stmt *statement = spool->statements[SAVE_STATE];
    for (int i = 0; i < (int)ARRAY_LENGTH(values); i++) {
        sqlite3_bind_int64(statement, i + 1, values[i]);
    }
    return db_run(spool->db, statement, why);
}

static enum err prune_log(struct spool *spool, struct err_text *why)
{
    sqlite3_stmt *statement = spool->statements[PRUNE_LOG];
    sqlite3_bind_int64(statement, 1, spool->ack_log_rows);
    return db_run(spool->db, statement, why);
}

enum err spool_commit(struct spool *spool, struct err_text *why)
{
    enum err result = spool->logged ? prune_log(spool, why) : ERR_OK;
    if (result == ERR_OK) {
        result = save_state(spool, why);
    }
    if (result == ERR_OK) {
        result = db_commit(spool->db, why);
    }
    if (result != ERR_OK) {
        spool_rollback(spool);
    }
    return result;
}

void spool_rollback(struct spool *spool)
{
    db_rollback(spool->db);
    spool->state = spool->at_begin;
}

/* ---- changes ---- */

enum err spool_append(struct spool *spool, struct spool_batch *batch, int64_t now_us, struct err_text *why)
{
    sqlite3_stmt *statement = spool->statements[APPEND];
    batch->spooled_us = now_us;
    sqlite3_bind_int64(statement, 1, (int64_t)batch->seq);
    sqlite3_bind_int(statement, 2, (int)batch->kind);
    if (batch->catalog) {
        sqlite3_bind_int64(statement, 3, batch->catalog->id);
    }
    sqlite3_bind_int(statement, 4, (int)batch->priority);
    sqlite3_bind_int64(statement, 5, batch->readings);
    sqlite3_bind_int64(statement, 6, batch->first_us);
    sqlite3_bind_int64(statement, 7, batch->last_us);
    sqlite3_bind_int64(statement, 8, batch->spooled_us);
    sqlite3_bind_blob64(statement, 9, batch->encoded, batch->size, SQLITE_STATIC);
    enum err result = db_run(spool->db, statement, why);
    if (result == ERR_OK) {
        spool->state.batches++;
        spool->state.readings += batch->readings;
        spool->state.bytes += (int64_t)batch->size;
    }
    return result;
}

static enum err encode_gaps(struct spool *spool, const struct gap_list *gaps, struct spool_batch **batch,
                            struct err_text *why)
{
    struct batch_identity identity = spool_take_identity(spool);
    struct buffer encoded;
    struct batch_view view;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    enum err result = batch_encode_gaps(gaps->gaps, gaps->count, &identity, &encoded);
    if (result != ERR_OK) {
        err_set(why, result, "gap record %llu: %s", (unsigned long long)identity.sequence, err_name(result));
    } else {
        result = batch_open(buffer_bytes(&encoded), &view, why);
    }
    *batch = result == ERR_OK ? spool_batch_new(&view, NULL) : NULL;
    buffer_fini(&encoded);
    return result == ERR_OK && !*batch ? err_set(why, ERR_NO_MEMORY, "out of memory") : result;
}

enum err spool_append_gaps(struct spool *spool, const struct gap_list *gaps, int64_t now_us,
                           struct spool_batches *made, struct err_text *why)
{
    if (gaps->count == 0) {
        return ERR_OK;
    }
    struct spool_batch *batch = NULL;
    enum err result = encode_gaps(spool, gaps, &batch, why);
    if (result == ERR_OK) {
        result = spool_append(spool, batch, now_us, why);
    }
    if (result != ERR_OK) {
        spool_batch_free(batch);
        return result;
    }
    spool_batches_append(made, batch);
    return ERR_OK;
}

static void count_out(int64_t *value, int64_t amount)
{
    *value = *value > amount ? *value - amount : 0; /* a damaged row may say anything */
}

void spool_count_out(struct spool *spool, int64_t readings, int64_t bytes, bool quarantine)
{
    if (quarantine) {
        count_out(&spool->state.quarantined, bytes);
        return;
    }
    count_out(&spool->state.batches, 1);
    count_out(&spool->state.readings, readings);
    count_out(&spool->state.bytes, bytes);
}

/* Deletes the row; `gap` (NULL: nobody asks) becomes what was lost with it. */
static enum err trim(struct spool *spool, uint64_t seq, struct gap *gap, int64_t *bytes, struct err_text *why)
{
    sqlite3_stmt *statement = spool->statements[TRIM];
    bool row = false;
    sqlite3_bind_int64(statement, 1, (int64_t)seq);
    enum err result = db_step(spool->db, statement, &row, why);
    *bytes = 0;
    if (!row) {
        return result;
    }
    int64_t readings = sqlite3_column_int64(statement, 0);
    *bytes = sqlite3_column_int64(statement, 1);
    if (gap) {
        gap->first_sequence = gap->last_sequence = seq;
        gap->readings = readings > 0 ? (uint64_t)readings : 0;
        gap->from_us = sqlite3_column_int64(statement, 2);
        gap->to_us = sqlite3_column_int64(statement, 3);
    }
    spool_count_out(spool, readings, *bytes, false);
    return db_step(spool->db, statement, &row, why);
}

static enum err quarantine(struct spool *spool, uint64_t seq, int reason, const char *text, int64_t now_us,
                           struct err_text *why)
{
    sqlite3_stmt *statement = spool->statements[QUARANTINE];
    sqlite3_bind_int64(statement, 1, (int64_t)seq);
    sqlite3_bind_int64(statement, 2, now_us);
    sqlite3_bind_int(statement, 3, reason);
    sqlite3_bind_text(statement, 4, text ? text : "", -1, SQLITE_STATIC);
    return db_run(spool->db, statement, why);
}

static enum err log_ack(struct spool *spool, const struct spool_ack *ack, struct err_text *why)
{
    sqlite3_stmt *statement = spool->statements[LOG_ACK];
    sqlite3_bind_int64(statement, 1, (int64_t)ack->seq);
    sqlite3_bind_int64(statement, 2, ack->sent_us);
    sqlite3_bind_int64(statement, 3, ack->committed_us);
    sqlite3_bind_int64(statement, 4, ack->acked_us);
    sqlite3_bind_int(statement, 5, ack->result);
    sqlite3_bind_text(statement, 6, ack->text ? ack->text : "", -1, SQLITE_STATIC);
    spool->logged = true;
    return db_run(spool->db, statement, why);
}

enum err spool_ack(struct spool *spool, const struct spool_ack *ack, struct err_text *why)
{
    bool rejected = ack->result == ACK_REJECTED;
    int64_t bytes = 0;
    enum err result = log_ack(spool, ack, why);
    if (result == ERR_OK && rejected) {
        result = quarantine(spool, ack->seq, QUARANTINE_REJECTED, ack->text, ack->acked_us, why);
    }
    if (result == ERR_OK) {
        result = trim(spool, ack->seq, NULL, &bytes, why);
    }
    if (result == ERR_OK && rejected) {
        spool->state.quarantined += bytes;
    }
    return result == ERR_OK ? ERR_OK
                            : err_prefix(why, result, "ack of batch %llu", (unsigned long long)ack->seq);
}

enum err spool_quarantine_damaged(struct spool *spool, uint64_t seq, const char *text, int64_t now_us,
                                  struct gap_list *gaps, struct err_text *why)
{
    struct gap gap = {.reason = GAP_SPOOL_DAMAGED};
    int64_t bytes = 0;
    enum err result = quarantine(spool, seq, QUARANTINE_DAMAGED, text, now_us, why);
    if (result == ERR_OK) {
        result = trim(spool, seq, &gap, &bytes, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    if (gap.first_sequence == 0) {
        return err_set(why, ERR_CORRUPT, "spool %s: batch %llu was read and cannot be found",
                       db_path(spool->db), (unsigned long long)seq);
    }
    spool->state.quarantined += bytes;
    gap_list_add(gaps, &gap);
    return ERR_OK;
}

enum err spool_remove(struct spool *spool, uint64_t seq, struct err_text *why)
{
    int64_t bytes;
    return trim(spool, seq, NULL, &bytes, why);
}

void spool_set_stopped(struct spool *spool, int64_t stopped_us)
{
    spool->state.stopped_us = stopped_us;
}

void spool_set_unsaved_since(struct spool *spool, int64_t since_us)
{
    spool->state.unsaved_since_us = since_us;
}

struct db *spool_db(struct spool *spool)
{
    return spool->db;
}

void spool_set_next_seq(struct spool *spool, uint64_t next_seq)
{
    if (next_seq > spool->state.next_seq) {
        spool->state.next_seq = next_seq;
    }
}
