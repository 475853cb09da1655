#include "uplink/endpoints.h"

void endpoints_init(struct endpoints *endpoints, size_t count, const struct backoff *backoff)
{
    *endpoints = (struct endpoints){.count = count, .backoff = *backoff};
}

uint32_t endpoints_next_ms(struct endpoints *endpoints, bool was_ready, bool was_good, uint32_t random)
{
    if (was_good) {
        backoff_reset(&endpoints->backoff);
    }
    bool more_in_round = !was_ready && endpoints->current + 1 < endpoints->count;
    endpoints->current = more_in_round ? endpoints->current + 1 : 0;
    return more_in_round ? 0 : backoff_next_ms(&endpoints->backoff, random);
}

bool endpoints_is_preferred(const struct endpoints *endpoints)
{
    return endpoints->current == 0;
}
