#include "spool/spooler.h"

#include "base/clock.h"
#include "base/log.h"
#include "spool/ack_list.h"
#include "spool/renumber.h"
#include "tunnel/frame.h"

#include <stdlib.h>

#define RETRY_US CLOCK_US_PER_S

struct spooler {
    struct spool *spool;
    struct spool_configuration configuration;
    struct spool_catalog *catalog; /* of the configuration */
    struct batcher *batcher;
    struct backlog *backlog;
    struct keeper *keeper;
    struct fence *fence;
    struct buffer encoding;

    struct spool_batches pending; /* numbered, not yet committed */
    struct ack_list acks;

    int64_t received_us;    /* wall: what the inbox has given was put until then */
    int64_t mark_us;        /* monotonic: a commit is due then, if only to say that nothing was taken */
    struct gap interrupted; /* of the bridge's last life, for the next commit; no reason = none */
    bool stopped;           /* no reading comes any more */

    bool disk_full;   /* the last commit found no space */
    int64_t retry_us; /* monotonic: then it is tried again */
    struct spooler_counts counts;
};

/* ---- life ---- */

static enum err prepare(struct spooler *spooler, struct err_text *why)
{
    enum err result =
        backlog_new(spool_db(spooler->spool), spool_epoch(spooler->spool), &spooler->backlog, why);
    if (result == ERR_OK) {
        result = keeper_new(spooler->spool, &spooler->keeper, why);
    }
    return result == ERR_OK ? fence_new(spooler->spool, &spooler->fence, why) : result;
}

