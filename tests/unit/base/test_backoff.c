#include "base/array.h"
#include "base/backoff.h"
#include "support/suite.h"

START_TEST(the_wait_doubles_up_to_the_cap)
{
    static const uint32_t upper_ms[] = {100, 200, 400, 800, 1000, 1000, 1000};
    struct backoff least = {.first_ms = 100, .cap_ms = 1000};
    struct backoff most = least;
    for (size_t i = 0; i < ARRAY_LENGTH(upper_ms); i++) {
        ck_assert_uint_eq(backoff_next_ms(&least, 0), upper_ms[i] / 2);
        ck_assert_uint_eq(backoff_next_ms(&most, UINT32_MAX), upper_ms[i] - 1);
    }
}
END_TEST

START_TEST(success_starts_over)
{
    struct backoff backoff = {.first_ms = 100, .cap_ms = 1000};
    for (int i = 0; i < 10; i++) {
        (void)backoff_next_ms(&backoff, 0);
    }
    backoff_reset(&backoff);
    ck_assert_uint_eq(backoff_next_ms(&backoff, 0), 50);
}
END_TEST

START_TEST(extreme_settings_neither_overflow_nor_pass_the_cap)
{
    static const struct {
        const char *name;
        struct backoff backoff;
    } rows[] = {
        {"first above cap", {.first_ms = 5000, .cap_ms = 1000}},
        {"largest", {.first_ms = UINT32_MAX, .cap_ms = UINT32_MAX}},
        {"cap just above half", {.first_ms = UINT32_MAX / 2 + 1, .cap_ms = UINT32_MAX}},
        {"one", {.first_ms = 1, .cap_ms = 1}},
        {"zero", {.first_ms = 0, .cap_ms = 0}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct backoff backoff = rows[i].backoff;
        for (int j = 0; j < 70; j++) {
            uint32_t wait_ms = backoff_next_ms(&backoff, UINT32_MAX);
            ck_assert_msg(wait_ms <= backoff.cap_ms, "%s", rows[i].name);
        }
    }
}
END_TEST

int main(void)
{
    return suite_run("backoff", (const TTest *[]){
                                    the_wait_doubles_up_to_the_cap,
                                    success_starts_over,
                                    extreme_settings_neither_overflow_nor_pass_the_cap,
                                    NULL,
                                });
}
