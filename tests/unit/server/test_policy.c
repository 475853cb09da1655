#include "base/array.h"
#include "front/policy.h"
#include "support/suite.h"

/* What sessions, opened one after the other, send in TESTs a second. */
static double tests_per_s(const struct policy *policy, size_t sessions)
{
    double rate = 0;
    for (size_t others = 0; others < sessions; others++) {
        rate += 1000.0 / policy_t3_ms(policy, others);
    }
    return rate;
}

START_TEST(t3_grows_with_the_square_of_the_sessions_between_its_limits)
{
    static const struct {
        const char *name;
        uint32_t t3_ms, t3_max_ms;
        size_t sessions;
        uint32_t expected_ms;
    } rows[] = {
        {"the first", 20000, 600000, 0, 20000},
        {"the last that leaves the rate as it is", 20000, 600000, 200, 20000},
        {"one more", 20000, 600000, 201, 20200},
        {"twice as many", 20000, 600000, 400, 80000},
        {"below the maximum", 20000, 600000, 1095, 599512},
        {"at the maximum", 20000, 600000, 1096, 600000},
        {"as many as can be", 20000, 600000, 100000, 600000},
        {"maximum equal to t3", 20000, 20000, 100000, 20000},
        {"maximum below t3", 20000, 500, 100000, 20000},
        {"the shortest t3", 500, 3600000, 5, 500},
        {"the shortest t3, one more", 500, 3600000, 6, 720},
        {"the longest t3", 3600000, 3600000, 100000, 3600000},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct policy policy = {.hello.t3_ms = rows[i].t3_ms, .t3_max_ms = rows[i].t3_max_ms};
        uint32_t got_ms = policy_t3_ms(&policy, rows[i].sessions);
        ck_assert_msg(got_ms == rows[i].expected_ms, "%s: %u", rows[i].name, got_ms);
    }
}
END_TEST

START_TEST(the_tests_of_all_sessions_together_have_a_bound)
{
    static const size_t counts[] = {200, 1000, 12000, 100000};
    const struct policy policy = {.hello.t3_ms = 20000, .t3_max_ms = 600000};
    ck_assert_double_eq_tol(tests_per_s(&policy, 200), POLICY_TESTS_PER_S, 0.001);
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
        double bound = 2.0 * POLICY_TESTS_PER_S + (double)counts[i] / 600;
        ck_assert_double_le(tests_per_s(&policy, counts[i]), bound);
    }
}
END_TEST

int main(void)
{
    return suite_run("policy", (const TTest *[]){
                                   t3_grows_with_the_square_of_the_sessions_between_its_limits,
                                   the_tests_of_all_sessions_together_have_a_bound,
                                   NULL,
                               });
}
