#include "base/backoff.h"

uint32_t backoff_next_ms(struct backoff *backoff, uint32_t random)
{
    uint32_t upper = backoff->next_ms ? backoff->next_ms : backoff->first_ms;
    if (upper > backoff->cap_ms) {
        upper = backoff->cap_ms;
    }
    backoff->next_ms = upper > backoff->cap_ms / 2 ? backoff->cap_ms : upper * 2;
    uint32_t lower = upper / 2;
    return lower + (uint32_t)(((uint64_t)(upper - lower) * random) >> 32);
}

void backoff_reset(struct backoff *backoff)
{
    backoff->next_ms = 0;
}
