#include "alarm/alarm.h"
#include "base/array.h"
#include "support/suite.h"

#include <math.h>
#include <stdio.h>

enum { S = 1000000, STEPS_MAX = 8 };

/* What happens at a time (seconds): a reading, the clock, somebody acknowledges. */
enum act { END, READ, BAD, BACKLOG, TICK, ACKNOWLEDGE };
struct step {
    enum act act;
    double at_s;
    double value;
    enum alarm_state state; /* afterwards */
};

static bool act(struct alarm *alarm, const struct alarm_setting *setting, const struct step *step)
{
    int64_t at_us = (int64_t)(step->at_s * S);
    const struct alarm_reading reading = {.time_us = at_us,
                                          .received_us = at_us,
                                          .live = step->act != BACKLOG,
                                          .has_value = step->act != BAD,
                                          .value = step->value};
    switch (step->act) {
    case READ:
    case BAD:
    case BACKLOG:
        return alarm_step(alarm, setting, &reading);
    case TICK:
        return alarm_tick(alarm, setting, at_us);
    case ACKNOWLEDGE:
        return alarm_acknowledge(alarm, at_us);
    case END:
        break;
    }
    return false;
}

#define NORMAL   ALARM_NORMAL
#define ACTIVE   ALARM_ACTIVE
#define SEEN     ALARM_ACTIVE_ACKNOWLEDGED
#define RETURNED ALARM_RETURNED

START_TEST(states_follow_readings_clock_and_people)
{
    static const struct {
        const char *name;
        struct alarm_setting setting;
        struct step steps[STEPS_MAX];
    } rows[] = {
        {"the limit itself is inside, above it is not",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 1, 10, NORMAL}, {READ, 2, 10.001, ACTIVE}}},
        {"below a low limit",
         {.level = ALARM_LOW, .limit = 2},
         {{READ, 1, 2, NORMAL}, {READ, 2, 1.999, ACTIVE}, {READ, 3, 2, RETURNED}}},
        {"high-high and low-low are limits like the others",
         {.level = ALARM_HIGH_HIGH, .limit = 12},
         {{READ, 1, 13, ACTIVE}}},
        {"low-low", {.level = ALARM_LOW_LOW, .limit = 1}, {{READ, 1, 0.5, ACTIVE}, {READ, 2, 1.5, RETURNED}}},
        {"hysteresis: it returns a deadband inside the limit",
         {.level = ALARM_HIGH, .limit = 10, .deadband = 0.5},
         {{READ, 1, 10.1, ACTIVE},
          {READ, 2, 9.8, ACTIVE},
          {READ, 3, 9.501, ACTIVE},
          {READ, 4, 9.5, RETURNED}}},
        {"returned, and beyond again",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 1, 11, ACTIVE}, {READ, 2, 9, RETURNED}, {READ, 3, 11, ACTIVE}}},
        {"acknowledged while active, it returns to normal by itself",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 1, 11, ACTIVE}, {ACKNOWLEDGE, 2, 0, SEEN}, {READ, 3, 12, SEEN}, {READ, 4, 9, NORMAL}}},
        {"acknowledged after its return",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 1, 11, ACTIVE}, {READ, 2, 9, RETURNED}, {ACKNOWLEDGE, 3, 0, NORMAL}}},
        {"nothing to acknowledge",
         {.level = ALARM_HIGH, .limit = 10},
         {{ACKNOWLEDGE, 1, 0, NORMAL}, {READ, 2, 9, NORMAL}}},
        {"on-delay: not before it has lasted",
         {.level = ALARM_HIGH, .limit = 10, .on_delay_us = 5 * S},
         {{READ, 1, 11, NORMAL}, {READ, 5.9, 11, NORMAL}, {READ, 6, 11, ACTIVE}}},
        {"on-delay: an interruption begins it anew",
         {.level = ALARM_HIGH, .limit = 10, .on_delay_us = 5 * S},
         {{READ, 1, 11, NORMAL},
          {READ, 4, 9, NORMAL},
          {READ, 5, 11, NORMAL},
          {READ, 9, 11, NORMAL},
          {READ, 10, 11, ACTIVE}}},
        {"on-delay runs out by the clock when the value does not change",
         {.level = ALARM_HIGH, .limit = 10, .on_delay_us = 5 * S},
         {{READ, 1, 11, NORMAL}, {TICK, 5.9, 0, NORMAL}, {TICK, 6, 0, ACTIVE}}},
        {"off-delay",
         {.level = ALARM_HIGH, .limit = 10, .off_delay_us = 3 * S},
         {{READ, 1, 11, ACTIVE},
          {READ, 2, 9, ACTIVE},
          {READ, 3, 11, ACTIVE},
          {READ, 4, 9, ACTIVE},
          {TICK, 6.9, 0, ACTIVE},
          {TICK, 7, 0, RETURNED}}},
        {"acknowledging does not begin the off-delay anew",
         {.level = ALARM_HIGH, .limit = 10, .off_delay_us = 3 * S},
         {{READ, 1, 11, ACTIVE}, {READ, 2, 9, ACTIVE}, {ACKNOWLEDGE, 4, 0, SEEN}, {TICK, 5, 0, NORMAL}}},
        {"a reading without a value changes nothing, and stops the clock",
         {.level = ALARM_HIGH, .limit = 10, .on_delay_us = 5 * S},
         {{READ, 1, 11, NORMAL}, {BAD, 2, 0, NORMAL}, {TICK, 60, 0, NORMAL}, {READ, 61, 11, ACTIVE}}},
        {"an active alarm stays active while its value is bad",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 1, 11, ACTIVE}, {BAD, 2, 0, ACTIVE}, {TICK, 60, 0, ACTIVE}}},
        {"what is older than the newest reading is ignored",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 10, 9, NORMAL},
          {READ, 5, 11, NORMAL},
          {READ, 9.999999, 11, NORMAL},
          {READ, 11, 11, ACTIVE}}},
        {"of readings of the same time each counts, in their order",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 10, 9, NORMAL}, {READ, 10, 11, ACTIVE}, {READ, 10, 9, RETURNED}}},
        {"a clock that was ahead for a moment silences nothing",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 1, 9, NORMAL}, {READ, 1e9, 9, NORMAL}, {READ, 3, 11, ACTIVE}, {READ, 4, 9, RETURNED}}},
        {"backlog from long before is no clock that was set back",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 1000, 9, NORMAL}, {BACKLOG, 900, 11, NORMAL}, {BACKLOG, 1001, 11, ACTIVE}}},
        {"a minute back is on the way, more is a clock that was set back",
         {.level = ALARM_HIGH, .limit = 10},
         {{READ, 1000, 9, NORMAL}, {READ, 940, 11, NORMAL}, {READ, 939.999, 11, ACTIVE}}},
        {"a delay begins anew where the clock was set back",
         {.level = ALARM_HIGH, .limit = 10, .on_delay_us = 5 * S},
         {{READ, 1000, 11, NORMAL},
          {READ, 10, 11, NORMAL},
          {TICK, 14.9, 0, NORMAL},
          {READ, 14.95, 11, NORMAL},
          {READ, 15, 11, ACTIVE}}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct alarm alarm = {0};
        for (size_t j = 0; rows[i].steps[j].act != END; j++) {
            const struct step *step = &rows[i].steps[j];
            enum alarm_state before = alarm.state;
            bool changed = act(&alarm, &rows[i].setting, step);
            ck_assert_msg(alarm.state == step->state, "%s, step %zu: %s", rows[i].name, j,
                          alarm_state_name(alarm.state));
            ck_assert_msg(changed == (before != alarm.state), "%s, step %zu: says so", rows[i].name, j);
            ck_assert_msg(!changed || alarm.since_us == (int64_t)(step->at_s * S), "%s, step %zu: since",
                          rows[i].name, j);
        }
    }
}
END_TEST

