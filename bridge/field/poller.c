#include "field/poller.h"

#include "base/clock.h"
#include "base/random.h"
#include "field/poller_emit.h"
#include "field/poller_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void poller_init(struct poller *poller, const struct poller_context *context, const char *name)
{
    *poller = (struct poller){.context = context, .clock_checked_us = INT64_MIN / 2, .at_once = 1};
    snprintf(poller->name, sizeof poller->name, "%s", name);
    poller_log_init(&poller->log, poller->name);
    pthread_mutex_init(&poller->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&poller->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    live_queue_init(&poller->live, &poller->mutex, &poller->woken);
    live_list_init(&poller->live_taken);
}

static struct schedule_now now(void)
{
    return (struct schedule_now){.mono_us = clock_mono_us(), .wall_us = clock_wall_us()};
}

static bool is_stopping(struct poller *poller)
{
    return atomic_load(&poller->stopping);
}

/* Waits until the monotonic time, until a live request comes, or until it is woken to stop. */
static void wait_until(struct poller *poller, int64_t until_us)
{
    struct timespec until = {
        .tv_sec = until_us / CLOCK_US_PER_S,
        .tv_nsec = until_us % CLOCK_US_PER_S * 1000,
    };
    pthread_mutex_lock(&poller->mutex);
    while (!is_stopping(poller) && !poller_live_waits(poller) && clock_mono_us() < until_us) {
        poller->live.sleeping = true;
        pthread_cond_timedwait(&poller->woken, &poller->mutex, &until);
    }
    poller->live.sleeping = false;
    pthread_mutex_unlock(&poller->mutex);
}

static void set_reason(struct poller *poller, const char *reason)
{
    pthread_mutex_lock(&poller->mutex);
    snprintf(poller->reason, sizeof poller->reason, "%s", reason);
    pthread_mutex_unlock(&poller->mutex);
}

char *poller_reason(struct poller *poller, char *text)
{
    pthread_mutex_lock(&poller->mutex);
    memcpy(text, poller->reason, sizeof poller->reason);
    pthread_mutex_unlock(&poller->mutex);
    return text;
}

static void went_up(struct poller *poller)
{
    backoff_reset(&poller->reconnect);
    poller->reconnect_us = 0;
    poller->answers = 0;
    bool changed = metric_get(&poller->counters[POLLER_WAY]) != (int64_t)poller->way;
    metric_set(&poller->counters[POLLER_UP], 1);
    metric_set(&poller->counters[POLLER_WAY], (int64_t)poller->way);
    if (poller->down_logged || changed) {
        set_reason(poller, "");
        poller_log_link_up(&poller->log, poller->way);
        poller->down_logged = false;
    }
}

static void stayed_down(struct poller *poller, const char *reason, int64_t request_us)
{
    metric_set(&poller->counters[POLLER_UP], 0);
    set_reason(poller, reason);
    if (!poller->down_logged) {
        poller_log_link_down(&poller->log, reason);
        poller->down_logged = true;
    }
    poller_mark_all(poller, QUALITY_BAD_REFUSED, request_us);
}

static struct link *current_way(struct poller *poller)
{
    return poller->ways[poller->way];
}

/* Tries each way once, beginning with the one in use. */
static bool bring_up(struct poller *poller)
{
    struct err_text why = {.text = ""};
    int64_t request_us = clock_wall_us();
    for (size_t i = 0; i < poller->way_count; i++) {
        enum err result = link_connect(current_way(poller), &why);
        if (result == ERR_OK) {
            went_up(poller);
            return true;
        }
        if (result == ERR_CLOSED) {
            return false;
        }
        poller->way = (poller->way + 1) % poller->way_count;
    }
    poller->reconnect_us =
        clock_mono_us() + backoff_next_ms(&poller->reconnect, random_u32()) * CLOCK_US_PER_MS;
    stayed_down(poller, why.text, request_us);
    return false;
}

/* False: it is to stop. Whoever stops it then waits for no answer, so none may be asked for any more. */
static bool begin_asking(struct poller *poller)
{
    pthread_mutex_lock(&poller->mutex);
    bool allowed = !poller->stopping;
    poller->asking = allowed;
    pthread_mutex_unlock(&poller->mutex);
    return allowed;
}

static void end_asking(struct poller *poller)
{
    pthread_mutex_lock(&poller->mutex);
    poller->asking = false;
    pthread_cond_broadcast(&poller->woken);
    pthread_mutex_unlock(&poller->mutex);
}

/* Either of the two. */
struct question {
    struct link_exchange *one;
    const struct link_batch *all;
};

static enum link_outcome ask(struct poller *poller, const struct question *question)
{
    if (!begin_asking(poller)) {
        return LINK_INTERRUPTED;
    }
    struct link *way = current_way(poller);
    enum link_outcome outcome =
        question->one ? link_exchange(way, question->one) : link_exchange_all(way, question->all);
    end_asking(poller);
    return outcome;
}

/* The device may close a connection it thinks idle, which shows only now: then once more on a new one. */
static enum link_outcome ask_on_this_way(struct poller *poller, const struct question *question,
                                         bool repeatable)
{
    struct link *way = current_way(poller);
    if (!way->connected) {
        return LINK_LOST;
    }
    enum link_outcome outcome = ask(poller, question);
    if (outcome == LINK_LOST && repeatable && poller->answers > 0 && link_connect(way, NULL) == ERR_OK) {
        poller->answers = 0;
        outcome = ask(poller, question);
    }
    poller->answers += outcome == LINK_ANSWERED ? 1 : 0;
    return outcome;
}

enum link_outcome poller_exchange(struct poller *poller, struct link_exchange *exchange, bool repeatable)
{
    return ask_on_this_way(poller, &(struct question){.one = exchange}, repeatable);
}

enum link_outcome poller_exchange_all(struct poller *poller, const struct link_batch *batch)
{
    return ask_on_this_way(poller, &(struct question){.all = batch}, true);
}

static enum quality quality_of(enum link_outcome outcome)
{
    switch (outcome) {
    case LINK_TIMED_OUT:
        return QUALITY_BAD_TIMEOUT;
    case LINK_BROKE_PROTOCOL:
        return QUALITY_BAD_PROTOCOL;
    case LINK_LOST:
    case LINK_INTERRUPTED:
    case LINK_ANSWERED:
        return QUALITY_BAD_DISCONNECTED;
    }
    return QUALITY_BAD_DISCONNECTED;
}

/* A gateway's word that the unit behind it does not answer is as good as no answer. */
static bool is_absent(const struct link_exchange *exchange)
{
    return exchange->response.exception == MODBUS_GATEWAY_PATH_UNAVAILABLE ||
           exchange->response.exception == MODBUS_GATEWAY_TARGET_FAILED;
}

static void take_answer(struct poller *poller, const struct unit_turn *turn, const struct unit_answer *answer,
                        struct emitter *emitter)
{
    struct unit *unit = turn->unit;
    int64_t refused = metric_get(&unit->counters[UNIT_TAGS_REFUSED]);
    if (unit_answered(turn, answer, emitter)) {
        poller_log_unit_back(&poller->log, unit->id);
    }
    if (metric_get(&unit->counters[UNIT_TAGS_REFUSED]) > refused) {
        poller_log_tag_refused(&poller->log, unit->id,
                               catalog_tag(poller->context->catalog, unit->refused_tag)->name,
                               metric_get(&unit->counters[UNIT_TAGS_REFUSED]));
    }
}

static void take_outcome(struct poller *poller, const struct unit_turn *turn, enum link_outcome outcome,
                         const struct link_exchange *exchange)
{
    struct emitter emitter;
    if (!poller_emit_begin(poller, &emitter, exchange->request_us, exchange->response_us)) {
        return; /* out of memory: the poll is lost, its pass goes on with the next turn */
    }
    struct unit_answer answer = {.response = &exchange->response, .now = now()};
    bool absent = outcome == LINK_ANSWERED && is_absent(exchange);
    if (outcome == LINK_ANSWERED && !absent) {
        take_answer(poller, turn, &answer, &emitter);
    } else {
        enum quality quality = absent ? (enum quality)(QUALITY_BAD_EXCEPTION + exchange->response.exception)
                                      : quality_of(outcome);
        answer.random = random_u32();
        if (unit_failed(turn, quality, &answer, &emitter)) {
            poller_log_unit_suspended(&poller->log, turn->unit->id, quality_text(quality));
        }
    }
    poller_emit_end(poller, &emitter);
}

static void poll_turn(struct poller *poller, const struct unit_turn *turn)
{
    struct pdu_request request;
    if (!unit_request(turn, now(), &request)) {
        return;
    }
    struct link_exchange taken = {.unit = turn->unit->id, .request = &request};
    int64_t began_us = clock_mono_us();
    reading_sink_begin(poller->context->sink, &poller->promise);
    enum link_outcome outcome = poller_exchange(poller, &taken, true);
    line_share_use(&poller->share, LINE_POLLS, clock_mono_us() - began_us);
    if (outcome == LINK_ANSWERED && taken.response.exception == 0) {
        poll_cache_store(&poller->cache, turn->unit->id, &request, taken.response.data, began_us);
    }
    if (outcome != LINK_INTERRUPTED) {
        take_outcome(poller, turn, outcome, &taken);
    }
    reading_sink_end(poller->context->sink, &poller->promise);
}

static struct unit_turn next_turn(struct poller *poller, int64_t now_us)
{
    struct unit_turn best = {.unit = NULL};
    for (size_t i = 0; i < poller->unit_count; i++) {
        struct unit_turn turn = unit_next_turn(&poller->units[i], now_us);
        if (unit_turn_before(&turn, &best, now_us)) {
            best = turn;
        }
    }
    return best;
}

static bool sink_takes_readings(const struct poller *poller)
{
    const struct reading_sink *sink = poller->context->sink;
    return sink->put(sink->owner, NULL, 0);
}

/* Whether polls may go on; a sink that was full is asked again after a while. */
static bool sink_has_room(struct poller *poller, int64_t now_us)
{
    if (metric_get(&poller->counters[POLLER_PAUSED]) == 0) {
        return true;
    }
    if (now_us - poller->sink_asked_us < POLLER_SINK_RETRY_MS * CLOCK_US_PER_MS) {
        return false;
    }
    poller->sink_asked_us = now_us;
    if (!sink_takes_readings(poller)) {
        return false;
    }
    metric_set(&poller->counters[POLLER_PAUSED], 0);
    poller_log_resumed(&poller->log);
    return true;
}

/* When the next poll wants the line. */
static int64_t poll_time(struct poller *poller, const struct unit_turn *turn, int64_t now_us)
{
    if (!turn->unit) {
        return INT64_MAX / 2;
    }
    if (turn->start_us > now_us || sink_has_room(poller, now_us)) {
        return turn->start_us;
    }
    return poller->sink_asked_us + POLLER_SINK_RETRY_MS * CLOCK_US_PER_MS;
}

static void connect_or_wait(struct poller *poller, int64_t now_us)
{
    bool connected = false;
    if (poller->reconnect_us <= now_us) {
        reading_sink_begin(poller->context->sink, &poller->promise);
        connected = bring_up(poller);
        reading_sink_end(poller->context->sink, &poller->promise);
    }
    if (!connected) {
        poller_live_refuse(poller);
        wait_until(poller, poller->reconnect_us);
    }
}

static void step(struct poller *poller)
{
    int64_t now_us = clock_mono_us();
    struct unit_turn turn = next_turn(poller, now_us);
    int64_t poll_us = poll_time(poller, &turn, now_us);
    bool live = poller_live_waits(poller);
    if (poll_us > now_us && !live) {
        wait_until(poller, poll_us);
    } else if (!current_way(poller)->connected) {
        connect_or_wait(poller, now_us);
    } else if (line_share_next(&poller->share, poll_us <= now_us, live) == LINE_LIVE) {
        poller_live_serve(poller, poll_us);
    } else if (turn.unit) {
        poll_turn(poller, &turn);
    }
}

static void *run(void *argument)
{
    struct poller *poller = argument;
    if (!sink_takes_readings(poller)) {
        poller_pause(poller);
    }
    while (!is_stopping(poller)) {
        step(poller);
        poller_check_stale(poller);
    }
    pthread_mutex_lock(&poller->mutex);
    live_queue_close(&poller->live);
    pthread_mutex_unlock(&poller->mutex);
    poller_live_refuse(poller);
    for (size_t i = 0; i < poller->way_count; i++) {
        link_disconnect(poller->ways[i]);
    }
    return NULL;
}

enum err poller_start(struct poller *poller, uint32_t *number, struct err_text *why)
{
    for (size_t i = 0; i < poller->unit_count; i++) {
        unit_start(&poller->units[i], number, now());
    }
    metric_set(&poller->counters[POLLER_UP], 1);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, POLLER_STACK_SIZE);
    int result = pthread_create(&poller->thread, &attributes, run, poller);
    pthread_attr_destroy(&attributes);
    if (result != 0) {
        return err_errno(why, result, "link %s: start a thread", poller->name);
    }
    poller->started = true;
    return ERR_OK;
}

