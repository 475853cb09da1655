#include "spool/fence.h"

#include "base/array.h"
#include "spool/lost.h"

#include <stdlib.h>
#include <string.h>

struct fence {
    struct spool *spool;
    sqlite3_stmt *find;   /* what this store acknowledged */
    sqlite3_stmt *others; /* what any other store acknowledged */
    sqlite3_stmt *set;
    sqlite3_stmt *raise;
    struct lost *lost;
    int64_t started_us; /* wall */
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
        {"SELECT max(highest_acked) FROM peer_store WHERE store <> ?1", &fence->others},
        {"INSERT OR REPLACE INTO peer_store (store, highest_acked) VALUES (?1, ?2)", &fence->set},
        {"UPDATE peer_store SET highest_acked = max(highest_acked, ?2) WHERE store = ?1", &fence->raise},
    };
    enum err result = ERR_OK;
    for (size_t i = 0; result == ERR_OK && i < ARRAY_LENGTH(rows); i++) {
        result = db_prepare(spool_db(spool), rows[i].sql, rows[i].statement, why);
    }
    if (result == ERR_OK) {
        result = lost_new(spool, &fence->lost, why);
    }
    if (result != ERR_OK) {
        fence_free(fence);
        return result;
    }
    *out = fence;
    return ERR_OK;
}

void fence_started(struct fence *fence, int64_t now_us)
{
    fence->started_us = now_us;
}

void fence_free(struct fence *fence)
{
    if (fence) {
        sqlite3_finalize(fence->find);
        sqlite3_finalize(fence->others);
        sqlite3_finalize(fence->set);
        sqlite3_finalize(fence->raise);
        lost_free(fence->lost);
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

/* What this store has acknowledged, or if it is unknown any other. */
struct memory {
    bool known;  /* the store is */
    bool others; /* other stores are */
    uint64_t acked;
};

static enum err remember(struct fence *fence, const struct fence_meeting *meeting, struct memory *memory,
                         struct err_text *why)
{
    uint64_t others = 0;
    *memory = (struct memory){0};
    sqlite3_bind_blob(fence->find, 1, meeting->store, sizeof meeting->store, SQLITE_STATIC);
    sqlite3_bind_blob(fence->others, 1, meeting->store, sizeof meeting->store, SQLITE_STATIC);
    enum err result = number(fence, fence->find, &memory->acked, &memory->known, why);
    if (result == ERR_OK) {
        result = number(fence, fence->others, &others, &memory->others, why);
    }
    memory->acked = memory->known ? memory->acked : others;
    return result;
}

static void blame(struct fence_verdict *verdict, const struct memory *memory)
{
    verdict->store_restored = memory->known && !memory->others;
    verdict->store_incomplete = memory->known && memory->others;
    verdict->store_unknown = !memory->known;
}

/* The store says what it has; what it lacks of what was acknowledged is lost there. */
static enum err look_back(struct fence *fence, const struct fence_meeting *meeting, struct gap_list *gaps,
                          struct fence_verdict *verdict, struct err_text *why)
{
    struct memory memory;
    enum err result = remember(fence, meeting, &memory, why);
    bool behind = memory.acked > meeting->highest;
    if (result != ERR_OK || (!behind && meeting->missing_count == 0)) {
        return result;
    }
    result = lost_begin(fence->lost, why);
    for (size_t i = 0; result == ERR_OK && i < meeting->missing_count; i++) {
        const struct frame_range *missing = &meeting->missing[i];
        uint64_t last = missing->last < meeting->next_seq ? missing->last : meeting->next_seq - 1;
        result = lost_list(fence->lost, missing->first, last, gaps, why);
    }
    if (result == ERR_OK && behind) {
        result = lost_list(fence->lost, meeting->highest + 1, memory.acked, gaps, why);
    }
    if (result != ERR_OK || (!behind && gaps->count == 0)) {
        return result;
    }
    blame(verdict, &memory);
    verdict->first = gaps->count > 0 ? gaps->gaps[0].first_sequence : meeting->highest + 1;
    verdict->last = gaps->count > 0 ? gaps->gaps[gaps->count - 1].last_sequence : memory.acked;
    for (size_t i = 0; i < gaps->count; i++) {
        verdict->readings += gaps->gaps[i].readings;
    }
    return ERR_OK;
}

/* What the earlier life took after the copy was made, and had not delivered, is lost; how much, nobody knows.
 */
static enum err look_ahead(struct fence *fence, const struct fence_meeting *meeting, struct gap_list *gaps,
                           struct fence_verdict *verdict, struct err_text *why)
{
    if (meeting->highest < meeting->next_seq) {
        return ERR_OK;
    }
    struct gap gap = {.reason = GAP_RESTORED,
                      .first_sequence = meeting->next_seq,
                      .last_sequence = meeting->highest,
                      .to_us = fence->started_us};
    verdict->spool_restored = true;
    verdict->first = meeting->next_seq;
    verdict->last = meeting->highest;
    spool_set_next_seq(fence->spool, meeting->highest + 1);
    enum err result = lost_newest_us(fence->lost, &gap.from_us, why);
    gap_list_add(gaps, &gap);
    return result;
}

enum err fence_meet(struct fence *fence, const struct fence_meeting *meeting, int64_t now_us,
                    struct spool_batches *made, struct fence_verdict *verdict, struct err_text *why)
{
    struct gap_list gaps = {0};
    *verdict = (struct fence_verdict){0};
    enum err result = look_back(fence, meeting, &gaps, verdict, why);
    if (result == ERR_OK) {
        result = look_ahead(fence, meeting, &gaps, verdict, why);
    }
    if (result == ERR_OK) {
        result = spool_append_gaps(fence->spool, &gaps, now_us, made, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    fence->met = true;
    memcpy(fence->store, meeting->store, sizeof fence->store);
    return save(fence, fence->set, meeting->highest, why);
}
