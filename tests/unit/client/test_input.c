#include "send/input.h"

#include "base/array.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct series *series;
static char said[8192];
static struct err_text why;
static struct input input;

static void setup(void)
{
    series = series_new();
}

static void teardown(void)
{
    series_free(series);
}

static enum err read_text(const char *text)
{
    FILE *file = tmpfile();
    FILE *complaints = fmemopen(said, sizeof said, "w");
    memset(said, 0, sizeof said);
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    rewind(file);
    input = (struct input){.file = file, .name = "in", .series = series, .complaints = complaints};
    enum err result = input_read(&input, &why);
    fclose(complaints);
    fclose(file);
    return result;
}

START_TEST(takes_csv_with_columns_in_any_order)
{
    ck_assert_msg(read_text("value,time,tag,unit,quality\n"
                            "4.2,2026-01-31T12:00:00Z,p,bar,good\n"
                            "true,,run,,\n"
                            ",1769860800.5,p,,bad_timeout\n"
                            "\"\"\"auto\"\"\",,mode,,\n") == ERR_OK,
                  "%s", why.text);
    ck_assert_str_eq(said, "");
    ck_assert_uint_eq(input.bad, 0);
    ck_assert_uint_eq(input.lines, 5);
    ck_assert_uint_eq(series_count(series), 4);
}
END_TEST

START_TEST(takes_json_lines)
{
    ck_assert_msg(
        read_text("{\"tag\":\"p\",\"value\":4.2,\"unit\":\"bar\",\"time\":\"2026-01-31T12:00:00Z\"}\n"
                  " {\"value\":\"auto\",\"tag\":\"mode\",\"time\":1769860800}\n"
                  "{\"tag\":\"p\",\"value\":null,\"quality\":\"bad_timeout\"}\n") == ERR_OK,
        "%s", why.text);
    ck_assert_str_eq(said, "");
    ck_assert_uint_eq(series_count(series), 3);
}
END_TEST

START_TEST(takes_what_bourdon_readings_writes)
{
    ck_assert_int_eq(
        read_text("time,bridge,tag,value,unit,quality,request_time,epoch,seq\n"
                  "2026-01-31T12:00:00.000000Z,cell-3,p,4.2,bar,good,2026-01-31T12:00:00Z,00ff,12\n"),
        ERR_OK);
    ck_assert_str_eq(said, "");
    ck_assert_uint_eq(series_count(series), 1);
}
END_TEST