static void interrupt_ways(struct poller *poller)
{
    for (size_t i = 0; i < poller->way_count; i++) {
        link_interrupt(poller->ways[i]);
    }
}

void poller_stop(struct poller *poller)
{
    pthread_mutex_lock(&poller->mutex);
    atomic_store(&poller->stopping, true);
    bool asking = poller->asking;
    pthread_cond_broadcast(&poller->woken);
    pthread_mutex_unlock(&poller->mutex);
    if (!asking) {
        interrupt_ways(poller);
    }
}

void poller_await_answer(struct poller *poller, int64_t until_us)
{
    struct timespec until = {
        .tv_sec = until_us / CLOCK_US_PER_S,
        .tv_nsec = until_us % CLOCK_US_PER_S * 1000,
    };
    pthread_mutex_lock(&poller->mutex);
    while (poller->asking && clock_mono_us() < until_us) {
        pthread_cond_timedwait(&poller->woken, &poller->mutex, &until);
    }
    pthread_mutex_unlock(&poller->mutex);
    interrupt_ways(poller);
}

void poller_fini(struct poller *poller)
{
    if (poller->started) {
        pthread_join(poller->thread, NULL);
    }
    for (size_t i = 0; i < poller->way_count; i++) {
        link_free(poller->ways[i]);
    }
    for (size_t i = 0; i < poller->unit_count; i++) {
        unit_fini(&poller->units[i]);
    }
    free(poller->units);
    poll_cache_fini(&poller->cache);
    pthread_cond_destroy(&poller->woken);
    pthread_mutex_destroy(&poller->mutex);
}
