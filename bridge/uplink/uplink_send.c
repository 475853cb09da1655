#include "base/clock.h"
#include "uplink/uplink_state.h"

#include <string.h>

void uplink_forget_session(struct uplink *uplink)
{
    spool_batches_clear(&uplink->live);
    spool_batches_clear(&uplink->chunk);
    uplink->chunk_asked = false;
    backfill_clear(&uplink->backfill);
    outstanding_clear(uplink->outstanding);
    uplink->catalog_count = 0;
    uplink->hold_until_us = 0;
    metric_set(&uplink->metrics[UPLINK_OUTSTANDING], 0);
    loop_timer_stop(uplink->pace_timer);
}

/* ---- catalogs ---- */

static bool catalog_was_sent(const struct uplink *uplink, const struct spool_catalog *catalog)
{
    for (size_t i = 0; i < uplink->catalog_count; i++) {
        if (memcmp(uplink->catalogs[i], catalog->hash, CATALOG_HASH_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static enum err send_catalog(struct uplink *uplink, const struct spool_catalog *catalog)
{
    if (!catalog || catalog_was_sent(uplink, catalog)) {
        return ERR_OK;
    }
    enum err result = channel_send_catalog(uplink->channel,
                                           (struct bytes){.data = catalog->encoded, .size = catalog->size});
    if (result == ERR_OK) {
        memcpy(uplink->catalogs[uplink->catalog_count++], catalog->hash, CATALOG_HASH_SIZE);
    }
    return result;
}

/* ---- one batch ---- */

static void note_sent(struct uplink *uplink, const struct spool_batch *batch, bool backlog, int64_t wall_us)
{
    const struct sent_batch sent = {
        .seq = batch->seq,
        .readings = batch->readings,
        .bytes = (uint32_t)batch->size,
        .last_us = batch->last_us,
        .sent_us = wall_us,
        .sent_mono_us = clock_mono_us(),
        .backlog = backlog,
    };
    (void)!outstanding_add(uplink->outstanding, &sent); /* room was asked for, and it is not in there */
    metric_add(&uplink->metrics[UPLINK_SENT_BATCHES], 1);
    metric_add(&uplink->metrics[UPLINK_SENT_BYTES], (int64_t)batch->size);
    metric_set(&uplink->metrics[UPLINK_OUTSTANDING], (int64_t)outstanding_count(uplink->outstanding));
    if (backlog) {
        backfill_sent(&uplink->backfill, batch->readings, sent.sent_mono_us);
    }
}

enum sending { SENT, NO_ROOM, DONE_WITH };

/* A batch the server's limits exclude for good must not block the ones behind it. */
static enum sending not_sent(struct uplink *uplink, const struct spool_batch *batch, enum err result,
                             bool catalog)
{
    if (result == ERR_LIMIT && catalog && uplink->catalog_count > 0) {
        uplink_renew(uplink, "another catalog does not fit this session");
        return NO_ROOM;
    }
    if (result == ERR_LIMIT || result == ERR_MALFORMED) {
        uplink_refuse(uplink, batch->seq,
                      catalog ? "its catalog is larger than the server takes"
                              : "it is larger than the server takes");
        return DONE_WITH;
    }
    return result == ERR_CONFLICT ? DONE_WITH : NO_ROOM;
}

static enum sending send_batch(struct uplink *uplink, const struct spool_batch *batch, bool backlog)
{
    if (outstanding_has(uplink->outstanding, batch->seq)) {
        return DONE_WITH;
    }
    enum err result = send_catalog(uplink, batch->catalog);
    if (result != ERR_OK) {
        return not_sent(uplink, batch, result, true);
    }
    int64_t wall_us = clock_wall_us();
    bool historical = backlog && wall_us - batch->spooled_us > UPLINK_HISTORICAL_US;
    result = channel_send_batch(uplink->channel, batch->seq, spool_batch_bytes(batch), historical);
    if (result != ERR_OK) {
        return not_sent(uplink, batch, result, false);
    }
    note_sent(uplink, batch, backlog, wall_us);
    return SENT;
}

/* ---- what next ---- */

static bool has_room(const struct uplink *uplink, const struct spool_batch *batch)
{
    /* What is larger than the whole window is tried too: the channel then says that it never fits. */
    bool too_large = batch->size > uplink->hello.max_batch || batch->size > uplink->hello.window_bytes;
    return outstanding_count(uplink->outstanding) < OUTSTANDING_MAX &&
           (too_large || channel_has_room(uplink->channel, batch->size));
}

static bool send_next(struct uplink *uplink, struct spool_batches *queue, bool backlog)
{
    if (!queue->first || uplink->state != UPLINK_SENDING || uplink->renewing ||
        !has_room(uplink, queue->first) || send_batch(uplink, queue->first, backlog) == NO_ROOM) {
        return false;
    }
    spool_batch_free(spool_batches_take(queue));
    return true;
}

static bool backlog_may_go(const struct uplink *uplink)
{
    size_t window =
        uplink->hello.window_batches < OUTSTANDING_MAX ? uplink->hello.window_batches : OUTSTANDING_MAX;
    return !uplink->draining &&
           outstanding_backlog(uplink->outstanding) < backfill_window(&uplink->backfill, window) &&
           backfill_next_us(&uplink->backfill) <= clock_mono_us();
}

static void ask_for_chunk(struct uplink *uplink)
{
    struct spool_request request = {.kind = SPOOL_REQUEST_BACKLOG, .session = uplink->session};
    if (uplink->chunk_asked || uplink->draining || uplink->chunk.bytes >= UPLINK_CHUNK_LOW ||
        !backfill_take(&uplink->backfill, &uplink->chunk_range)) {
        return;
    }
    request.as.range.first = uplink->chunk_range.first;
    request.as.range.last = uplink->chunk_range.last;
    uplink->chunk_asked = spool_thread_request(uplink->spool, &request, 1) == ERR_OK;
    if (!uplink->chunk_asked) {
        backfill_add(&uplink->backfill, uplink->chunk_range.first, uplink->chunk_range.last);
    }
}

static void wait_until(struct uplink *uplink, int64_t then_us)
{
    int64_t left_us = then_us - clock_mono_us();
    loop_timer_start_ms(uplink->pace_timer, (left_us + CLOCK_US_PER_MS - 1) / CLOCK_US_PER_MS);
}

void uplink_pump(struct uplink *uplink)
{
    if (uplink->state != UPLINK_SENDING) {
        return;
    }
    if (uplink->hold_until_us > clock_mono_us()) {
        wait_until(uplink, uplink->hold_until_us);
        return;
    }
    while (send_next(uplink, &uplink->live, false)) {
    }
    while (backlog_may_go(uplink) && send_next(uplink, &uplink->chunk, true)) {
    }
    uplink_pass_answers(uplink);
    ask_for_chunk(uplink);
    if (uplink->chunk.first && backfill_next_us(&uplink->backfill) > clock_mono_us()) {
        wait_until(uplink, backfill_next_us(&uplink->backfill));
    }
}

/* ---- from the spool ---- */

void uplink_committed(struct uplink *uplink, struct spool_batches *batches, uint64_t skipped_first,
                      uint64_t skipped_last)
{
    if (uplink->state != UPLINK_SENDING) {
        return;
    }
    backfill_add(&uplink->backfill, skipped_first, skipped_last);
    spool_batches_move(&uplink->live, batches);
    uplink_pump(uplink);
    while (uplink->live.count > 1 && uplink->live.bytes > UPLINK_LIVE_BYTES) {
        struct spool_batch *oldest = spool_batches_take(&uplink->live);
        backfill_add(&uplink->backfill, oldest->seq, oldest->seq);
        spool_batch_free(oldest);
    }
}

void uplink_backlog(struct uplink *uplink, uint32_t session, struct spool_batches *batches, uint64_t next)
{
    if (uplink->state != UPLINK_SENDING || session != uplink->session) {
        return;
    }
    uplink->chunk_asked = false;
    backfill_add(&uplink->backfill, next, uplink->chunk_range.last);
    spool_batches_move(&uplink->chunk, batches);
    uplink_pump(uplink);
}
