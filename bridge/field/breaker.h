/*
 * breaker: keeps a unit that does not answer from costing the others behind the same link their time.
 *
 *            BREAKER_FAILURES in a row                    back-off over
 *   CLOSED ────────────────────────────▶ OPEN ──────────────────────────────▶ HALF_OPEN
 *      ▲                                  ▲                                    │      │
 *      │                                  └─────────── failure (longer) ───────┘      │
 *      └────────────────────────────────────── answer ────────────────────────────────┘
 *
 * OPEN waits for the back-off and never gives up; HALF_OPEN lets one request through, bounded by the link's
 * response time-out. Pure; monotonic times in µs come in from outside.
 */
#ifndef BOURDON_FIELD_BREAKER_H
#define BOURDON_FIELD_BREAKER_H

#include "base/backoff.h"

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

enum {
    BREAKER_FAILURES = 3,
    BREAKER_FIRST_MS = 1000, /* the first back-off; doubles up to the cap */
};

struct breaker {
    enum breaker_state state;
    uint8_t failures; /* in a row */
    struct backoff backoff;
    int64_t probe_us; /* OPEN: when to try again */
    uint64_t opened;  /* times it opened from CLOSED */
};

void breaker_init(struct breaker *breaker, uint32_t cap_ms);

/* When a request may go: 0 = at once. */
int64_t breaker_ready_us(const struct breaker *breaker);

/* A request is about to be sent; breaker_ready_us() has come. */
void breaker_request(struct breaker *breaker);

/* The unit answered, be it with an exception. True if it had been away: the breaker closed by this. */
bool breaker_success(struct breaker *breaker);

/* The unit did not answer; `random` is 32 uniform bits. True if the breaker opened from CLOSED by this. */
bool breaker_failure(struct breaker *breaker, int64_t now_us, uint32_t random);

const char *breaker_state_name(enum breaker_state state); /* "closed", "open", "half-open" */

#endif
