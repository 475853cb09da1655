#include "field/breaker.h"

#include "base/clock.h"

#include <assert.h>

static bool may_move(enum breaker_state from, enum breaker_state to)
{
    static const bool allowed[3][3] = {
        [BREAKER_CLOSED] = {[BREAKER_OPEN] = true},
        [BREAKER_OPEN] = {[BREAKER_HALF_OPEN] = true},
        [BREAKER_HALF_OPEN] = {[BREAKER_CLOSED] = true, [BREAKER_OPEN] = true},
    };
    return allowed[from][to];
}

/* The only writer of the state. */
static void move(struct breaker *breaker, enum breaker_state to)
{
    bool allowed = may_move(breaker->state, to);
    assert(allowed);
    (void)allowed;
    breaker->state = to;
}

void breaker_init(struct breaker *breaker, uint32_t cap_ms)
{
    *breaker = (struct breaker){
        .state = BREAKER_CLOSED,
        .backoff = {.first_ms = BREAKER_FIRST_MS, .cap_ms = cap_ms},
    };
}

int64_t breaker_ready_us(const struct breaker *breaker)
{
    return breaker->state == BREAKER_OPEN ? breaker->probe_us : 0;
}

void breaker_request(struct breaker *breaker)
{
    if (breaker->state == BREAKER_OPEN) {
        move(breaker, BREAKER_HALF_OPEN);
    }
}

bool breaker_success(struct breaker *breaker)
{
    breaker->failures = 0;
    if (breaker->state == BREAKER_CLOSED) {
        return false;
    }
    backoff_reset(&breaker->backoff);
    move(breaker, BREAKER_CLOSED);
    return true;
}

bool breaker_failure(struct breaker *breaker, int64_t now_us, uint32_t random)
{
    bool was_closed = breaker->state == BREAKER_CLOSED;
    if (was_closed && ++breaker->failures < BREAKER_FAILURES) {
        return false;
    }
    move(breaker, BREAKER_OPEN);
    breaker->probe_us = now_us + backoff_next_ms(&breaker->backoff, random) * CLOCK_US_PER_MS;
    breaker->opened += was_closed ? 1 : 0;
    return was_closed;
}

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[] = {"closed", "open", "half-open"};
    return names[state];
}
