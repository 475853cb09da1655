#include "base/array.h"
#include "base/options_unit.h"
#include "base/options_value.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

static const struct option_choice colours[] = {{"red", 3}, {"green", 5}, {NULL, 0}};

START_TEST(reads_durations_exactly)
{
    static const struct {
        const char *text;
        bool good;
        int64_t us;
    } rows[] = {
        {"0s", true, 0},
        {"1us", true, 1},
        {"250ms", true, 250000},
        {"1s", true, 1000000},
        {"0.000001s", true, 1},
        {"1.5h", true, INT64_C(5400000000)},
        {"2min", true, 120000000},
        {"2m", true, 120000000},
        {"2d", true, INT64_C(172800000000)},
        {"106751991.1d", true, INT64_C(9223372031040000000)},
        {"9223372036854775807us", true, INT64_MAX},
        {"9223372036854775808us", false, 0},
        {"106751992d", false, 0},
        {"0.0000001s", false, 0},
        {"1.5us", false, 0},
        {"0", false, 0},
        {"5", false, 0},
        {"", false, 0},
        {"s", false, 0},
        {".5s", false, 0},
        {"5.s", false, 0},
        {"1.2.3s", false, 0},
        {"-1s", false, 0},
        {"+1s", false, 0},
        {"1 s", false, 0},
        {"1S", false, 0},
        {"1sec", false, 0},
        {"1h30m", false, 0},
        {"1e3s", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t us = 0;
        ck_assert_msg(option_parse_duration(rows[i].text, &us) == rows[i].good, "\"%s\"", rows[i].text);
        ck_assert_msg(us == rows[i].us, "\"%s\"", rows[i].text);
    }
}
END_TEST

START_TEST(reads_sizes_exactly)
{
    static const struct {
        const char *text;
        bool good;
        int64_t bytes;
    } rows[] = {
        {"0", true, 0},
        {"4096", true, 4096},
        {"10B", true, 10},
        {"1kB", true, 1000},
        {"64KiB", true, 65536},
        {"1.5MiB", true, 1572864},
        {"1GB", true, 1000000000},
        {"8388607TiB", true, INT64_C(8388607) << 40},
        {"8388608TiB", false, 0},
        {"0.5B", false, 0},
        {"1K", false, 0},
        {"1k", false, 0},
        {"1 GB", false, 0},
        {"-1", false, 0},
        {"", false, 0},
        {"MiB", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        int64_t bytes = 0;
        ck_assert_msg(option_parse_size(rows[i].text, &bytes) == rows[i].good, "\"%s\"", rows[i].text);
        ck_assert_msg(bytes == rows[i].bytes, "\"%s\"", rows[i].text);
    }
}
END_TEST

START_TEST(what_is_printed_reads_back_to_the_same)
{
    static const int64_t values[] = {
        0,    1,        999,        1000,          1500,      60000000,
        1024, 86400000, 1536 << 10, (1 << 20) + 1, INT64_MAX, INT64_C(3600000000)};
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        char text[OPTIONS_NUMBER_MAX];
        int64_t value = -1;
        options_unit_format_duration(values[i], text, sizeof text);
        ck_assert(option_parse_duration(text, &value));
        ck_assert_int_eq(value, values[i]);
        options_unit_format_size(values[i], text, sizeof text);
        ck_assert(option_parse_size(text, &value));
        ck_assert_int_eq(value, values[i]);
    }
}
END_TEST

union field {
    bool flag;
    int choice;
    int64_t whole;
    double real;
    char *string;
};

START_TEST(takes_what_fits_and_says_why_not)
{
    static const struct {
        struct option option;
        const char *text;
        const char *message; /* NULL = taken */
        const char *hint;
    } rows[] = {
        {{.kind = OPTION_BOOL}, "true", NULL, NULL},
        {{.kind = OPTION_BOOL}, "Off", NULL, NULL},
        {{.kind = OPTION_BOOL},
         "maybe",
         "\"maybe\" is neither true nor false",
         "accepted: true, false, yes, no, on, off"},
        {{.kind = OPTION_BOOL}, "1", "\"1\" is neither true nor false", NULL},
        {{.kind = OPTION_INT}, "-9223372036854775808", NULL, NULL},
        {{.kind = OPTION_INT}, "9223372036854775808", "\"9223372036854775808\" is not a whole number", NULL},
        {{.kind = OPTION_INT}, "0xfF", NULL, NULL},
        {{.kind = OPTION_INT}, "0x", "\"0x\" is not a whole number", NULL},
        {{.kind = OPTION_INT}, "0x-1", "\"0x-1\" is not a whole number", NULL},
        {{.kind = OPTION_INT}, "502abc", "\"502abc\" is not a whole number", NULL},
        {{.kind = OPTION_INT}, "010", "\"010\" is not a whole number", NULL},
        {{.kind = OPTION_INT}, "1.0", "\"1.0\" is not a whole number", NULL},
        {{.kind = OPTION_INT}, " 1", "\" 1\" is not a whole number", NULL},
        {{.kind = OPTION_INT}, "+1", "\"+1\" is not a whole number", NULL},
        {{.kind = OPTION_INT}, "--1", "\"--1\" is not a whole number", NULL},
        {{.kind = OPTION_INT}, "", "\"\" is not a whole number", NULL},
        {{.kind = OPTION_INT, .min = 1, .max = 247}, "1", NULL, NULL},
        {{.kind = OPTION_INT, .min = 1, .max = 247}, "247", NULL, NULL},
        {{.kind = OPTION_INT, .min = 1, .max = 247},
         "0",
         "0 is below the minimum of 1",
         "accepted: 1 to 247"},
        {{.kind = OPTION_INT, .min = 1, .max = 247},
         "248",
         "248 is above the maximum of 247",
         "accepted: 1 to 247"},
        {{.kind = OPTION_INT, .min = -10}, "-10", NULL, NULL},
        {{.kind = OPTION_INT, .min = -10}, "0", NULL, NULL},
        {{.kind = OPTION_INT, .min = -10}, "1", "1 is above the maximum of 0", "accepted: -10 to 0"},
        {{.kind = OPTION_INT, .min = 5}, "4", "4 is below the minimum of 5", "accepted: at least 5"},
        {{.kind = OPTION_INT, .min = 5}, "999999999", NULL, NULL},
        {{.kind = OPTION_FLOAT}, "-1.5e-3", NULL, NULL},
        {{.kind = OPTION_FLOAT}, "7", NULL, NULL},
        {{.kind = OPTION_FLOAT}, "nan", "\"nan\" is not a finite number", NULL},
        {{.kind = OPTION_FLOAT}, "inf", "\"inf\" is not a finite number", NULL},
        {{.kind = OPTION_FLOAT}, "1e999", "\"1e999\" is not a finite number", NULL},
        {{.kind = OPTION_FLOAT}, "0x1p3", "\"0x1p3\" is not a finite number", NULL},
        {{.kind = OPTION_FLOAT}, "1,5", "\"1,5\" is not a finite number", NULL},
        {{.kind = OPTION_FLOAT}, "", "\"\" is not a finite number", NULL},
        {{.kind = OPTION_FLOAT}, "-", "\"-\" is not a finite number", NULL},
        {{.kind = OPTION_FLOAT, .min = 0.5, .max = 1}, "0.25", "0.25 is below the minimum of 0.5", NULL},
        {{.kind = OPTION_DURATION},
         "5",
         "\"5\" is not a duration",
         "a number and its unit: us, ms, s, min, h or d, such as 250ms"},
        {{.kind = OPTION_DURATION, .min = 10000}, "10ms", NULL, NULL},
        {{.kind = OPTION_DURATION, .min = 10000},
         "9.999ms",
         "9.999ms is below the minimum of 10ms",
         "accepted: at least 10ms"},
        {{.kind = OPTION_SIZE}, "1X", "\"1X\" is not a size", NULL},
        {{.kind = OPTION_SIZE, .max = 1048576}, "1MiB", NULL, NULL},
        {{.kind = OPTION_SIZE, .max = 1048576}, "2MiB", "2MiB is above the maximum of 1MiB", NULL},
        {{.kind = OPTION_CHOICE, .choices = colours}, "green", NULL, NULL},
        {{.kind = OPTION_CHOICE, .choices = colours},
         "gren",
         "\"gren\" is not one of the choices",
         "did you mean \"green\"? accepted: red, green"},
        {{.kind = OPTION_CHOICE, .choices = colours},
         "",
         "\"\" is not one of the choices",
         "accepted: red, green"},
        {{.kind = OPTION_STRING}, "", NULL, NULL},
        {{.kind = OPTION_STRING, .required = true}, "", "must not be empty", ""},
        {{.kind = OPTION_INT, .secret = true}, "hunter2", "the value is not a whole number", NULL},
        {{.kind = OPTION_INT, .secret = true, .min = 5}, "4", "the value is below the minimum of 5", NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct options_complaint complaint = {.message = "", .hint = ""};
        union field field = {.string = NULL};
        const char *text = rows[i].text;
        enum err err = options_value_parse(&rows[i].option, text, strlen(text), &field, &complaint);
        ck_assert_msg((err == ERR_OK) == !rows[i].message, "\"%s\": %s", text, complaint.message);
        ck_assert_str_eq(complaint.message, rows[i].message ? rows[i].message : "");
        if (rows[i].hint) {
            ck_assert_str_eq(complaint.hint, rows[i].hint);
        }
        if (rows[i].option.kind == OPTION_STRING) {
            free(field.string);
        }
    }
}
END_TEST

START_TEST(a_long_wrong_value_is_cut)
{
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const struct option option = {.kind = OPTION_INT};
    struct options_complaint complaint;
    int64_t value = 7;
    ck_assert_int_eq(options_value_parse(&option, text, sizeof text - 1, &value, &complaint), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(complaint.message, "xxx...\" is not a whole number"));
    ck_assert_uint_lt(strlen(complaint.message), 100);
    ck_assert_int_eq(value, 7);
}
END_TEST

START_TEST(a_text_with_a_nul_inside_is_refused)
{
    char *string = NULL;
    struct options_complaint complaint;
    ck_assert_int_eq(options_value_copy("a\0b", 3, &string, &complaint), ERR_CONFIG);
    ck_assert_str_eq(complaint.message, "has a NUL character in it");
    const struct option option = {.kind = OPTION_INT};
    int64_t value;
    ck_assert_int_eq(options_value_parse(&option, "5\0abc", 5, &value, &complaint), ERR_CONFIG);
}
END_TEST

int main(void)
{
    return suite_run("options_value", (const TTest *[]){
                                          reads_durations_exactly,
                                          reads_sizes_exactly,
                                          what_is_printed_reads_back_to_the_same,
                                          takes_what_fits_and_says_why_not,
                                          a_long_wrong_value_is_cut,
                                          a_text_with_a_nul_inside_is_refused,
                                          NULL,
                                      });
}
