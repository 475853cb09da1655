#include "base/argument_value.h"

#include "base/array.h"
#include "base/clock.h"
#include "support/suite.h"

START_TEST(counts_are_whole_numbers_in_their_range)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } rows[] = {
        {"2", true, 2},   {"10", true, 10},  {"1", false, 0},   {"11", false, 0},
        {"", false, 0},   {"-3", false, 0},  {"+3", false, 0},  {" 3", false, 0},
        {"3 ", false, 0}, {"3.0", false, 0}, {"0x3", false, 0}, {"99999999999999999999999", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint64_t value = 0;
        ck_assert_msg(argument_count(rows[i].text, 2, 10, &value) == rows[i].good, "\"%s\"", rows[i].text);
        ck_assert_msg(value == rows[i].value, "\"%s\"", rows[i].text);
    }
}
END_TEST

START_TEST(times_are_absolute_or_so_long_ago)
{
    const int64_t now_us = INT64_C(1769860800) * CLOCK_US_PER_S;
    static const struct {
        const char *text;
        bool good;
        int64_t seconds; /* relative to now */
    } rows[] = {
        {"now", true, 0},         {"-5min", true, -300},
        {"-0s", true, 0},         {"2026-01-31T12:00:01Z", true, 1},
        {"1769860799", true, -1}, {"-5", false, 0},
        {"- 5min", false, 0},     {"-30000d", false, 0}, /* before 1970 */
        {"yesterday", false, 0},  {"", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t time_us = now_us;
        ck_assert_msg(argument_time(rows[i].text, now_us, &time_us) == rows[i].good, "\"%s\"", rows[i].text);
        ck_assert_msg(time_us == now_us + rows[i].seconds * CLOCK_US_PER_S, "\"%s\"", rows[i].text);
    }
}
END_TEST

int main(void)
{
    return suite_run("argument_value", (const TTest *[]){
                                           counts_are_whole_numbers_in_their_range,
                                           times_are_absolute_or_so_long_ago,
                                           NULL,
                                       });
}
