#include "base/array.h"
#include "field/report.h"
#include "support/suite.h"

static const struct report_rule absolute = {.deadband = 0.5};
static const struct report_rule changes = {.deadband = 0};
static const struct report_rule limits_only = {.bounded = true, .low = 0, .high = 1, .deadband = -1};

START_TEST(the_rule_decides)
{
    static const struct {
        const char *name;
        const struct report_rule *rule;
        struct report_sample before, after;
        bool due;
    } rows[] = {
        {"no rule, same value", NULL, {.raw = 1}, {.raw = 1}, true},
        {"limits alone", &limits_only, {.raw = 1}, {.raw = 1}, true},
        {"same", &absolute, {.number = 10}, {.number = 10}, false},
        {"on the deadband", &absolute, {.number = 10}, {.number = 10.5}, false},
        {"above it", &absolute, {.number = 10}, {.number = 10.51}, true},
        {"below it", &absolute, {.number = 10}, {.number = 9.4}, true},
        {"no change", &changes, {.raw = 1}, {.raw = 1}, false},
        {"a change", &changes, {.raw = 1}, {.raw = 2}, true},
        {"quality alone", &absolute, {.number = 1}, {.number = 1, .quality = QUALITY_CLAMPED}, true},
        {"the clock alone", &changes, {.quality = QUALITY_GOOD}, {.quality = QUALITY_UNCERTAIN_CLOCK}, true},
        {"turned bad", &absolute, {.number = 1}, {.quality = QUALITY_BAD_TIMEOUT}, true},
        {"still bad", NULL, {.quality = QUALITY_BAD_TIMEOUT}, {.quality = QUALITY_BAD_TIMEOUT}, false},
        {"bad otherwise", NULL, {.quality = QUALITY_BAD_TIMEOUT}, {.quality = QUALITY_BAD_REFUSED}, true},
        {"good again, same value", &changes, {.quality = QUALITY_BAD_VALUE}, {.raw = 0}, true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct report_state state = {.reported = false};
        ck_assert_msg(report_due(rows[i].rule, &state, &rows[i].before, 0), "%s", rows[i].name);
        ck_assert_msg(report_due(rows[i].rule, &state, &rows[i].after, 1) == rows[i].due, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(a_slow_drift_is_reported_in_steps_of_the_deadband)
{
    struct report_state state = {.reported = false};
    int reported = 0;
    for (int i = 0; i <= 1000; i++) {
        struct report_sample sample = {.number = i * 0.01};
        reported += report_due(&absolute, &state, &sample, i) ? 1 : 0;
    }
    ck_assert_int_ge(reported, 19);
    ck_assert_int_le(reported, 21);
}
END_TEST

START_TEST(the_maximum_age_makes_a_heartbeat)
{
    static const struct report_rule rule = {.deadband = 0, .max_age_us = 60};
    static const enum quality qualities[] = {QUALITY_GOOD, QUALITY_BAD_TIMEOUT};
    for (size_t i = 0; i < ARRAY_LENGTH(qualities); i++) {
        struct report_state state = {.reported = false};
        const struct report_sample sample = {.quality = qualities[i]};
        int64_t reported[4];
        size_t count = 0;
        for (int64_t now_us = 0; now_us <= 180; now_us += 10) {
            if (report_due(&rule, &state, &sample, now_us)) {
                reported[count++] = now_us;
            }
        }
        ck_assert_uint_eq(count, 4);
        ck_assert_int_eq(reported[3], 180);
    }
}
END_TEST

START_TEST(what_was_forgotten_is_reported_again)
{
    struct report_state state = {.reported = false};
    const struct report_sample sample = {.raw = 3};
    ck_assert(report_due(&changes, &state, &sample, 0));
    ck_assert(!report_due(&changes, &state, &sample, 1));
    report_forget(&state);
    ck_assert(report_due(&changes, &state, &sample, 2));
}
END_TEST

int main(void)
{
    return suite_run("report", (const TTest *[]){
                                   the_rule_decides,
                                   a_slow_drift_is_reported_in_steps_of_the_deadband,
                                   the_maximum_age_makes_a_heartbeat,
                                   what_was_forgotten_is_reported_again,
                                   NULL,
                               });
}
