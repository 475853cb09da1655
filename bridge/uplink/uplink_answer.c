#include "base/clock.h"
#include "uplink/uplink_state.h"

#include <stdlib.h>
#include <string.h>

static struct spool_request *new_answer(struct uplink *uplink)
{
    struct uplink_answers *answers = &uplink->answers;
    if (answers->count == answers->capacity) {
        size_t capacity = answers->capacity ? answers->capacity * 2 : 64;
        struct spool_request *grown = realloc(answers->items, capacity * sizeof *grown);
        if (!grown) {
            return NULL;
        }
        answers->items = grown;
        answers->capacity = capacity;
    }
    return &answers->items[answers->count++];
}

void uplink_pass_answers(struct uplink *uplink)
{
    struct uplink_answers *answers = &uplink->answers;
    if (answers->count == 0) {
        return;
    }
    if (spool_thread_request(uplink->spool, answers->items, answers->count) != ERR_OK) {
        for (size_t i = 0; i < answers->count; i++) {
            free(answers->items[i].text);
        }
        uplink_renew(uplink, "answers could not be handed to the spool: they will come again as duplicates");
    }
    answers->count = 0;
}

static void log_answer(const struct uplink *uplink, const struct sent_batch *sent,
                       const struct ack_range *range, int64_t rtt_us)
{
    log_info("uplink", log_event("batch_acked"), log_str("bridge", uplink->options.bridge),
             log_hex("epoch", uplink->open.epoch, sizeof uplink->open.epoch), log_u64("seq", sent->seq),
             log_u64("readings", sent->readings), log_u64("bytes", sent->bytes), log_ms("rtt_ms", rtt_us),
             log_str("result", ack_result_name(range->result)));
}

static void log_rejected(const struct uplink *uplink, uint64_t seq, const char *text)
{
    log_error("uplink", log_event("batch_rejected"), log_str("bridge", uplink->options.bridge),
              log_hex("epoch", uplink->open.epoch, sizeof uplink->open.epoch), log_u64("seq", seq),
              log_str("reason", text),
              log_str("effect", "kept in quarantine: bourdon spool shows it; the batches behind it go on"));
}

static void trim(struct uplink *uplink, const struct sent_batch *sent, const struct ack_range *range,
                 int64_t wall_us)
{
    struct spool_request *answer = new_answer(uplink);
    if (!answer) {
        return; /* it stays in the spool and will be a duplicate */
    }
    *answer = (struct spool_request){
        .kind = SPOOL_REQUEST_ACK,
        .as.ack =
            {
                .seq = sent->seq,
                .result = (int)range->result,
                .sent_us = sent->sent_us,
                .committed_us = range->committed_us,
                .acked_us = wall_us,
            },
        .text = range->result == ACK_REJECTED ? strdup(range->text) : NULL,
    };
}

void uplink_refuse(struct uplink *uplink, uint64_t seq, const char *text)
{
    const struct sent_batch sent = {.seq = seq};
    struct ack_range range = {.first = seq, .last = seq, .result = ACK_REJECTED};
    frame_set_text(range.text, text);
    metric_add(&uplink->metrics[UPLINK_REJECTED], 1);
    log_rejected(uplink, seq, text);
    trim(uplink, &sent, &range, clock_wall_us());
}

/* Whether the store had a batch of this number when the session began, so that a rejection means that it has
 * another one: the spool is a copy, or came back from one. */
static bool is_taken(const struct frame_welcome *welcome, uint64_t seq)
{
    for (size_t i = 0; i < welcome->missing_count; i++) {
        if (seq >= welcome->missing[i].first && seq <= welcome->missing[i].last) {
            return false;
        }
    }
    return seq <= welcome->highest;
}

static void on_rejected(struct uplink *uplink, const struct sent_batch *sent, const struct ack_range *range,
                        int64_t wall_us)
{
    metric_add(&uplink->metrics[UPLINK_REJECTED], 1);
    if (!is_taken(&uplink->welcome, sent->seq)) {
        log_rejected(uplink, sent->seq, range->text);
        trim(uplink, sent, range, wall_us);
        return;
    }
    struct spool_request *answer = new_answer(uplink);
    if (answer) {
        *answer = (struct spool_request){.kind = SPOOL_REQUEST_RENUMBER, .as.seq = sent->seq};
    }
    log_warn("uplink", log_event("batch_renumbered"), log_str("bridge", uplink->options.bridge),
             log_u64("seq", sent->seq), log_str("reason", range->text),
             log_str("effect", "the server has another batch of this number: sent again under a new one"));
}

static void on_committed(struct uplink *uplink, const struct sent_batch *sent, const struct ack_range *range,
                         int64_t wall_us)
{
    bool duplicate = range->result == ACK_DUPLICATE;
    metric_add(&uplink->metrics[duplicate ? UPLINK_DUPLICATE : UPLINK_COMMITTED], 1);
    metric_add(&uplink->metrics[UPLINK_READINGS], sent->readings);
    if (!sent->backlog && wall_us > sent->last_us) {
        histogram_add(&uplink->latency, wall_us - sent->last_us);
    }
    uplink->acked = true;
    trim(uplink, sent, range, wall_us);
}

int64_t uplink_retry_us(uint32_t asked_ms)
{
    uint32_t at_most_ms = asked_ms < UPLINK_RETRY_MAX_MS ? asked_ms : UPLINK_RETRY_MAX_MS;
    return (at_most_ms > UPLINK_RETRY_MIN_MS ? at_most_ms : UPLINK_RETRY_MIN_MS) * CLOCK_US_PER_MS;
}

static void on_retry(struct uplink *uplink, const struct sent_batch *sent, const struct ack_range *range)
{
    int64_t until_us = clock_mono_us() + uplink_retry_us(range->delay_ms);
    metric_add(&uplink->metrics[UPLINK_RETRIED], 1);
    backfill_add(&uplink->backfill, sent->seq, sent->seq);
    if (until_us > uplink->hold_until_us) {
        uplink->hold_until_us = until_us;
    }
}

static void answer_one(struct uplink *uplink, const struct sent_batch *sent, const struct ack_range *range)
{
    int64_t wall_us = clock_wall_us();
    int64_t rtt_us = clock_mono_us() - sent->sent_mono_us;
    histogram_add(&uplink->rtt, rtt_us);
    log_answer(uplink, sent, range, rtt_us);
    switch (range->result) {
    case ACK_COMMITTED:
    case ACK_DUPLICATE:
        on_committed(uplink, sent, range, wall_us);
        break;
    case ACK_RETRY_AFTER:
        on_retry(uplink, sent, range);
        break;
    case ACK_REJECTED:
        on_rejected(uplink, sent, range, wall_us);
        break;
    }
}

void uplink_answer(struct uplink *uplink, const struct ack_range *range)
{
    for (uint64_t seq = range->first; seq <= range->last; seq++) {
        struct sent_batch sent;
        if (outstanding_take(uplink->outstanding, seq, &sent)) {
            answer_one(uplink, &sent, range);
        }
    }
    metric_set(&uplink->metrics[UPLINK_OUTSTANDING], (int64_t)outstanding_count(uplink->outstanding));
}
