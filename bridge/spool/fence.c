#include "spool/fence.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

struct fence {
    struct spool *spool;
    sqlite3_stmt *find;   /* what this store acknowledged */
    sqlite3_stmt *others; /* what any store acknowledged */
    sqlite3_stmt *set;
    sqlite3_stmt *raise;
    sqlite3_stmt *logged; /* the ack log of a range */
    bool met;
    uint8_t store[FENCE_STORE_ID_SIZE];
};

enum err fence_new(struct spool *spool, struct fence **out, struct err_text *why)
{
    struct fence *fence = calloc(1, sizeof *fence);
    *out = NULL;
    if (!fence) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    fence->spool = spool;
    const struct {
        const char *sql;
        sqlite3_stmt **statement;
    } rows[] = {
        {"SELECT highest_acked FROM peer_store WHERE store = ?1", &fence->find},
        {"SELECT max(highest_acked) FROM peer_store", &fence->others},
        {"INSERT OR REPLACE INTO peer_store (store, highest_acked) VALUES (?1, ?2)", &fence->set},
        {"UPDATE peer_store SET highest_acked = max(highest_acked, ?2) WHERE store = ?1", &fence->raise},
        {"SELECT seq, readings, first_us, last_us FROM ack_log"
         " WHERE seq BETWEEN ?1 AND ?2 AND result IN (0, 1) ORDER BY seq",
         &fence->logged},
    };
    enum err result = ERR_OK;
    for (size_t i = 0; result == ERR_OK && i < ARRAY_LENGTH(rows); i++) {
        result = db_prepare(spool_db(spool), rows[i].sql, rows[i].statement, why);
    }
    if (result != ERR_OK) {
        fence_free(fence);
        return result;
    }
    *out = fence;
    return ERR_OK;
}

void fence_free(struct fence *fence)
{
    if (fence) {
        sqlite3_finalize(fence->find);
        sqlite3_finalize(fence->others);
        sqlite3_finalize(fence->set);
        sqlite3_finalize(fence->raise);
        sqlite3_finalize(fence->logged);
        free(fence);
    }
}

/* The number in the first row of a statement; 0 if there is no row or it is NULL. */
static enum err number(struct fence *fence, sqlite3_stmt *statement, uint64_t *value, bool *found,
                       struct err_text *why)
{
    bool row = false;
    enum err result = db_step(spool_db(fence->spool), statement, &row, why);
    *found = row && sqlite3_column_type(statement, 0) != SQLITE_NULL;
    *value = *found ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    return result;
}

static enum err save(struct fence *fence, sqlite3_stmt *statement, uint64_t highest, struct err_text *why)
{
    sqlite3_bind_blob(statement, 1, fence->store, sizeof fence->store, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (int64_t)highest);
    return db_run(spool_db(fence->spool), statement, why);
}

enum err fence_acked(struct fence *fence, uint64_t highest, struct err_text *why)
{
    return fence->met ? save(fence, fence->raise, highest, why) : ERR_OK;
}

/* What was acknowledged from `first` to `last`, as gaps; what the ack log no longer has counts as unknown. */
static enum err list_acknowledged(struct fence *fence, uint64_t first, uint64_t last, struct gap_list *gaps,
                                  struct err_text *why)
{
    bool row = true;
    bool any = false;
    enum err result = ERR_OK;
    sqlite3_bind_int64(fence->logged, 1, (int64_t)first);
    sqlite3_bind_int64(fence->logged, 2, (int64_t)last);
    while (result == ERR_OK && row) {
        result = db_step(spool_db(fence->spool), fence->logged, &row, why);
        if (result != ERR_OK || !row) {
            continue;
        }
        uint64_t seq = (uint64_t)sqlite3_column_int64(fence->logged, 0);
        if (!any && seq > first) {
            gap_list_add(
                gaps,
                &(struct gap){.reason = GAP_RESTORED, .first_sequence = first, .last_sequence = seq - 1});
        }
        any = true;
        gap_list_add(gaps, &(struct gap){
                               .reason = GAP_RESTORED,
                               .first_sequence = seq,
                               .last_sequence = seq,
                               .readings = (uint64_t)sqlite3_column_int64(fence->logged, 1),
                               .from_us = sqlite3_column_int64(fence->logged, 2),
                               .to_us = sqlite3_column_int64(fence->logged, 3),
                           });
    }
    if (result == ERR_OK && !any) {
        gap_list_add(gaps,
                     &(struct gap){.reason = GAP_RESTORED, .first_sequence = first, .last_sequence = last});
    }
    return result;
}

/* Compares with what this store, or if it is unknown any other, has acknowledged. */
static enum err look_back(struct fence *fence, const struct fence_meeting *meeting, struct gap_list *gaps,
                          struct fence_verdict *verdict, struct err_text *why)
{
    bool known = false;
    bool others = false;
    uint64_t acked = 0;
    sqlite3_bind_blob(fence->find, 1, meeting->store, sizeof meeting->store, SQLITE_STATIC);
    enum err result = number(fence, fence->find, &acked, &known, why);
    if (result == ERR_OK && !known) {
        result = number(fence, fence->others, &acked, &others, why);
    }
    if (result != ERR_OK || acked <= meeting->highest) {
        return result;
    }
    verdict->store_restored = known;
    verdict->store_unknown = !known;
    verdict->first = meeting->highest + 1;
    verdict->last = acked;
    result = list_acknowledged(fence, verdict->first, verdict->last, gaps, why);
    for (size_t i = 0; i < gaps->count; i++) {
        verdict->readings += gaps->gaps[i].readings;
    }
    return result;
}

static void look_ahead(struct fence *fence, const struct fence_meeting *meeting, struct gap_list *gaps,
                       struct fence_verdict *verdict)
{
    if (meeting->highest < meeting->next_seq) {
        return;
    }
    verdict->spool_restored = true;
    verdict->first = meeting->next_seq;
    verdict->last = meeting->highest;
    spool_set_next_seq(fence->spool, meeting->highest + 1);
    gap_list_add(gaps, &(struct gap){.reason = GAP_RESTORED,
                                     .first_sequence = meeting->next_seq,
                                     .last_sequence = meeting->highest});
}

enum err fence_meet(struct fence *fence, const struct fence_meeting *meeting, int64_t now_us,
                    struct spool_batches *made, struct fence_verdict *verdict, struct err_text *why)
{
    struct gap_list gaps = {0};
    *verdict = (struct fence_verdict){0};
    enum err result = look_back(fence, meeting, &gaps, verdict, why);
    if (result == ERR_OK) {
        look_ahead(fence, meeting, &gaps, verdict);
        result = spool_append_gaps(fence->spool, &gaps, now_us, made, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    fence->met = true;
    memcpy(fence->store, meeting->store, sizeof fence->store);
    return save(fence, fence->set, meeting->highest, why);
}
