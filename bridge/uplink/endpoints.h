/*
 * endpoints: which server to try next, and when. The first is preferred; each is tried once at once, then all
 * wait, longer from round to round, with jitter, for ever. Pure; randomness comes in.
 */
#ifndef BOURDON_UPLINK_ENDPOINTS_H
#define BOURDON_UPLINK_ENDPOINTS_H

#include "base/backoff.h"

#include <stdbool.h>
#include <stddef.h>

/* A session that lived at least this long, or had something acknowledged, starts the waits from the first. */
#define ENDPOINTS_GOOD_SESSION_MS 10000

struct endpoints {
    size_t count;
    size_t current;
    struct backoff backoff;
};

void endpoints_init(struct endpoints *endpoints, size_t count, const struct backoff *backoff);

/* The attempt at the current one failed, or its session ended: what to wait before the next attempt, which is
 * at `current` then. `was_good`: there was a good session. */
uint32_t endpoints_next_ms(struct endpoints *endpoints, bool was_ready, bool was_good, uint32_t random);
/* Whether a better one than the current might be tried again. */
bool endpoints_is_preferred(const struct endpoints *endpoints);

#endif
