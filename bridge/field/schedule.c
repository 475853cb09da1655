#include "field/schedule.h"

/* 2^32 divided by the golden ratio: multiples of it, modulo 2^32, are spread evenly however many there are.
 */
#define GOLDEN UINT32_C(2654435769)

/* The monotonic time at which the wall clock is at a multiple of the rate, next after `from` µs from now. */
static int64_t aligned_us(const struct schedule *schedule, struct schedule_now now, int64_t from)
{
    int64_t past = (now.wall_us + from) % schedule->rate_us;
    return now.mono_us + from + (past ? schedule->rate_us - past : 0);
}

void schedule_start(struct schedule *schedule, uint32_t number, struct schedule_now now)
{
    if (schedule->align) {
        schedule->due_us = aligned_us(schedule, now, 0);
        return;
    }
    int64_t span = schedule->rate_us < SCHEDULE_START_US ? schedule->rate_us : SCHEDULE_START_US;
    uint32_t fraction = number * GOLDEN;
    schedule->due_us = now.mono_us + (int64_t)(((uint64_t)span * fraction) >> 32);
}

/* The grid is taken anew from the wall clock, because the two clocks drift apart. A poll that began a moment
 * before its point must not be followed by one at that very point: hence the half period. */
static int64_t advance_aligned(struct schedule *schedule, struct schedule_now now)
{
    int64_t behind = now.mono_us - schedule->due_us;
    bool early = behind < schedule->rate_us / 4;
    schedule->due_us = aligned_us(schedule, now, early ? schedule->rate_us / 2 : 0);
    return early ? 0 : behind / schedule->rate_us;
}

static int64_t advance_free(struct schedule *schedule, struct schedule_now now)
{
    int64_t behind = now.mono_us - schedule->due_us;
    int64_t skipped = behind > schedule->rate_us ? behind / schedule->rate_us - 1 : 0;
    schedule->due_us += (1 + skipped) * schedule->rate_us;
    return skipped;
}

void schedule_advance(struct schedule *schedule, struct schedule_now now, bool busy)
{
    int64_t skipped = schedule->align ? advance_aligned(schedule, now) : advance_free(schedule, now);
    schedule->overruns += busy ? (uint64_t)skipped : 0;
}

int64_t schedule_deadline_us(const struct schedule *schedule)
{
    return schedule->due_us + schedule->rate_us;
}
