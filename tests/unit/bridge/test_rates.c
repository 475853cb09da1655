#include "base/clock.h"
#include "gateway/rates.h"
#include "support/suite.h"

static struct policy_rule rules[] = {{.rate = 10}, {.rate = 0}, {.rate = 1000000}};
static const struct policy policy = {.rules = rules, .rule_count = 3};

static int take(struct rates *rates, size_t rule, int attempts, int64_t now_us)
{
    int taken = 0;
    for (int i = 0; i < attempts; i++) {
        taken += rates_take(rates, &policy, &rules[rule], now_us);
    }
    return taken;
}

START_TEST(a_rule_allows_so_many_requests_a_second)
{
    struct rates rates;
    rates_reset(&rates, &policy, 0);
    ck_assert_int_eq(take(&rates, 0, 100, 0), 10);
    ck_assert_int_eq(take(&rates, 0, 100, 99999), 0);
    ck_assert_int_eq(take(&rates, 0, 100, 100000), 1);
    ck_assert_int_eq(take(&rates, 0, 100, 3600 * CLOCK_US_PER_S), 10);
}
END_TEST

START_TEST(over_a_long_time_it_is_the_rate)
{
    struct rates rates;
    int taken = 0;
    rates_reset(&rates, &policy, 0);
    for (int64_t now_us = 0; now_us < 60 * CLOCK_US_PER_S; now_us += 7777) {
        taken += rates_take(&rates, &policy, &rules[0], now_us);
    }
    ck_assert_int_ge(taken, 600);
    ck_assert_int_le(taken, 610);
}
END_TEST

START_TEST(a_rule_without_a_rate_allows_any_number)
{
    struct rates rates;
    rates_reset(&rates, &policy, 0);
    ck_assert_int_eq(take(&rates, 1, 1000, 0), 1000);
    ck_assert(rates_take(&rates, &policy, NULL, 0));
    ck_assert_int_eq(take(&rates, 2, 1000, 0), 1000);
}
END_TEST

int main(void)
{
    return suite_run("rates", (const TTest *[]){
                                  a_rule_allows_so_many_requests_a_second,
                                  over_a_long_time_it_is_the_rate,
                                  a_rule_without_a_rate_allows_any_number,
                                  NULL,
                              });
}
