/*
 * schedule: when a group of tags of one rate is polled: absolute deadlines on a grid, so that a late poll
 * does not move the later ones. Pure; times in µs come in from outside.
 */
#ifndef BOURDON_FIELD_SCHEDULE_H
#define BOURDON_FIELD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* The first polls of slow tags happen within this time, too, and not after an hour. */
#define SCHEDULE_START_US INT64_C(10000000)

struct schedule {
    int64_t rate_us;
    int64_t due_us;    /* monotonic: when the next poll begins */
    uint64_t overruns; /* polls that did not happen because the line was busy */
    bool align;        /* polls fall on multiples of the rate on the wall clock */
};

/* Both clocks at one moment. */
struct schedule_now {
    int64_t mono_us;
    int64_t wall_us;
};

/*
 * Places the first poll. `number` counts the schedules of the field: the polls of any number of them are
 * spread evenly (multiples of the golden ratio) over the rate or SCHEDULE_START_US, whichever is shorter.
 */
void schedule_start(struct schedule *schedule, uint32_t number, struct schedule_now now);

/* A poll has ended: moves on to the next point of the grid. Points already past by a whole period are skipped
 * and, where `busy`, counted as overruns. */
void schedule_advance(struct schedule *schedule, struct schedule_now now, bool busy);

/* By when the poll due next should be done: what the line is given by, earliest first. */
int64_t schedule_deadline_us(const struct schedule *schedule);

#endif
