#include "spool/lost.h"

#include "base/array.h"

#include <stdlib.h>

enum query { PENDING_GAPS, KNOWN, NEWEST, QUERIES };

/* Gap records have a priority of their own, and the index by worth begins with it. Readings of a batch of
 * gaps are none. */
static const char *const queries[QUERIES] = {
    [PENDING_GAPS] = "SELECT encoded FROM batch WHERE priority = ?1",
    [KNOWN] =
        "SELECT seq, max(acked), max(readings), max(first_us), max(last_us) FROM ("
        " SELECT seq, result IN (0, 1) AS acked, iif(kind = 1, readings, 0) AS readings, first_us, last_us"
        " FROM ack_log WHERE seq BETWEEN ?1 AND ?2"
        " UNION ALL SELECT seq, 0, 0, 0, 0 FROM batch WHERE seq BETWEEN ?1 AND ?2"
        " UNION ALL SELECT seq, 0, 0, 0, 0 FROM quarantine WHERE seq BETWEEN ?1 AND ?2)"
        " GROUP BY seq ORDER BY seq",
    [NEWEST] = "SELECT max(last_us) FROM ("
               " SELECT * FROM (SELECT last_us FROM batch ORDER BY seq DESC LIMIT 1)"
               " UNION ALL SELECT max(last_us) FROM ack_log)",
};

struct lost {
    struct spool *spool;
    sqlite3_stmt *statements[QUERIES];
    size_t count;
    struct gap pending[LOST_GAPS_MAX];
};

enum err lost_new(struct spool *spool, struct lost **out, struct err_text *why)
{
    struct lost *lost = calloc(1, sizeof *lost);
    *out = NULL;
    if (!lost) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    lost->spool = spool;
    enum err result = ERR_OK;
    for (size_t i = 0; result == ERR_OK && i < QUERIES; i++) {
        result = db_prepare(spool_db(spool), queries[i], &lost->statements[i], why);
    }
    if (result != ERR_OK) {
        lost_free(lost);
        return result;
    }
    *out = lost;
    return ERR_OK;
}

void lost_free(struct lost *lost)
{
    if (lost) {
        for (size_t i = 0; i < QUERIES; i++) {
            sqlite3_finalize(lost->statements[i]);
        }
        free(lost);
    }
}

static enum err step(struct lost *lost, enum query query, bool *row, struct err_text *why)
{
    return db_step(spool_db(lost->spool), lost->statements[query], row, why);
}

/* ---- the gap records that wait ---- */

/* A damaged one accounts for nothing: it becomes a gap of its own. */
static void keep_gaps(struct lost *lost, struct bytes encoded)
{
    struct batch_view view;
    size_t count = 0;
    size_t room = LOST_GAPS_MAX - lost->count;
    if (batch_open(encoded, &view, NULL) == ERR_OK && view.kind == BATCH_GAPS && view.count <= room &&
        batch_decode_gaps(&view, lost->pending + lost->count, room, &count, NULL) == ERR_OK) {
        lost->count += count;
    }
}

enum err lost_begin(struct lost *lost, struct err_text *why)
{
    bool row = true;
    enum err result = ERR_OK;
    sqlite3_stmt *statement = lost->statements[PENDING_GAPS];
    lost->count = 0;
    sqlite3_bind_int(statement, 1, SPOOL_PRIORITY_GAPS);
    while (result == ERR_OK && row) {
        result = step(lost, PENDING_GAPS, &row, why);
        if (result == ERR_OK && row) {
            keep_gaps(lost, db_column_bytes(statement, 0));
        }
    }
    sqlite3_reset(statement);
    return result;
}

/* The first sequence from `seq` on that no waiting gap record accounts for. */
static uint64_t skip_pending(const struct lost *lost, uint64_t seq)
{
    for (size_t i = 0; i < lost->count; i++) {
        const struct gap *gap = &lost->pending[i];
        if (gap->first_sequence <= seq && gap->last_sequence >= seq && gap->last_sequence < UINT64_MAX) {
            seq = gap->last_sequence + 1;
            i = SIZE_MAX; // from the start: they are in no order
        }
    }
    return seq;
}

/* The last sequence up to `last` before the next one that is accounted for. */
static uint64_t end_before_pending(const struct lost *lost, uint64_t seq, uint64_t last)
{
    for (size_t i = 0; i < lost->count; i++) {
        uint64_t first = lost->pending[i].first_sequence;
        last = first > seq && first <= last ? first - 1 : last;
    }
    return last;
}

/* ---- what is known of the rest ---- */

static void add_unknown(struct gap_list *gaps, uint64_t first, uint64_t last)
{
    if (first <= last) {
        gap_list_add(gaps,
                     &(struct gap){.reason = GAP_RESTORED, .first_sequence = first, .last_sequence = last});
    }
}

/* A stretch of which no sequence is accounted for by a waiting gap record. */
static enum err list_stretch(struct lost *lost, uint64_t first, uint64_t last, struct gap_list *gaps,
                             struct err_text *why)
{
    bool row = true;
    uint64_t next = first;
    enum err result = ERR_OK;
    sqlite3_stmt *statement = lost->statements[KNOWN];
    sqlite3_bind_int64(statement, 1, (int64_t)first);
    sqlite3_bind_int64(statement, 2, (int64_t)last);
    while (result == ERR_OK && row) {
        result = step(lost, KNOWN, &row, why);
        if (result != ERR_OK || !row) {
            continue;
        }
        uint64_t seq = (uint64_t)sqlite3_column_int64(statement, 0);
        add_unknown(gaps, next, seq - 1);
        next = seq + 1;
        if (sqlite3_column_int(statement, 1) != 0) {
            gap_list_add(gaps, &(struct gap){
                                   .reason = GAP_RESTORED,
                                   .first_sequence = seq,
                                   .last_sequence = seq,
                                   .readings = (uint64_t)sqlite3_column_int64(statement, 2),
                                   .from_us = sqlite3_column_int64(statement, 3),
                                   .to_us = sqlite3_column_int64(statement, 4),
                               });
        }
    }
    if (result == ERR_OK) {
        add_unknown(gaps, next, last);
    }
    sqlite3_reset(statement);
    return result;
}

enum err lost_list(struct lost *lost, uint64_t first, uint64_t last, struct gap_list *gaps,
                   struct err_text *why)
{
    enum err result = ERR_OK;
    uint64_t seq = skip_pending(lost, first);
    while (result == ERR_OK && seq <= last) {
        uint64_t end = end_before_pending(lost, seq, last);
        result = list_stretch(lost, seq, end, gaps, why);
        seq = skip_pending(lost, end + 1);
    }
    return result;
}

enum err lost_newest_us(struct lost *lost, int64_t *newest_us, struct err_text *why)
{
    bool row = false;
    enum err result = step(lost, NEWEST, &row, why);
    *newest_us = result == ERR_OK && row ? sqlite3_column_int64(lost->statements[NEWEST], 0) : 0;
    sqlite3_reset(lost->statements[NEWEST]);
    return result;
}
