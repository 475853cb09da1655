#include "field/breaker.h"
#include "support/suite.h"

static struct breaker opened_breaker(int64_t now_us)
{
    struct breaker breaker;
    breaker_init(&breaker, 30000);
    for (int i = 1; i < BREAKER_FAILURES; i++) {
        ck_assert(!breaker_failure(&breaker, now_us, 0));
    }
    ck_assert(breaker_failure(&breaker, now_us, 0));
    return breaker;
}

START_TEST(opens_after_failures_in_a_row)
{
    struct breaker breaker = opened_breaker(1000);
    ck_assert_int_eq(breaker.state, BREAKER_OPEN);
    ck_assert_int_ge(breaker_ready_us(&breaker), 1000 + BREAKER_FIRST_MS * 1000 / 2);
    ck_assert_uint_eq(breaker.opened, 1);
}
END_TEST

START_TEST(an_answer_in_between_starts_the_count_anew)
{
    struct breaker breaker;
    breaker_init(&breaker, 30000);
    for (int i = 0; i < 10 * BREAKER_FAILURES; i++) {
        if (i % (BREAKER_FAILURES - 1) == 0) {
            ck_assert(!breaker_success(&breaker));
        }
        ck_assert(!breaker_failure(&breaker, 0, 0));
    }
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
    ck_assert_int_eq(breaker_ready_us(&breaker), 0);
}
END_TEST

START_TEST(one_request_decides_whether_it_closes)
{
    struct breaker breaker = opened_breaker(0);
    breaker_request(&breaker);
    ck_assert_int_eq(breaker.state, BREAKER_HALF_OPEN);
    ck_assert(breaker_success(&breaker));
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
    /* And it takes as many failures as at first to open again. */
    ck_assert(!breaker_failure(&breaker, 0, 0));
}
END_TEST

START_TEST(never_gives_up_and_never_waits_longer_than_the_cap)
{
    struct breaker breaker = opened_breaker(0);
    int64_t now_us = 0;
    int64_t wait_us = 0;
    for (int i = 0; i < 10000; i++) {
        int64_t next_us = breaker_ready_us(&breaker) - now_us;
        ck_assert_int_le(next_us, 30000000);
        ck_assert_int_ge(next_us, wait_us < 15000000 ? wait_us : 15000000);
        wait_us = next_us;
        now_us += next_us;
        breaker_request(&breaker);
        ck_assert(!breaker_failure(&breaker, now_us, 0));
    }
    ck_assert_uint_eq(breaker.opened, 1);
}
END_TEST

int main(void)
{
    return suite_run("breaker", (const TTest *[]){
                                    opens_after_failures_in_a_row,
                                    an_answer_in_between_starts_the_count_anew,
                                    one_request_decides_whether_it_closes,
                                    never_gives_up_and_never_waits_longer_than_the_cap,
                                    NULL,
                                });
}
