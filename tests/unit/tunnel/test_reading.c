#include "tunnel/reading.h"

#include "support/suite.h"

#include <stdio.h>
#include <string.h>

START_TEST(names_what_a_reading_says)
{
    ck_assert_str_eq(quality_text(QUALITY_GOOD), "good");
    ck_assert_str_eq(quality_token(QUALITY_BAD_TIMEOUT), "bad_timeout");
    ck_assert_str_eq(quality_text((enum quality)(QUALITY_BAD_EXCEPTION + 2)),
                     "bad: illegal data address (02)");
    ck_assert_str_eq(quality_token((enum quality)(QUALITY_BAD_EXCEPTION + 0xb)), "bad_exception_0b");
    ck_assert_str_eq(quality_token((enum quality)(QUALITY_MAX + 1)), "unknown");
}
END_TEST

START_TEST(every_known_quality_has_a_token_of_its_own)
{
    for (int a = 0; a <= QUALITY_MAX; a++) {
        for (int b = 0; b < a && quality_is_known((enum quality)a); b++) {
            bool same = strcmp(quality_token((enum quality)a), quality_token((enum quality)b)) == 0;
            ck_assert_msg(!same, "%d and %d", a, b);
        }
    }
    ck_assert(quality_is_known(QUALITY_MAX));
    ck_assert(!quality_is_known((enum quality)(QUALITY_MAX + 1)));
    ck_assert(!quality_is_known((enum quality)(QUALITY_STALE + 1)));
}
END_TEST

START_TEST(every_exception_names_its_code)
{
    for (unsigned code = 1; code <= 15; code++) {
        char expected[32];
        snprintf(expected, sizeof expected, "bad_exception_%02x", code);
        ck_assert_str_eq(quality_token((enum quality)(QUALITY_BAD_EXCEPTION + code)), expected);
    }
}
END_TEST

START_TEST(only_qualities_below_bad_have_a_value)
{
    ck_assert(quality_has_value(QUALITY_GOOD));
    ck_assert(quality_has_value(QUALITY_STALE));
    ck_assert(!quality_has_value(QUALITY_BAD_TIMEOUT));
    ck_assert(!quality_has_value(QUALITY_MAX));
}
END_TEST

int main(void)
{
    return suite_run("reading", (const TTest *[]){
                                    names_what_a_reading_says,
                                    every_known_quality_has_a_token_of_its_own,
                                    every_exception_names_its_code,
                                    only_qualities_below_bad_have_a_value,
                                    NULL,
                                });
}
