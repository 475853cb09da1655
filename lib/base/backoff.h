/*
 * backoff: how long to wait before the next attempt. Capped exponential with jitter over the upper half: a
 * wait is uniform in [d/2, d], where d doubles from `first_ms` to `cap_ms`. Pure; randomness comes in from
 * outside.
 */
#ifndef BOURDON_BASE_BACKOFF_H
#define BOURDON_BASE_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t first_ms;
    uint32_t cap_ms;
    uint32_t next_ms; /* upper end of the next wait; 0 = start from first_ms */
};

/* The next wait in milliseconds; `random` is 32 uniform bits. */
uint32_t backoff_next_ms(struct backoff *backoff, uint32_t random);

/* After a success: the next wait starts from first_ms again. */
void backoff_reset(struct backoff *backoff);

#endif
