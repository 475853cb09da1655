#include "base/array.h"
#include "field/schedule.h"
#include "support/suite.h"

#include <stdlib.h>

#define SECOND INT64_C(1000000)

static struct schedule_now at(int64_t mono_us)
{
    return (struct schedule_now){.mono_us = mono_us, .wall_us = mono_us + 1700000000 * SECOND};
}

START_TEST(a_late_poll_does_not_move_the_later_ones)
{
    struct schedule schedule = {.rate_us = SECOND};
    schedule_start(&schedule, 0, at(5 * SECOND));
    int64_t first_us = schedule.due_us;
    for (int64_t i = 1; i <= 1000; i++) {
        schedule_advance(&schedule, at(schedule.due_us + 990000), true);
        ck_assert_int_eq(schedule.due_us, first_us + i * SECOND);
    }
    ck_assert_uint_eq(schedule.overruns, 0);
}
END_TEST

START_TEST(polls_that_did_not_happen_are_counted)
{
    static const struct {
        const char *name;
        int64_t late_us;
        bool busy;
        uint64_t overruns;
        int64_t moved_us;
    } rows[] = {
        {"in time", 10, true, 0, SECOND},
        {"a period late: the next begins at once", SECOND, true, 0, SECOND},
        {"one and a half", 1500000, true, 0, SECOND},
        {"two and a half: one is lost", 2500000, true, 1, 2 * SECOND},
        {"an hour", 3600 * SECOND + 1, true, 3599, 3600 * SECOND},
        {"an hour, but nobody could", 3600 * SECOND + 1, false, 0, 3600 * SECOND},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct schedule schedule = {.rate_us = SECOND, .due_us = 7};
        schedule_advance(&schedule, at(7 + rows[i].late_us), rows[i].busy);
        ck_assert_msg(schedule.overruns == rows[i].overruns, "%s", rows[i].name);
        ck_assert_msg(schedule.due_us == 7 + rows[i].moved_us, "%s", rows[i].name);
    }
}
END_TEST

static int compare(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;
    return (*left > *right) - (*left < *right);
}

START_TEST(phases_are_spread_however_many_there_are)
{
    enum { MOST = 900 };
    static const size_t counts[] = {2, 3, 10, 100, MOST};
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        int64_t due_us[MOST];
        for (uint32_t number = 0; number < counts[i]; number++) {
            struct schedule schedule = {.rate_us = SECOND};
            schedule_start(&schedule, number, at(0));
            due_us[number] = schedule.due_us;
            ck_assert_int_lt(schedule.due_us, SECOND);
        }
        qsort(due_us, counts[i], sizeof due_us[0], compare);
        for (size_t j = 1; j < counts[i]; j++) {
            /* Never farther apart than three even steps (three-distance theorem), never at once. */
            ck_assert_int_le(due_us[j] - due_us[j - 1], 3 * SECOND / (int64_t)counts[i]);
            ck_assert_int_gt(due_us[j], due_us[j - 1]);
        }
    }
}
END_TEST

START_TEST(a_slow_tag_is_read_soon_after_the_start)
{
    for (uint32_t number = 0; number < 100; number++) {
        struct schedule schedule = {.rate_us = 86400 * SECOND};
        schedule_start(&schedule, number, at(0));
        ck_assert_int_lt(schedule.due_us, SCHEDULE_START_US);
    }
}
END_TEST

START_TEST(aligned_polls_fall_on_the_wall_clock)
{
    struct schedule schedule = {.rate_us = 60 * SECOND, .align = true};
    struct schedule_now now = {.mono_us = 1000, .wall_us = 90 * SECOND};
    schedule_start(&schedule, 7, now);
    ck_assert_int_eq(schedule.due_us, 1000 + 30 * SECOND);
    now = (struct schedule_now){.mono_us = 1000 + 30 * SECOND + 20000, .wall_us = 120 * SECOND + 20000};
    schedule_advance(&schedule, now, true);
    ck_assert_int_eq(schedule.due_us, 1000 + 90 * SECOND);
}
END_TEST

START_TEST(a_drifting_clock_gives_one_poll_a_period)
{
    enum { PERIODS = 5000 };
    for (int drift_ppm = -500; drift_ppm <= 500; drift_ppm += 250) {
        struct schedule schedule = {.rate_us = 10 * SECOND, .align = true};
        struct schedule_now now = {.mono_us = 0, .wall_us = 3 * SECOND};
        schedule_start(&schedule, 0, now);
        int64_t last_period = -1;
        for (int i = 0; i < PERIODS; i++) {
            now.mono_us = schedule.due_us;
            now.wall_us = 3 * SECOND + now.mono_us + now.mono_us / 1000000 * drift_ppm;
            int64_t period = (now.wall_us + SECOND) / schedule.rate_us;
            ck_assert_int_eq(period, last_period < 0 ? period : last_period + 1);
            last_period = period;
            now.mono_us += 5000;
            now.wall_us += 5000;
            schedule_advance(&schedule, now, true);
        }
        ck_assert_uint_eq(schedule.overruns, 0);
    }
}
END_TEST

int main(void)
{
    return suite_run("schedule", (const TTest *[]){
                                     a_late_poll_does_not_move_the_later_ones,
                                     polls_that_did_not_happen_are_counted,
                                     phases_are_spread_however_many_there_are,
                                     a_slow_tag_is_read_soon_after_the_start,
                                     aligned_polls_fall_on_the_wall_clock,
                                     a_drifting_clock_gives_one_poll_a_period,
                                     NULL,
                                 });
}
