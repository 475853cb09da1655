#include "support/suite.h"
#include "uplink/endpoints.h"

enum { FIRST_MS = 1000, CAP_MS = 8000 };

static struct endpoints endpoints;

static void make(size_t count)
{
    endpoints_init(&endpoints, count, &(struct backoff){.first_ms = FIRST_MS, .cap_ms = CAP_MS});
}

static uint32_t failed(void)
{
    return endpoints_next_ms(&endpoints, false, false, UINT32_MAX);
}

START_TEST(each_is_tried_at_once_then_all_wait)
{
    make(3);
    ck_assert_uint_eq(failed(), 0);
    ck_assert_uint_eq(endpoints.current, 1);
    ck_assert_uint_eq(failed(), 0);
    ck_assert_uint_eq(endpoints.current, 2);
    ck_assert(!endpoints_is_preferred(&endpoints));
    ck_assert_uint_ge(failed(), FIRST_MS / 2);
    ck_assert(endpoints_is_preferred(&endpoints));
}
END_TEST

START_TEST(waits_grow_from_round_to_round_up_to_the_cap_and_never_end)
{
    make(1);
    uint32_t last = 0;
    for (int i = 0; i < 100; i++) {
        uint32_t wait = failed();
        ck_assert_uint_ge(wait, last);
        ck_assert_uint_le(wait, CAP_MS);
        last = wait;
    }
    ck_assert_uint_ge(last, CAP_MS / 2);
}
END_TEST

START_TEST(a_good_session_starts_the_waits_again_and_prefers_the_first)
{
    make(2);
    for (int i = 0; i < 10; i++) {
        (void)failed();
    }
    endpoints.current = 1;
    uint32_t wait = endpoints_next_ms(&endpoints, true, true, UINT32_MAX);
    ck_assert_uint_gt(wait, 0);
    ck_assert_uint_le(wait, FIRST_MS);
    ck_assert(endpoints_is_preferred(&endpoints));
}
END_TEST

START_TEST(a_server_that_welcomes_and_throws_out_is_not_hammered)
{
    make(1);
    uint32_t last = 0;
    for (int i = 0; i < 10; i++) {
        last = endpoints_next_ms(&endpoints, true, false, UINT32_MAX);
    }
    ck_assert_uint_gt(last, FIRST_MS);
}
END_TEST

int main(void)
{
    return suite_run("endpoints", (const TTest *[]){
                                      each_is_tried_at_once_then_all_wait,
                                      waits_grow_from_round_to_round_up_to_the_cap_and_never_end,
                                      a_good_session_starts_the_waits_again_and_prefers_the_first,
                                      a_server_that_welcomes_and_throws_out_is_not_hammered,
                                      NULL,
                                  });
}
