#include "spool/salvage_gaps.h"

/* A number that cannot have been is a damaged row's: which one it was, the holes tell. */
static void keep_possible(struct gap_list *lost, uint64_t next_seq)
{
    size_t kept = 0;
    for (size_t i = 0; i < lost->count; i++) {
        if (lost->gaps[i].first_sequence > 0 && lost->gaps[i].last_sequence < next_seq) {
            lost->gaps[kept++] = lost->gaps[i];
        }
    }
    lost->count = kept;
}

/*
 * Every number that neither waits, is set aside nor was answered, as far back as the ack log goes; to the
 * very first one if it was never cut. Some of them may have been dropped before, and be told twice.
 */
static enum err add_holes(struct spool *spool, struct gap_list *lost, struct err_text *why)
{
    static const char query[] =
        "WITH known (seq) AS (SELECT seq FROM batch UNION SELECT seq FROM ack_log UNION SELECT seq FROM"
        " quarantine), first (seq) AS (SELECT CASE WHEN (SELECT ifnull(min(id), 1) FROM ack_log) = 1 THEN 0"
        " ELSE ifnull((SELECT min(seq) FROM known), 0) END),"
        " edges (before, seq) AS (SELECT lag(seq, 1, (SELECT seq FROM first)) OVER (ORDER BY seq), seq FROM"
        " (SELECT seq FROM known UNION SELECT next_seq FROM state) WHERE seq > 0)"
        " SELECT before + 1, seq - 1 FROM edges, state WHERE seq > before + 1 AND seq <= next_seq";
    sqlite3_stmt *statement = NULL;
    bool row = true;
    enum err result = db_prepare(spool_db(spool), query, &statement, why);
    while (result == ERR_OK && row) {
        result = db_step(spool_db(spool), statement, &row, why);
        if (result == ERR_OK && row) {
            gap_list_add(lost, &(struct gap){.reason = GAP_SPOOL_DAMAGED,
                                             .first_sequence = (uint64_t)sqlite3_column_int64(statement, 0),
                                             .last_sequence = (uint64_t)sqlite3_column_int64(statement, 1)});
        }
    }
    sqlite3_finalize(statement);
    return result;
}

/* From the beginning of the batch before to the end of the one behind, or to now. */
static enum err estimate(struct spool *spool, struct gap *gap, int64_t now_us, struct err_text *why)
{
    static const char query[] =
        "WITH known (seq, first_us, last_us) AS (SELECT seq, first_us, last_us FROM batch WHERE kind = 1"
        " UNION ALL SELECT seq, first_us, last_us FROM ack_log WHERE kind = 1)"
        " SELECT ifnull((SELECT first_us FROM known WHERE seq < ?1 ORDER BY seq DESC LIMIT 1),"
        " (SELECT made_us FROM identity)),"
        " ifnull((SELECT last_us FROM known WHERE seq > ?2 ORDER BY seq LIMIT 1), ?3)";
    sqlite3_stmt *statement = NULL;
    bool row = false;
    enum err result = db_prepare(spool_db(spool), query, &statement, why);
    if (result == ERR_OK) {
        sqlite3_bind_int64(statement, 1, (int64_t)gap->first_sequence);
        sqlite3_bind_int64(statement, 2, (int64_t)gap->last_sequence);
        sqlite3_bind_int64(statement, 3, now_us);
        result = db_step(spool_db(spool), statement, &row, why);
    }
    if (row) {
        int64_t from_us = sqlite3_column_int64(statement, 0);
        int64_t to_us = sqlite3_column_int64(statement, 1);
        bool sound = from_us > 0 && from_us <= to_us && batch_is_time(to_us);
        gap->from_us = sound ? from_us : 0;
        gap->to_us = sound ? to_us : 0;
    }
    sqlite3_finalize(statement);
    return result;
}

static enum err estimate_all(struct spool *spool, struct gap_list *lost, int64_t now_us, struct err_text *why)
{
    enum err result = ERR_OK;
    for (size_t i = 0; result == ERR_OK && i < lost->count; i++) {
        if (lost->gaps[i].to_us == 0 && lost->gaps[i].first_sequence != 0) {
            result = estimate(spool, &lost->gaps[i], now_us, why);
        }
    }
    return result;
}

static enum err append(struct spool *spool, const struct gap_list *lost, int64_t now_us, struct err_text *why)
{
    struct spool_batches made = {0};
    enum err result = spool_begin(spool, why);
    if (result == ERR_OK) {
        result = spool_append_gaps(spool, lost, now_us, &made, why);
    }
    if (result == ERR_OK) {
        result = spool_commit(spool, why);
    }
    spool_batches_clear(&made);
    return result;
}

enum err salvage_gaps_add(const struct spool_options *options, struct gap_list *lost, int64_t now_us,
                          struct err_text *why)
{
    struct spool *spool = NULL;
    enum err result = spool_open(options, now_us, &spool, why);
    if (result == ERR_OK) {
        keep_possible(lost, spool_state(spool)->next_seq);
        result = add_holes(spool, lost, why);
    }
    if (lost->count == 0) { /* the file was damaged: who knows what else it had */
        lost->gaps[lost->count++] = (struct gap){.reason = GAP_SPOOL_DAMAGED};
    }
    if (result == ERR_OK) {
        result = estimate_all(spool, lost, now_us, why);
    }
    if (result == ERR_OK) {
        result = append(spool, lost, now_us, why);
    }
    spool_close(spool);
    return result;
}