enum err spooler_new(struct spool *spool, const struct spool_configuration *configuration,
                     struct spooler **out, struct err_text *why)
{
    *out = NULL;
    struct spooler *spooler = calloc(1, sizeof *spooler);
    if (!spooler) {
        spool_close(spool);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    spooler->spool = spool;
    spooler->mark_us = INT64_MAX;
    buffer_init(&spooler->encoding, BATCH_SIZE_MAX);
    enum err result = prepare(spooler, why);
    if (result == ERR_OK) {
        result = spooler_configure(spooler, configuration, why);
    }
    if (result != ERR_OK) {
        spooler_free(spooler);
        return result;
    }
    *out = spooler;
    return ERR_OK;
}

void spooler_free(struct spooler *spooler)
{
    if (!spooler) {
        return;
    }
    ack_list_fini(&spooler->acks);
    spool_batches_clear(&spooler->pending);
    buffer_fini(&spooler->encoding);
    batcher_free(spooler->batcher);
    backlog_free(spooler->backlog);
    keeper_free(spooler->keeper);
    fence_free(spooler->fence);
    spool_catalog_unref(spooler->catalog);
    spool_close(spooler->spool);
    free(spooler);
}

enum err spooler_configure(struct spooler *spooler, const struct spool_configuration *configuration,
                           struct err_text *why)
{
    struct spool_catalog *catalog = NULL;
    enum err result = spool_add_catalog(spooler->spool, configuration->catalog, &catalog, why);
    if (result != ERR_OK) {
        return result;
    }
    struct batcher *batcher = batcher_new(configuration->catalog, &configuration->batch);
    if (!batcher) {
        spool_catalog_unref(catalog);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    batcher_free(spooler->batcher);
    spool_catalog_unref(spooler->catalog);
    spooler->batcher = batcher;
    spooler->catalog = catalog;
    spooler->configuration = *configuration;
    keeper_configure(spooler->keeper, &configuration->bounds);
    return ERR_OK;
}

/* ---- readings to pending batches ---- */

static enum err make_batch(struct spooler *spooler, size_t class, struct err_text *why)
{
    struct batch_identity identity = spool_take_identity(spooler->spool);
    struct batch_view view;
    buffer_clear(&spooler->encoding);
    enum err result = batcher_take(spooler->batcher, class, &identity, &spooler->encoding);
    if (result != ERR_OK) {
        return err_set(why, result, "batch %llu: %s", (unsigned long long)identity.sequence,
                       err_name(result));
    }
    result = batch_open(buffer_bytes(&spooler->encoding), &view, why);
    if (result != ERR_OK) {
        return result;
    }
    struct spool_batch *batch = spool_batch_new(&view, spooler->catalog);
    if (!batch) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    batch->priority = batcher_priority(spooler->batcher, class);
    spool_batches_append(&spooler->pending, batch);
    return ERR_OK;
}

static enum err make_due_batches(struct spooler *spooler, int64_t now_us, struct err_text *why)
{
    enum err result = ERR_OK;
    size_t class;
    while (result == ERR_OK && (class = batcher_due(spooler->batcher, now_us)) != BATCHER_NOTHING) {
        result = make_batch(spooler, class, why);
    }
    return result;
}

static enum err add_reading(struct spooler *spooler, const struct reading *reading, int64_t now_us,
                            struct err_text *why)
{
    enum err result = batcher_add(spooler->batcher, reading, now_us);
    if (result == ERR_BUSY) {
        result = make_due_batches(spooler, INT64_MIN, why);
        result = result == ERR_OK ? batcher_add(spooler->batcher, reading, now_us) : result;
    }
    if (result == ERR_MALFORMED || result == ERR_LIMIT) {
        spooler->counts.malformed++;
        return ERR_OK;
    }
    spooler->counts.readings += result == ERR_OK;
    return result;
}

static bool round_is_full(const struct spooler *spooler)
{
    return spooler->pending.bytes >= SPOOLER_ROUND_BYTES || spooler->pending.count >= SPOOLER_ROUND_BATCHES;
}

enum err spooler_collect(struct spooler *spooler, struct inbox_content *content,
                         const struct spooler_time *now, bool flush, struct err_text *why)
{
    struct reading reading;
    enum err result = ERR_OK;
    if (content->refused > 0) {
        keeper_refused(spooler->keeper, content->refused_first_us, content->refused_last_us);
        spooler->counts.refused += content->refused;
        content->refused = 0;
    }
    while (result == ERR_OK && !round_is_full(spooler) && inbox_next_reading(content, &reading)) {
        result = add_reading(spooler, &reading, now->mono_us, why);
    }
    spooler->received_us = content->readings.size > 0 ? content->put_after_us : content->put_until_us;
    if (result == ERR_OK) {
        bool last = flush && content->readings.size == 0;
        result = make_due_batches(spooler, last ? INT64_MAX : now->mono_us, why);
    }
    return result;
}

/* ---- acks ---- */

enum err spooler_ack(struct spooler *spooler, const struct spool_ack *ack, char *text,
                     const struct spooler_time *now)
{
    return ack_list_add(&spooler->acks, ack, text, now->mono_us);
}

static enum err write_acks(struct spooler *spooler, struct err_text *why)
{
    uint64_t highest = 0;
    enum err result = ack_list_write(&spooler->acks, spooler->spool, &highest, why);
    return result == ERR_OK && highest > 0 ? fence_acked(spooler->fence, highest, why) : result;
}

/* ---- the transaction ---- */

static enum err append_pending(struct spooler *spooler, int64_t wall_us, struct err_text *why)
{
    enum err result = ERR_OK;
    for (struct spool_batch *batch = spooler->pending.first; batch && result == ERR_OK; batch = batch->next) {
        result = spool_append(spooler->spool, batch, wall_us, why);
    }
    return result;
}

struct outcome {
    struct spool_batches made; /* gap records of this transaction */
    struct gap_list gaps;
};

static void note_unsaved(struct spooler *spooler)
{
    if (spooler->stopped) {
        spool_set_unsaved_since(spooler->spool, 0);
        return;
    }
    int64_t waiting_us = batcher_first_request_us(spooler->batcher);
    int64_t since_us = spooler->received_us - spooler->configuration.in_flight_us;
    since_us = waiting_us < since_us ? waiting_us : since_us;
    spool_set_unsaved_since(spooler->spool, since_us > 0 ? since_us : 1);
}

static enum err write_all(struct spooler *spooler, const struct spooler_time *now, struct outcome *outcome,
                          struct err_text *why)
{
    enum err result = write_acks(spooler, why);
    if (result == ERR_OK) {
        result = append_pending(spooler, now->wall_us, why);
    }
    if (spooler->interrupted.reason == GAP_INTERRUPTED) {
        gap_list_add(&outcome->gaps, &spooler->interrupted);
    }
    if (result == ERR_OK) {
        result = keeper_apply(spooler->keeper, now, &outcome->gaps, why);
    }
    if (result == ERR_OK) {
        result = spool_append_gaps(spooler->spool, &outcome->gaps, now->wall_us, &outcome->made, why);
    }
    note_unsaved(spooler);
    return result;
}

static enum err transact(struct spooler *spooler, const struct spooler_time *now, struct outcome *outcome,
                         struct err_text *why)
{
    *outcome = (struct outcome){0};
    enum err result = spool_begin(spooler->spool, why);
    if (result != ERR_OK) {
        return result;
    }
    result = write_all(spooler, now, outcome, why);
    if (result == ERR_OK) {
        result = spool_commit(spooler->spool, why);
    } else {
        spool_rollback(spooler->spool);
    }
    if (result != ERR_OK) {
        spool_batches_clear(&outcome->made);
    }
    return result;
}

static void count_outcome(struct spooler *spooler, const struct outcome *outcome)
{
    spooler->counts.commits++;
    spooler->counts.batches += spooler->pending.count + outcome->made.count;
    spooler->counts.acked += spooler->acks.count;
    for (size_t i = 0; i < outcome->gaps.count; i++) {
        spooler->counts.dropped_readings += outcome->gaps.gaps[i].readings;
    }
}

static void committed(struct spooler *spooler, const struct spooler_time *now, struct outcome *outcome,
                      struct spool_batches *out)
{
    count_outcome(spooler, outcome);
    ack_list_clear(&spooler->acks);
    spool_batches_move(out, &spooler->pending);
    spool_batches_move(out, &outcome->made);
    spooler->disk_full = false;
    spooler->interrupted = (struct gap){0};
    spooler->mark_us = now->mono_us + SPOOLER_MARK_US;
    keeper_committed(spooler->keeper);
}

static enum err is_due(struct spooler *spooler, const struct spooler_time *now, bool flush, bool *due,
                       struct err_text *why)
{
    if (spooler->disk_full) {
        *due = flush || now->mono_us >= spooler->retry_us;
        return ERR_OK;
    }
    bool acks = spooler->acks.count > 0 && (flush || now->mono_us >= ack_list_deadline_us(&spooler->acks));
    *due = true;
    bool mark = now->mono_us >= spooler->mark_us;
    return acks || mark || spooler->pending.count > 0 ? ERR_OK
                                                      : keeper_is_due(spooler->keeper, now, due, why);
}

enum err spooler_commit(struct spooler *spooler, const struct spooler_time *now, bool flush,
                        struct spool_batches *out, struct err_text *why)
{
    struct outcome outcome;
    bool due = false;
    enum err result = is_due(spooler, now, flush, &due, why);
    if (result != ERR_OK || !due) {
        return result;
    }
    result = transact(spooler, now, &outcome, why);
    if (result == ERR_DISK_FULL && keeper_disk_full(spooler->keeper)) {
        result = transact(spooler, now, &outcome, why);
    }
    if (result == ERR_OK) {
        committed(spooler, now, &outcome, out);
    } else if (result == ERR_DISK_FULL) {
        spooler->disk_full = true;
        spooler->retry_us = now->mono_us + RETRY_US;
    }
    return result;
}

/* ---- beginning and end ---- */

static void note_interruption(struct spooler *spooler, const struct spooler_time *now)
{
    int64_t since_us = spool_state(spooler->spool)->unsaved_since_us;
    if (since_us == 0) {
        return;
    }
    spooler->interrupted = (struct gap){
        .reason = GAP_INTERRUPTED,
        .from_us = since_us,
        .to_us = now->wall_us > since_us ? now->wall_us : since_us,
    };
    log_warn("spool", log_event("interrupted"), log_ms("unsaved_ms", spooler->interrupted.to_us - since_us),
             log_str("reason", "the bridge ended without stopping: a crash or a power cut"),
             log_str("effect", "what was taken and not yet stored is reported to the server as a gap"));
}

enum err spooler_start(struct spooler *spooler, const struct spooler_time *now, struct err_text *why)
{
    struct spool_batches made = {0};
    note_interruption(spooler, now);
    fence_started(spooler->fence, now->wall_us);
    spooler->received_us = now->wall_us;
    spooler->mark_us = now->mono_us;
    enum err result = spooler_commit(spooler, now, true, &made, why);
    spool_batches_clear(&made); /* part of the backlog */
    return result == ERR_DISK_FULL ? ERR_OK : result;
}

enum err spooler_stop(struct spooler *spooler, const struct spooler_time *now, struct err_text *why)
{
    struct outcome outcome;
    struct spool_batches made = {0};
    spooler->stopped = true;
    enum err result = transact(spooler, now, &outcome, why);
    if (result == ERR_OK) {
        committed(spooler, now, &outcome, &made);
    }
    spool_batches_clear(&made); /* part of the backlog of the next life */
    return result;
}

/* ---- transactions of their own ---- */

/* Ends a transaction that made batches: they may be sent, or never were. */
static enum err end(struct spooler *spooler, enum err result, struct spool_batches *made,
                    struct spool_batches *out, struct err_text *why)
{
    if (result == ERR_OK) {
        result = spool_commit(spooler->spool, why);
    } else {
        spool_rollback(spooler->spool);
    }
    if (result == ERR_OK) {
        spooler->counts.commits++;
        spooler->counts.batches += made->count;
        spool_batches_move(out, made);
    }
    spool_batches_clear(made);
    return result;
}

enum err spooler_meet(struct spooler *spooler, const struct fence_meeting *meeting,
                      const struct spooler_time *now, struct spool_batches *out,
                      struct fence_verdict *verdict, struct err_text *why)
{
    struct spool_batches made = {0};
    enum err result = spool_begin(spooler->spool, why);
    if (result != ERR_OK) {
        return result;
    }
    result = fence_meet(spooler->fence, meeting, now->wall_us, &made, verdict, why);
    return end(spooler, result, &made, out, why);
}

static enum err quarantine(struct spooler *spooler, const struct backlog_chunk *chunk,
                           const struct spooler_time *now, struct spool_batches *out, struct err_text *why)
{
    struct spool_batches made = {0};
    struct gap_list gaps = {0};
    enum err result = spool_begin(spooler->spool, why);
    if (result != ERR_OK) {
        return result;
    }
    for (size_t i = 0; result == ERR_OK && i < chunk->damaged_count; i++) {
        const struct backlog_damage *damage = &chunk->damaged[i];
        result =
            spool_quarantine_damaged(spooler->spool, damage->seq, damage->why.text, now->wall_us, &gaps, why);
    }
    if (result == ERR_OK) {
        result = spool_append_gaps(spooler->spool, &gaps, now->wall_us, &made, why);
    }
    spooler->counts.damaged += chunk->damaged_count;
    return end(spooler, result, &made, out, why);
}

enum err spooler_read(struct spooler *spooler, uint64_t first, uint64_t last, const struct spooler_time *now,
                      struct backlog_chunk *chunk, struct spool_batches *out, struct err_text *why)
{
    enum err result = backlog_read(spooler->backlog, first, last, chunk, why);
    if (result != ERR_OK || chunk->damaged_count == 0) {
        return result;
    }
    return quarantine(spooler, chunk, now, out, why);
}

enum err spooler_renumber(struct spooler *spooler, uint64_t seq, const struct spooler_time *now,
                          struct spool_batches *out, struct err_text *why)
{
    struct backlog_chunk chunk = {0};
    struct spool_batches made = {0};
    enum err result = spooler_read(spooler, seq, seq, now, &chunk, out, why);
    struct spool_batch *batch = spool_batches_take(&chunk.batches);
    if (result != ERR_OK || !batch) {
        return result;
    }
    result = spool_begin(spooler->spool, why);
    if (result == ERR_OK) {
        result = renumber(spooler->spool, batch, now->wall_us, &made, why);
        result = end(spooler, result, &made, out, why);
    }
    spool_batch_free(batch);
    return result;
}

/* ---- asking ---- */

bool spooler_disk_is_full(const struct spooler *spooler)
{
    return spooler->disk_full;
}

bool spooler_accepts(const struct spooler *spooler)
{
    return !spooler->disk_full && keeper_accepts(spooler->keeper);
}

int64_t spooler_deadline_us(const struct spooler *spooler)
{
    if (spooler->disk_full) {
        return spooler->retry_us;
    }
    int64_t deadline = batcher_deadline_us(spooler->batcher);
    int64_t acks = ack_list_deadline_us(&spooler->acks);
    int64_t keeper = keeper_deadline_us(spooler->keeper);
    deadline = acks < deadline ? acks : deadline;
    deadline = spooler->mark_us < deadline ? spooler->mark_us : deadline;
    return keeper < deadline ? keeper : deadline;
}

struct spool *spooler_spool(const struct spooler *spooler)
{
    return spooler->spool;
}

const struct spooler_counts *spooler_counts(const struct spooler *spooler)
{
    return &spooler->counts;
}
