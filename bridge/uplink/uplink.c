#include "uplink/uplink.h"

#include "base/clock.h"
#include "base/random.h"
#include "uplink/uplink_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURE_LINES = 10 };
#define FAILURE_INTERVAL_US (60 * CLOCK_US_PER_S)

static void connect_now(void *owner);

/* ---- telling ---- */

static const char *endpoint(const struct uplink *uplink)
{
    return uplink->options.endpoints[uplink->endpoints.current];
}

/* Whether a person must act, or waiting may help. */
static bool needs_a_person(enum err code, enum bye_reason reason)
{
    return reason == BYE_FENCED || reason == BYE_SUPERSEDED || code == ERR_REFUSED || code == ERR_VERSION ||
           code == ERR_MALFORMED;
}

static void log_failure(struct uplink *uplink, const char *event, enum err code, enum bye_reason reason,
                        const char *text)
{
    uint64_t swallowed = 0;
    snprintf(uplink->last_failure, sizeof uplink->last_failure, "%s", text);
    metric_add(&uplink->metrics[UPLINK_FAILURES], 1);
    if (!log_limit_allow(&uplink->failure_limit, clock_mono_us(), &swallowed)) {
        return;
    }
    LOG_AT(needs_a_person(code, reason) ? LOG_ERROR : LOG_WARN, "uplink", log_event(event),
           log_str("server", endpoint(uplink)), log_str("address", channel_address(uplink->channel)),
           log_str("reason", text), log_u64("suppressed", swallowed));
}

static void log_verdict(const struct uplink *uplink, const struct fence_verdict *verdict)
{
    const char *what = NULL;
    if (verdict->spool_restored) {
        what = "the server has batches this spool never made: the spool came back from an old copy, or "
               "another bridge runs with a copy of it; going on above them, with a gap record";
    } else if (verdict->store_restored) {
        what = "the server's store has lost what it had acknowledged: it came back from an old copy; what is "
               "lost is reported as a gap record";
    } else if (verdict->store_incomplete) {
        what =
            "the server's store lacks what was acknowledged: another server's store has it, or this one came "
            "back from an old copy; it is reported as a gap record";
    } else if (verdict->store_unknown) {
        what = "this store is new to the bridge, another one has acknowledged batches before: they are "
               "reported as a gap record";
    }
    if (what) {
        log_error("uplink", log_event("fenced"), log_str("server", endpoint(uplink)),
                  log_u64("first_seq", verdict->first), log_u64("last_seq", verdict->last),
                  log_u64("readings", verdict->readings), log_str("reason", what));
    }
}

/* ---- the channel's events ---- */

static void on_ready(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome)
{
    struct uplink *uplink = owner;
    uplink->hello = *hello;
    uplink->welcome = *welcome;
    uplink->ready_us = clock_mono_us();
}

static void on_acked(void *owner, const struct ack_range *range)
{
    uplink_answer(owner, range);
}

static void on_catalog_acked(void *owner, const struct frame_catalog_ack *ack)
{
    struct uplink *uplink = owner;
    if (ack->result == ACK_REJECTED) {
        log_error("uplink", log_event("catalog_rejected"), log_str("server", endpoint(uplink)),
                  log_hex("catalog", ack->hash, sizeof ack->hash), log_str("reason", ack->text));
    }
}

/* NULL: there is none, or no memory: then the next session does it. */
static struct frame_range *copy_missing(const struct frame_welcome *welcome)
{
    size_t size = welcome->missing_count * sizeof welcome->missing[0];
    struct frame_range *copy = size > 0 ? malloc(size) : NULL;
    return copy ? memcpy(copy, welcome->missing, size) : NULL;
}

/* The server has spoken: ask the spool what there is to send. */
static void join(struct uplink *uplink)
{
    struct spool_request request = {
        .kind = SPOOL_REQUEST_JOIN,
        .session = uplink->session,
        .as.meeting = {.highest = uplink->welcome.highest, .next_seq = uplink->open.next_sequence},
    };
    memcpy(request.as.meeting.store, uplink->hello.store_id, sizeof request.as.meeting.store);
    request.missing = copy_missing(&uplink->welcome);
    request.as.meeting.missing_count = request.missing ? uplink->welcome.missing_count : 0;
    uplink->state = UPLINK_JOINING;
    metric_add(&uplink->metrics[UPLINK_SESSIONS], 1);
    metric_set(&uplink->metrics[UPLINK_CONNECTED], 1);
    log_info("uplink", log_event("connected"), log_str("server", endpoint(uplink)),
             log_str("address", channel_address(uplink->channel)), log_str("software", uplink->hello.server),
             log_str("cipher", channel_cipher(uplink->channel)),
             log_ms("clock_ahead_ms", uplink->hello.wall_us - clock_wall_us()));
    if (spool_thread_request(uplink->spool, &request, 1) != ERR_OK) {
        free(request.missing);
        uplink_renew(uplink, "the spool is too busy");
    }
}

