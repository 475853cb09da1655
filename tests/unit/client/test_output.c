#include "output.h"

#include "base/array.h"
#include "base/clock.h"
#include "support/suite.h"

#include <string.h>

static const struct output_column columns[] = {
    {.name = "tag", .width = 6},
    {.name = "value", .width = 8, .right = true},
    {.name = "time", .width = 23},
    {.name = "took_ms", .width = 8, .right = true},
    {.name = "only_people", .width = 2, .audience = OUTPUT_PEOPLE},
    {.name = "only_machines", .width = 2, .audience = OUTPUT_MACHINES},
};

static char text[4096];

static void show(enum output_format format, const char *tag)
{
    FILE *file = fmemopen(text, sizeof text, "w");
    struct output output = output_start(file, format, columns, ARRAY_LENGTH(columns));
    output_text(&output, tag);
    output_number(&output, "4.25");
    output_time(&output, INT64_C(1769860800123456));
    output_duration(&output, 1250);
    output_text(&output, "p");
    output_bool(&output, true);
    output_end_row(&output);
    output_none(&output);
    output_i64(&output, -7);
    output_time(&output, 0);
    output_duration(&output, INT64_MIN);
    output_text(&output, "p");
    output_none(&output);
    output_end_row(&output);
    ck_assert(output_finish(&output));
    fclose(file);
}

START_TEST(a_table_is_aligned)
{
    show(OUTPUT_TABLE, "p\xc3\xa9");
    ck_assert_str_eq(text, "TAG        VALUE  TIME                      TOOK_MS  ONLY_PEOPLE\n"
                           "p\xc3\xa9          4.25  2026-01-31 12:00:00.123    1.2 ms  p\n"
                           "-             -7  -                               -  p\n");
}
END_TEST

START_TEST(a_table_cannot_command_the_terminal)
{
    show(OUTPUT_TABLE, "a\033[2J\xc2\x9b\xff\n");
    ck_assert_ptr_nonnull(strstr(text, "\na?[2J???  "));
    ck_assert_ptr_null(strchr(text, '\033'));
}
END_TEST

START_TEST(csv_quotes_what_needs_it)
{
    show(OUTPUT_CSV, "a,\"b\"");
    ck_assert_str_eq(text, "tag,value,time,took_ms,only_machines\n"
                           "\"a,\"\"b\"\"\",4.25,2026-01-31T12:00:00.123456Z,1.25,true\n"
                           ",-7,,,\n");
}
END_TEST

START_TEST(json_is_an_object_a_line)
{
    show(OUTPUT_JSON, "a\"");
    ck_assert_str_eq(text,
                     "{\"tag\":\"a\\\"\",\"value\":4.25,\"time\":\"2026-01-31T12:00:00.123456Z\","
                     "\"took_ms\":1.25,\"only_machines\":true}\n"
                     "{\"tag\":null,\"value\":-7,\"time\":null,\"took_ms\":null,\"only_machines\":null}\n");
}
END_TEST

START_TEST(durations_are_in_a_unit_that_fits)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "0 us"},
        {999, "999 us"},
        {1000, "1.0 ms"},
        {-1500, "-1.5 ms"},
        {999 * CLOCK_US_PER_MS, "999.0 ms"},
        {CLOCK_US_PER_S, "1.0 s"},
        {99 * CLOCK_US_PER_S, "99.0 s"},
        {100 * CLOCK_US_PER_S, "1.7 min"},
        {7200 * CLOCK_US_PER_S, "2.0 h"},
        {72 * 3600 * CLOCK_US_PER_S, "3.0 d"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char duration[OUTPUT_DURATION_MAX];
        ck_assert_str_eq(output_duration_text(rows[i].us, duration), rows[i].text);
    }
}
END_TEST

START_TEST(formats_have_names)
{
    enum output_format format;
    ck_assert(output_format_parse(NULL, &format) && format == OUTPUT_TABLE);
    ck_assert(output_format_parse("csv", &format) && format == OUTPUT_CSV);
    ck_assert(output_format_parse("json", &format) && format == OUTPUT_JSON);
    ck_assert(!output_format_parse("xml", &format));
}
END_TEST

int main(void)
{
    return suite_run("output", (const TTest *[]){
                                   a_table_is_aligned,
                                   a_table_cannot_command_the_terminal,
                                   csv_quotes_what_needs_it,
                                   json_is_an_object_a_line,
                                   durations_are_in_a_unit_that_fits,
                                   formats_have_names,
                                   NULL,
                               });
}
