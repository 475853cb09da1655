#include "tunnel/liveness.h"

#include "support/suite.h"

static struct liveness liveness;

static void setup(void)
{
    liveness_start(&liveness, 15, 20, 1000);
}

START_TEST(asks_after_t3_and_gives_up_t1_later)
{
    ck_assert_int_eq(liveness_check(&liveness, 20999), LIVENESS_FINE);
    ck_assert_int_eq(liveness_check(&liveness, 21000), LIVENESS_TEST_DUE);
    ck_assert_int_eq(liveness_deadline_us(&liveness), 36000);
    ck_assert_int_eq(liveness_check(&liveness, 35999), LIVENESS_FINE);
    ck_assert_int_eq(liveness_check(&liveness, 36000), LIVENESS_GONE);
}
END_TEST

START_TEST(anything_heard_answers_the_test)
{
    ck_assert_int_eq(liveness_check(&liveness, 21000), LIVENESS_TEST_DUE);
    liveness_heard(&liveness, 30000);
    ck_assert_int_eq(liveness_check(&liveness, 36000), LIVENESS_FINE);
    ck_assert_int_eq(liveness_deadline_us(&liveness), 50000);
}
END_TEST

START_TEST(a_late_check_still_asks_first)
{
    ck_assert_int_eq(liveness_check(&liveness, 1000000), LIVENESS_TEST_DUE);
    ck_assert_int_eq(liveness_deadline_us(&liveness), 1015000);
}
END_TEST

int main(void)
{
    return suite_run_with("liveness", setup, NULL,
                          (const TTest *[]){
                              asks_after_t3_and_gives_up_t1_later,
                              anything_heard_answers_the_test,
                              a_late_check_still_asks_first,
                              NULL,
                          });
}