static bool has_drained(const struct uplink *uplink)
{
    return uplink->draining && (uplink->state != UPLINK_SENDING ||
                                (uplink->live.count == 0 && outstanding_count(uplink->outstanding) == 0));
}

static void on_turn(void *owner)
{
    struct uplink *uplink = owner;
    uplink_pass_answers(uplink);
    if (uplink->state == UPLINK_CONNECTING && uplink->ready_us != 0) {
        join(uplink);
    }
    uplink_pump(uplink);
    if (has_drained(uplink)) {
        channel_goodbye(uplink->channel, BYE_SHUTTING_DOWN, "the bridge stops");
    }
}

static void stop(struct uplink *uplink)
{
    uplink->state = UPLINK_STOPPED;
    loop_timer_stop(uplink->retry_timer);
    uplink->drained(uplink->drained_owner);
}

static void leave_spool(struct uplink *uplink)
{
    const struct spool_request request = {.kind = SPOOL_REQUEST_LEAVE};
    uplink_pass_answers(uplink);
    if (uplink->state == UPLINK_JOINING || uplink->state == UPLINK_SENDING) {
        (void)!spool_thread_request(uplink->spool, &request, 1); /* at worst the outbox skips for a while */
    }
}

static void on_closed(void *owner, enum err code, enum bye_reason reason, const char *text)
{
    struct uplink *uplink = owner;
    bool was_ready = uplink->ready_us != 0;
    int64_t lived_us = was_ready ? clock_mono_us() - uplink->ready_us : 0;
    bool good = uplink->acked || lived_us >= ENDPOINTS_GOOD_SESSION_MS * CLOCK_US_PER_MS;
    bool wanted = uplink->renewing || uplink->draining;
    if (wanted && code == ERR_OK) {
        log_info("uplink", log_event("disconnected"), log_str("server", endpoint(uplink)),
                 log_str("reason", text));
    } else {
        log_failure(uplink, was_ready ? "disconnected" : "connect_failed", code, reason, text);
    }
    leave_spool(uplink);
    channel_free(uplink->channel);
    uplink->channel = NULL;
    metric_set(&uplink->metrics[UPLINK_CONNECTED], 0);
    uplink_forget_session(uplink);
    uplink->state = UPLINK_WAITING;
    if (uplink->draining) {
        stop(uplink);
        return;
    }
    uint32_t wait_ms = endpoints_next_ms(&uplink->endpoints, was_ready, good, random_u32());
    loop_timer_start_ms(uplink->retry_timer, uplink->renewing ? 0 : wait_ms);
}

static const struct channel_events channel_events = {
    .ready = on_ready,
    .acked = on_acked,
    .catalog_acked = on_catalog_acked,
    .turn = on_turn,
    .closed = on_closed,
};

/* ---- connecting ---- */

static void describe_spool(struct uplink *uplink)
{
    struct spool_status status;
    spool_thread_status(uplink->spool, &status);
    uplink->open = (struct frame_open){
        .first_sequence = status.first_seq,
        .next_sequence = status.state.next_seq,
    };
    memcpy(uplink->open.epoch, spool_thread_epoch(uplink->spool), sizeof uplink->open.epoch);
    frame_set_text(uplink->open.software, "bourdon-bridge " BOURDON_VERSION);
}

static void connect_now(void *owner)
{
    struct uplink *uplink = owner;
    if (uplink->state == UPLINK_SENDING) {
        uplink_renew(uplink, "trying the preferred server again");
        return;
    }
    describe_spool(uplink);
    const struct channel_options options = {
        .loop = uplink->loop,
        .tls = uplink->options.tls,
        .endpoint = endpoint(uplink),
        .open = uplink->open,
        .connect_ms = uplink->options.connect_ms,
        .events = &channel_events,
        .owner = uplink,
    };
    uplink->session++;
    uplink->ready_us = 0;
    uplink->acked = false;
    uplink->renewing = false;
    if (channel_open(&options, &uplink->channel) == ERR_OK) {
        uplink->state = UPLINK_CONNECTING;
        return;
    }
    loop_timer_start_ms(uplink->retry_timer,
                        endpoints_next_ms(&uplink->endpoints, false, false, random_u32()));
}

