#include "base/array.h"
#include "base/clock.h"
#include "support/suite.h"

#include <string.h>

START_TEST(formats_and_reads_back_utc)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(1769903999123456), "2026-01-31T23:59:59.123456Z"},
        {INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[CLOCK_TEXT_MAX];
        int64_t us = 0;
        ck_assert_str_eq(clock_format(rows[i].us, text), rows[i].text);
        ck_assert_msg(clock_parse(rows[i].text, &us), "%s", rows[i].text);
        ck_assert_int_eq(us, rows[i].us);
    }
}
END_TEST

START_TEST(any_time_fits_its_text)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MIN / 1000, INT64_MAX / 1000, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LENGTH(extremes); i++) {
        char text[CLOCK_TEXT_MAX];
        ck_assert_uint_lt(strlen(clock_format(extremes[i], text)), CLOCK_TEXT_MAX);
    }
}
END_TEST

START_TEST(reads_seconds_and_short_fractions)
{
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"0", 0},
        {"1769903999", INT64_C(1769903999000000)},
        {"1769903999.5", INT64_C(1769903999500000)},
        {"999999999999", INT64_C(999999999999000000)},
        {"2026-01-31T23:59:59Z", INT64_C(1769903999000000)},
        {"2026-01-31T23:59:59.5Z", INT64_C(1769903999500000)},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t us = -1;
        ck_assert_msg(clock_parse(rows[i].text, &us), "%s", rows[i].text);
        ck_assert_int_eq(us, rows[i].us);
    }
}
END_TEST

START_TEST(refuses_what_is_no_time)
{
    static const char *const texts[] = {
        "",
        " ",
        "now",
        "-5",
        "5.",
        ".5",
        "5.1234567",
        "5s",
        "1000000000000",
        "2026-01-31",
        "2026-01-31T23:59:59",
        "2026-01-31T23:59:59+00:00",
        "2026-01-31T23:59:59.Z",
        "2026-01-31T23:59:59.1234567Z",
        "2026-01-31T23:59:59Z ",
        " 2026-01-31T23:59:59Z",
        "2026-1-31T23:59:59Z",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01 00:00:00Z",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        int64_t us;
        ck_assert_msg(!clock_parse(texts[i], &us), "\"%s\"", texts[i]);
    }
}
END_TEST

START_TEST(the_monotonic_clock_does_not_go_back)
{
    int64_t before = clock_mono_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_mono_us();
        ck_assert_int_ge(now, before);
        before = now;
    }
    ck_assert_int_gt(clock_wall_us(), INT64_C(1700000000000000));
}
END_TEST

int main(void)
{
    return suite_run("clock", (const TTest *[]){
                                  formats_and_reads_back_utc,
                                  any_time_fits_its_text,
                                  reads_seconds_and_short_fractions,
                                  refuses_what_is_no_time,
                                  the_monotonic_clock_does_not_go_back,
                                  NULL,
                              });
}
