#include "field/poller_emit.h"

#include "base/clock.h"

/* How often the kernel is asked whether its clock is synchronised. */
#define CLOCK_CHECK_US CLOCK_US_PER_S
#define STALE_CHECK_US CLOCK_US_PER_S

static bool is_clock_synchronised(struct poller *poller, int64_t now_us)
{
    if (now_us - poller->clock_checked_us >= CLOCK_CHECK_US) {
        poller->clock_checked_us = now_us;
        poller->clock_synchronised = clock_is_synchronised();
    }
    return poller->clock_synchronised;
}

/* An answer that came before its request means that the wall clock was set back in between. */
static struct stamp stamp_of(struct poller *poller, int64_t request_us, int64_t response_us)
{
    bool jumped = response_us < request_us;
    return (struct stamp){
        .request_us = request_us,
        .response_us = jumped ? request_us : response_us,
        .synchronised = !jumped && is_clock_synchronised(poller, clock_mono_us()),
    };
}

bool poller_emit_begin(struct poller *poller, struct emitter *emitter, int64_t request_us,
                       int64_t response_us)
{
    *emitter = (struct emitter){
        .sink = poller->context->sink,
        .space = reading_space_take(poller->context->space),
        .stamp = stamp_of(poller, request_us, response_us),
    };
    return emitter->space != NULL;
}

void poller_pause(struct poller *poller)
{
    metric_set(&poller->counters[POLLER_PAUSED], 1);
    poller_log_paused(&poller->log);
    for (size_t i = 0; i < poller->unit_count; i++) {
        unit_forget(&poller->units[i]);
    }
}

void poller_emit_end(struct poller *poller, struct emitter *emitter)
{
    emitter_flush(emitter);
    reading_space_give_back(poller->context->space, emitter->space);
    metric_add(&poller->counters[POLLER_READINGS], (int64_t)emitter->emitted);
    if (emitter->refused) {
        poller_pause(poller);
    }
}

void poller_mark_all(struct poller *poller, enum quality quality, int64_t request_us)
{
    struct emitter emitter;
    if (!poller_emit_begin(poller, &emitter, request_us, clock_wall_us())) {
        return;
    }
    int64_t now_us = clock_mono_us();
    for (size_t i = 0; i < poller->unit_count; i++) {
        unit_mark(&poller->units[i], quality, now_us, &emitter);
    }
    poller_emit_end(poller, &emitter);
}

static void mark_stale(struct poller *poller, struct unit *unit, int64_t now_us)
{
    struct emitter emitter;
    int64_t wall_us = clock_wall_us();
    if (unit_has_stale(unit, now_us) && poller_emit_begin(poller, &emitter, wall_us, wall_us)) {
        unit_mark_stale(unit, now_us, &emitter);
        poller_emit_end(poller, &emitter);
    }
}

void poller_check_stale(struct poller *poller)
{
    int64_t now_us = clock_mono_us();
    if (now_us - poller->stale_checked_us < STALE_CHECK_US ||
        metric_get(&poller->counters[POLLER_PAUSED]) != 0) {
        return;
    }
    poller->stale_checked_us = now_us;
    reading_sink_begin(poller->context->sink, &poller->promise);
    for (size_t i = 0; i < poller->unit_count; i++) {
        mark_stale(poller, &poller->units[i], now_us);
    }
    reading_sink_end(poller->context->sink, &poller->promise);
}