START_TEST(names_each_bad_line_and_takes_the_others)
{
    static const struct {
        const char *line, *text;
    } rows[] = {
        {"p,x", "in:3: value: \"x\" is no number"},
        {",1", "in:3: tag: it is missing"},
        {"p", "in:3: 1 fields, the first line has 2"},
        {"p,1,2", "in:3: 3 fields"},
        {"\"p,1", "in:3: field 1: the quote is not closed"},
        {"p,", "in:3: value: it is missing"},
        {"p,true", "in:3: p has values of a kind here"},
        {"", "in:3: it is empty"},
        {"a\tb,1", "in:3: a tag's name that is not printable UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[256];
        teardown();
        setup();
        snprintf(text, sizeof text, "tag,value\np,1\n%s\np,2\n", rows[i].line);
        ck_assert_int_eq(read_text(text), ERR_OK);
        ck_assert_msg(strncmp(said, rows[i].text, strlen(rows[i].text)) == 0, "\"%s\": %s", rows[i].line,
                      said);
        ck_assert_uint_eq(input.bad, 1);
        ck_assert_uint_eq(series_count(series), 2);
    }
}
END_TEST

START_TEST(names_each_bad_json_line)
{
    static const struct {
        const char *line, *text;
    } rows[] = {
        {"{\"tag\":\"p\",\"value\":1", "in:2: byte "},
        {"[1]", "in:2: not a JSON object"},
        {"{\"tag\":\"p\",\"value\":[1]}", "in:2: value: it is of the wrong kind"},
        {"{\"tag\":1,\"value\":1}", "in:2: tag: it is of the wrong kind"},
        {"{\"tag\":\"p\",\"value\":1,\"value\":2}", "in:2: value: it is there twice"},
        {"{\"tag\":\"p\",\"valeu\":1}", "in:2: unknown key \"valeu\"; did you mean \"value\"?"},
        {"{\"tag\":\"p\",\"value\":1,\"time\":\"noon\"}", "in:2: time: \"noon\""},
        {"{\"tag\":\"p\",\"value\":1,\"quality\":\"fine\"}", "in:2: quality: \"fine\""},
        {"{\"tag\":\"p\"}", "in:2: value: it is missing"},
        {"{\"tag\":\"p\",\"value\":1e999}", "in:2: value: 1e999 is too large"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[256];
        teardown();
        setup();
        snprintf(text, sizeof text, "{\"tag\":\"p\",\"value\":1}\n%s\n", rows[i].line);
        ck_assert_int_eq(read_text(text), ERR_OK);
        ck_assert_msg(strncmp(said, rows[i].text, strlen(rows[i].text)) == 0, "\"%s\": %s", rows[i].line,
                      said);
        ck_assert_uint_eq(input.bad, 1);
    }
}
END_TEST

START_TEST(a_head_that_is_none_ends_it_at_once)
{
    static const struct {
        const char *head, *text;
    } rows[] = {
        {"tag;value\n", "in:1: unknown column \"tag;value\""},
        {"tag,vlaue\n", "in:1: unknown column \"vlaue\"; did you mean \"value\"?"},
        {"tag,tag,value\n", "in:1: the column \"tag\" is there twice"},
        {"tag,unit\n", "in:1: the first line must name the columns tag and value"},
        {"p,4.2\n", "in:1: unknown column \"p\""},
        {"\n", "in:1: it is empty"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(read_text(rows[i].head) == ERR_CONFIG, "%s", rows[i].head);
        ck_assert_msg(strncmp(why.text, rows[i].text, strlen(rows[i].text)) == 0, "%s: %s", rows[i].head,
                      why.text);
        ck_assert_uint_eq(series_count(series), 0);
    }
}
END_TEST

START_TEST(passes_over_a_byte_order_mark)
{
    ck_assert_int_eq(read_text("\xef\xbb\xbftag,value\r\np,1\r\n"), ERR_OK);
    ck_assert_str_eq(said, "");
    ck_assert_uint_eq(series_count(series), 1);
}
END_TEST

START_TEST(shows_so_many_bad_lines_and_counts_the_rest)
{
    char text[1024] = "tag,value\n";
    size_t used = strlen(text);
    for (int i = 0; i < INPUT_COMPLAINTS_MAX + 3; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "p,x\n");
    }
    ck_assert_int_eq(read_text(text), ERR_OK);
    ck_assert_uint_eq(input.bad, INPUT_COMPLAINTS_MAX + 3);
    ck_assert_ptr_null(strstr(said, "in:22: "));
    ck_assert_ptr_nonnull(strstr(said, "in:21: "));
    ck_assert_ptr_nonnull(strstr(said, "in: and 3 more bad lines"));
}
END_TEST

START_TEST(nothing_is_no_error)
{
    ck_assert_int_eq(read_text(""), ERR_OK);
    ck_assert_uint_eq(input.lines, 0);
    ck_assert_uint_eq(series_count(series), 0);
}
END_TEST

int main(void)
{
    return suite_run_with("input", setup, teardown,
                          (const TTest *[]){
                              takes_csv_with_columns_in_any_order,
                              takes_json_lines,
                              takes_what_bourdon_readings_writes,
                              names_each_bad_line_and_takes_the_others,
                              names_each_bad_json_line,
                              a_head_that_is_none_ends_it_at_once,
                              passes_over_a_byte_order_mark,
                              shows_so_many_bad_lines_and_counts_the_rest,
                              nothing_is_no_error,
                              NULL,
                          });
}