START_TEST(a_delay_runs_out_whatever_the_clock_of_the_bridge_says)
{
    static const int64_t ahead_us[] = {0, INT64_C(-3600) * S, INT64_C(315360000) * S};
    const struct alarm_setting setting = {.level = ALARM_HIGH, .limit = 10, .on_delay_us = 5 * S};
    for (size_t i = 0; i < ARRAY_LENGTH(ahead_us); i++) {
        const struct alarm_reading reading = {.time_us = INT64_C(7200) * S + ahead_us[i],
                                              .received_us = 100 * S,
                                              .live = true,
                                              .has_value = true,
                                              .value = 11};
        struct alarm alarm = {0};
        ck_assert(!alarm_step(&alarm, &setting, &reading));
        ck_assert(!alarm_tick(&alarm, &setting, 105 * S - 1));
        ck_assert(alarm_tick(&alarm, &setting, 105 * S));
        ck_assert_int_eq(alarm.since_us, reading.time_us + 5 * S);
    }
}
END_TEST

START_TEST(a_shelf_ends_at_its_time_and_says_so)
{
    struct alarm alarm = {0};
    alarm_shelve(&alarm, 10 * S);
    ck_assert(alarm_is_shelved(&alarm, 10 * S - 1));
    ck_assert(!alarm_is_shelved(&alarm, 10 * S));
    ck_assert(!alarm_unshelve_in_time(&alarm, 10 * S - 1));
    ck_assert_int_eq(alarm.shelved_until_us, 10 * S);
    ck_assert(alarm_unshelve_in_time(&alarm, 10 * S));
    ck_assert_int_eq(alarm.shelved_until_us, 0);
    ck_assert(!alarm_unshelve_in_time(&alarm, 11 * S));
    alarm_shelve(&alarm, 20 * S);
    alarm_shelve(&alarm, 0);
    ck_assert(!alarm_is_shelved(&alarm, 1));
}
END_TEST

START_TEST(names_read_back)
{
    for (int i = 0; i < ALARM_LEVELS; i++) {
        enum alarm_level level;
        ck_assert(alarm_level_parse(alarm_level_name((enum alarm_level)i), &level));
        ck_assert_int_eq((int)level, i);
    }
    enum alarm_level level;
    ck_assert(!alarm_level_parse("highest", &level));
}
END_TEST

int main(void)
{
    return suite_run("alarm", (const TTest *[]){
                                  states_follow_readings_clock_and_people,
                                  a_delay_runs_out_whatever_the_clock_of_the_bridge_says,
                                  a_shelf_ends_at_its_time_and_says_so,
                                  names_read_back,
                                  NULL,
                              });
}
