#include "spool/dropper.h"

#include "store/spool_schema.h"

#include <stdlib.h>

struct dropper {
    struct spool *spool;
    sqlite3_stmt *drop_least;       /* lowest priority, oldest */
    sqlite3_stmt *drop_expired;     /* oldest, if it is too old */
    sqlite3_stmt *drop_quarantined; /* oldest */
};

/* The columns every statement returns of the row it deleted. */
enum { COLUMN_SEQ, COLUMN_READINGS, COLUMN_BYTES, COLUMN_FIRST, COLUMN_LAST, COLUMN_REASON };

enum err dropper_new(struct spool *spool, struct dropper **out, struct err_text *why)
{
    static const char least[] =
        "DELETE FROM batch WHERE seq = (SELECT seq FROM batch WHERE priority < 256 ORDER BY priority, seq"
        " LIMIT 1) RETURNING seq, readings, length(encoded), first_us, last_us";
    static const char expired[] =
        "DELETE FROM batch WHERE seq = (SELECT seq FROM batch WHERE priority < 256 ORDER BY seq LIMIT 1)"
        " AND last_us < ?1 RETURNING seq, readings, length(encoded), first_us, last_us";
    static const char quarantined[] = "DELETE FROM quarantine WHERE id = (SELECT min(id) FROM quarantine)"
                                      " RETURNING seq, readings, length(encoded), first_us, last_us, reason";
    struct dropper *dropper = calloc(1, sizeof *dropper);
    *out = NULL;
    if (!dropper) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    dropper->spool = spool;
    enum err result = db_prepare(spool_db(spool), least, &dropper->drop_least, why);
    if (result == ERR_OK) {
        result = db_prepare(spool_db(spool), expired, &dropper->drop_expired, why);
    }
    if (result == ERR_OK) {
        result = db_prepare(spool_db(spool), quarantined, &dropper->drop_quarantined, why);
    }
    if (result != ERR_OK) {
        dropper_free(dropper);
        return result;
    }
    *out = dropper;
    return ERR_OK;
}

void dropper_free(struct dropper *dropper)
{
    if (dropper) {
        sqlite3_finalize(dropper->drop_least);
        sqlite3_finalize(dropper->drop_expired);
        sqlite3_finalize(dropper->drop_quarantined);
        free(dropper);
    }
}

/* Runs one of the statements. `*bytes` < 0: there was no row. */
static enum err drop_one(struct dropper *dropper, sqlite3_stmt *statement, enum gap_reason reason,
                         struct gap_list *gaps, int64_t *bytes, struct err_text *why)
{
    bool quarantine = statement == dropper->drop_quarantined;
    bool row = false;
    *bytes = -1;
    enum err result = db_step(spool_db(dropper->spool), statement, &row, why);
    if (!row) {
        return result;
    }
    int64_t readings = sqlite3_column_int64(statement, COLUMN_READINGS);
    uint64_t seq = (uint64_t)sqlite3_column_int64(statement, COLUMN_SEQ);
    struct gap gap = {
        .reason = reason,
        .first_sequence = seq,
        .last_sequence = seq,
        .readings = readings > 0 ? (uint64_t)readings : 0,
        .from_us = sqlite3_column_int64(statement, COLUMN_FIRST),
        .to_us = sqlite3_column_int64(statement, COLUMN_LAST),
    };
    *bytes = sqlite3_column_int64(statement, COLUMN_BYTES);
    bool accounted = quarantine && sqlite3_column_int(statement, COLUMN_REASON) == QUARANTINE_DAMAGED;
    if (!accounted) {
        gap_list_add(gaps, &gap);
    }
    spool_count_out(dropper->spool, readings, *bytes, quarantine);
    return db_step(spool_db(dropper->spool), statement, &row, why);
}

enum err dropper_make_room(struct dropper *dropper, int64_t bytes, struct gap_list *gaps, int64_t *dropped,
                           struct err_text *why)
{
    sqlite3_stmt *statement = dropper->drop_quarantined;
    enum err result = ERR_OK;
    *dropped = 0;
    for (int rows = 0; result == ERR_OK && *dropped < bytes && rows < DROPPER_ROWS_MAX; rows++) {
        int64_t freed = 0;
        result = drop_one(dropper, statement, GAP_SPOOL_FULL, gaps, &freed, why);
        if (freed >= 0) {
            *dropped += freed;
        } else if (statement == dropper->drop_quarantined) {
            statement = dropper->drop_least;
        } else {
            break;
        }
    }
    return result;
}

enum err dropper_expire(struct dropper *dropper, int64_t before_us, struct gap_list *gaps,
                        struct err_text *why)
{
    enum err result = ERR_OK;
    int64_t freed = 0;
    for (int rows = 0; result == ERR_OK && freed >= 0 && rows < DROPPER_ROWS_MAX; rows++) {
        sqlite3_bind_int64(dropper->drop_expired, 1, before_us);
        result = drop_one(dropper, dropper->drop_expired, GAP_SPOOL_AGE, gaps, &freed, why);
    }
    return result;
}