/* Before there is a session there is nobody to say goodbye to. Not called from the channel's events then. */
static void begin_anew(struct uplink *uplink)
{
    channel_free(uplink->channel);
    uplink->channel = NULL;
    uplink->state = UPLINK_WAITING;
    loop_timer_start_ms(uplink->retry_timer, 0);
}

void uplink_renew(struct uplink *uplink, const char *reason)
{
    if (uplink->state == UPLINK_CONNECTING) {
        begin_anew(uplink);
    } else if (uplink->channel && !uplink->renewing) {
        uplink->renewing = true;
        channel_goodbye(uplink->channel, BYE_DONE, reason);
    }
}

void uplink_joined(struct uplink *uplink, const struct spool_joined *joined)
{
    if (!joined->refused) {
        log_verdict(uplink, &joined->verdict); /* the spool has acted on it, whatever became of the session */
    }
    if (uplink->state != UPLINK_JOINING || joined->session != uplink->session) {
        return;
    }
    if (joined->refused) {
        channel_goodbye(uplink->channel, BYE_DONE, "the bridge's disk is full");
        return;
    }
    uplink->state = UPLINK_SENDING;
    backfill_add(&uplink->backfill, joined->first_seq, joined->next_seq - 1);
    if (!endpoints_is_preferred(&uplink->endpoints) && uplink->options.fail_back_ms > 0) {
        loop_timer_start_ms(uplink->retry_timer, uplink->options.fail_back_ms);
    }
    on_turn(uplink);
}

/* ---- life ---- */

static void resume(void *owner)
{
    uplink_pump(owner);
}

static void set_options(struct uplink *uplink, const struct uplink_options *options)
{
    const struct backoff backoff = {.first_ms = options->retry_first_ms, .cap_ms = options->retry_cap_ms};
    struct tls_context *old = uplink->options.tls;
    uplink->options = *options;
    uplink->options.tls = options->tls ? tls_context_ref(options->tls) : NULL;
    tls_context_unref(old);
    endpoints_init(&uplink->endpoints, options->endpoint_count, &backoff);
    backfill_init(&uplink->backfill, &options->backfill);
}

enum err uplink_new(struct loop *loop, const struct uplink_options *options, struct uplink **out,
                    struct err_text *why)
{
    *out = NULL;
    struct uplink *uplink = calloc(1, sizeof *uplink);
    if (!uplink) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    uplink->loop = loop;
    uplink->failure_limit = (struct log_limit){.burst = FAILURE_LINES, .interval_us = FAILURE_INTERVAL_US};
    uplink->outstanding = outstanding_new();
    uplink->retry_timer = loop_timer_new(loop, connect_now, uplink);
    uplink->pace_timer = loop_timer_new(loop, resume, uplink);
    set_options(uplink, options);
    if (!uplink->outstanding || !uplink->retry_timer || !uplink->pace_timer) {
        uplink_free(uplink);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *out = uplink;
    return ERR_OK;
}

void uplink_attach(struct uplink *uplink, struct spool_thread *spool)
{
    uplink->spool = spool;
    loop_timer_start_ms(uplink->retry_timer, 0);
}

void uplink_configure(struct uplink *uplink, const struct uplink_options *options)
{
    set_options(uplink, options);
    if (uplink->channel) {
        uplink_renew(uplink, "the configuration has changed");
    } else if (uplink->state == UPLINK_WAITING) {
        loop_timer_start_ms(uplink->retry_timer, 0);
    }
}

void uplink_drain(struct uplink *uplink, void (*drained)(void *owner), void *owner)
{
    uplink->draining = true;
    uplink->drained = drained;
    uplink->drained_owner = owner;
    if (uplink->state == UPLINK_SENDING) {
        on_turn(uplink);
        return;
    }
    channel_free(uplink->channel);
    uplink->channel = NULL;
    stop(uplink);
}

void uplink_free(struct uplink *uplink)
{
    if (!uplink) {
        return;
    }
    channel_free(uplink->channel);
    loop_timer_free(uplink->retry_timer);
    loop_timer_free(uplink->pace_timer);
    spool_batches_clear(&uplink->live);
    spool_batches_clear(&uplink->chunk);
    for (size_t i = 0; i < uplink->answers.count; i++) {
        free(uplink->answers.items[i].text);
    }
    free(uplink->answers.items);
    outstanding_free(uplink->outstanding);
    tls_context_unref(uplink->options.tls);
    free(uplink);
}

bool uplink_is_connected(const struct uplink *uplink)
{
    return uplink->state == UPLINK_JOINING || uplink->state == UPLINK_SENDING;
}
