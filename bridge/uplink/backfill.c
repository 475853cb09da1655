#include "uplink/backfill.h"

#include "base/clock.h"

#include <string.h>

void backfill_init(struct backfill *backfill, const struct backfill_options *options)
{
    *backfill = (struct backfill){.options = *options, .next_us = INT64_MIN};
}

void backfill_clear(struct backfill *backfill)
{
    backfill->count = 0;
}

static void remove_range(struct backfill *backfill, size_t index)
{
    backfill->count--;
    memmove(&backfill->ranges[index], &backfill->ranges[index + 1],
            (backfill->count - index) * sizeof backfill->ranges[0]);
}

static void insert_range(struct backfill *backfill, size_t index, struct sequence_range range)
{
    memmove(&backfill->ranges[index + 1], &backfill->ranges[index],
            (backfill->count - index) * sizeof backfill->ranges[0]);
    backfill->ranges[index] = range;
    backfill->count++;
}

static void join_nearest(struct backfill *backfill)
{
    size_t nearest = 0;
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i + 1 < backfill->count; i++) {
        uint64_t distance = backfill->ranges[i + 1].first - backfill->ranges[i].last;
        if (distance < least) {
            least = distance;
            nearest = i;
        }
    }
    backfill->ranges[nearest].last = backfill->ranges[nearest + 1].last;
    remove_range(backfill, nearest + 1);
}

void backfill_add(struct backfill *backfill, uint64_t first, uint64_t last)
{
    if (first > last) {
        return;
    }
    struct sequence_range range = {.first = first, .last = last};
    size_t index = 0;
    while (index < backfill->count && backfill->ranges[index].last + 1 < first) {
        index++;
    }
    while (index < backfill->count && backfill->ranges[index].first <= range.last + 1) {
        const struct sequence_range *other = &backfill->ranges[index];
        range.first = other->first < range.first ? other->first : range.first;
        range.last = other->last > range.last ? other->last : range.last;
        remove_range(backfill, index);
    }
    insert_range(backfill, index, range);
    if (backfill->count > BACKFILL_RANGES_MAX) {
        join_nearest(backfill);
    }
}

bool backfill_take(struct backfill *backfill, struct sequence_range *range)
{
    if (backfill->count == 0) {
        return false;
    }
    *range = backfill->ranges[0];
    remove_range(backfill, 0);
    return true;
}

size_t backfill_window(const struct backfill *backfill, size_t window)
{
    size_t share = window * (size_t)backfill->options.window_share / 100;
    return share > 0 ? share : 1;
}

int64_t backfill_next_us(const struct backfill *backfill)
{
    return backfill->next_us;
}

void backfill_sent(struct backfill *backfill, uint32_t readings, int64_t now_us)
{
    if (backfill->options.rate <= 0) {
        return;
    }
    int64_t earliest = now_us - BACKFILL_BURST_US;
    int64_t from = backfill->next_us > earliest ? backfill->next_us : earliest;
    backfill->next_us = from + (int64_t)readings * CLOCK_US_PER_S / backfill->options.rate;
}
