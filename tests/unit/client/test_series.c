#include "send/series.h"

#include "base/array.h"
#include "support/suite.h"
#include "tunnel/batch_decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US INT64_C(1769860800000000)

static struct series *series;
static struct catalog *catalog;
static struct series_run run;
static struct err_text why;

static void setup(void)
{
    series = series_new();
    ck_assert_ptr_nonnull(series);
    run = (struct series_run){
        .first_sequence = 5, .max_readings = 1000, .now_us = NOW_US, .synchronised = true};
    memset(run.epoch, 7, sizeof run.epoch);
}

static void teardown(void)
{
    catalog_free(catalog);
    catalog = NULL;
    series_free(series);
}

static enum err add(const char *tag, const char *value, int64_t time_us)
{
    struct item item = {.tag = tag, .unit = "", .time_us = time_us};
    ck_assert_msg(item_value(value, &item.value, &why) == ERR_OK, "%s", why.text);
    return series_add(series, &item, &why);
}

static void add_good(const char *tag, const char *value, int64_t time_us)
{
    ck_assert_msg(add(tag, value, time_us) == ERR_OK, "%s", why.text);
}

/* ---- what comes out ---- */

enum { LINES_MAX = 64 };
static char lines[LINES_MAX][512];
static size_t line_count;
static uint64_t sequences[LINES_MAX];
static size_t counts[LINES_MAX];
static size_t batch_count;

static enum err show(void *owner, const struct reading *reading)
{
    (void)owner;
    const struct catalog_tag *tag = catalog_tag(catalog, reading->tag);
    struct value value = {0};
    char text[VALUE_TEXT_MAX] = "";
    if (reading->word_count > 0) {
        ck_assert_int_eq(value_decode(tag, reading->words, reading->word_count, &value), ERR_OK);
        value_text(&value, text);
    }
    ck_assert_int_eq(reading->request_us, reading->response_us);
    ck_assert_uint_lt(line_count, LINES_MAX);
    snprintf(lines[line_count++], sizeof lines[0], "%s=%s %s +%lld", tag->name, text,
             quality_token(reading->quality), (long long)(reading->request_us - NOW_US));
    return ERR_OK;
}

static enum err take(void *owner, const struct batch_view *view)
{
    struct batch_visitor visitor = {.reading = show};
    ck_assert_msg(batch_decode(owner, view, catalog, &visitor, &why) == ERR_OK, "%s", why.text);
    ck_assert_mem_eq(view->identity.epoch, run.epoch, sizeof run.epoch);
    sequences[batch_count] = view->identity.sequence;
    counts[batch_count++] = view->count;
    return ERR_OK;
}

static void make(void)
{
    line_count = 0;
    batch_count = 0;
    struct batch_decoder *decoder = batch_decoder_new();
    ck_assert_msg(series_catalog(series, &run, &catalog, &why) == ERR_OK, "%s", why.text);
    ck_assert_msg(series_batches(series, &run, catalog, take, decoder, &why) == ERR_OK, "%s", why.text);
    batch_decoder_free(decoder);
}

START_TEST(every_kind_of_value_arrives_as_it_was)
{
    add_good("bool", "true", 0);
    add_good("float", "4.25", 0);
    add_good("int", "-17", 0);
    add_good("large", "18446744073709551615", 0);
    add_good("text", "\"auto\"", 0);
    make();
    static const char *const wanted[] = {"bool=true good +0", "float=4.25 good +0", "int=-17 good +0",
                                         "large=18446744073709551615 good +0", "text=auto good +0"};
    ck_assert_uint_eq(line_count, ARRAY_LENGTH(wanted));
    for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
        ck_assert_str_eq(lines[i], wanted[i]);
    }
}
END_TEST

START_TEST(whole_numbers_become_fractions_where_a_tag_has_both)
{
    add_good("p", "4", NOW_US + 1);
    add_good("p", "4.5", NOW_US + 2);
    make();
    ck_assert_int_eq(catalog_tag(catalog, 0)->type, VALUE_FLOAT64);
    ck_assert_str_eq(lines[0], "p=4 good +1");
    ck_assert_str_eq(lines[1], "p=4.5 good +2");
}
END_TEST

START_TEST(refuses_values_that_do_not_go_together)
{
    static const struct {
        const char *first, *second;
        bool good;
    } rows[] = {
        {"1", "2.5", true},
        {"true", "1", false},
        {"1", "true", false},
        {"\"a\"", "1", false},
        {"1.5", "\"a\"", false},
        {"-1", "9223372036854775808", false},
        {"1", "9223372036854775808", true},
        {"9007199254740992", "0.5", true},
        {"9007199254740993", "0.5", false},
        {"0.5", "-9007199254740993", false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char tag[16];
        snprintf(tag, sizeof tag, "tag %zu", i);
        add_good(tag, rows[i].first, 0);
        ck_assert_msg((add(tag, rows[i].second, 0) == ERR_OK) == rows[i].good, "%s then %s", rows[i].first,
                      rows[i].second);
    }
}
END_TEST

START_TEST(a_refused_reading_leaves_no_trace)
{
    add_good("p", "1", 0);
    ck_assert_int_eq(add("p", "true", 0), ERR_MALFORMED);
    ck_assert_uint_eq(series_count(series), 1);
    add_good("p", "2.5", 0);
    make();
    ck_assert_uint_eq(line_count, 2);
}
END_TEST

START_TEST(refuses_names_units_times_and_qualities_that_cannot_be)
{
    char long_name[CATALOG_NAME_MAX + 2];
    memset(long_name, 'a', sizeof long_name);
    long_name[CATALOG_NAME_MAX + 1] = '\0';
    const struct value one = {.form = VALUE_FORM_INT, .as.i64 = 1};
    const struct {
        const char *name;
        struct item item;
    } rows[] = {
        {"empty name", {.tag = "", .unit = "", .value = one}},
        {"long name", {.tag = long_name, .unit = "", .value = one}},
        {"control character", {.tag = "a\nb", .unit = "", .value = one}},
        {"long unit", {.tag = "p", .unit = "01234567890123456789012345678901", .value = one}},
        {"before 1970", {.tag = "p", .unit = "", .value = one, .time_us = -1}},
        {"after 9999", {.tag = "p", .unit = "", .value = one, .time_us = BATCH_TIME_MAX_US + 1}},
        {"bad with a value", {.tag = "p", .unit = "", .value = one, .quality = QUALITY_BAD_TIMEOUT}},
        {"good without one", {.tag = "p", .unit = ""}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(series_add(series, &rows[i].item, &why) == ERR_MALFORMED, "%s", rows[i].name);
    }
    long_name[CATALOG_NAME_MAX] = '\0';
    ck_assert_int_eq(series_add(series, &(struct item){.tag = long_name, .unit = "", .value = one}, &why),
                     ERR_OK);
}
END_TEST

START_TEST(a_tag_has_one_unit)
{
    struct item item = {.tag = "p", .unit = "bar", .value = {.form = VALUE_FORM_INT}};
    ck_assert_int_eq(series_add(series, &item, &why), ERR_OK);
    item.unit = "";
    ck_assert_int_eq(series_add(series, &item, &why), ERR_OK); /* not said again */
    item.unit = "kPa";
    ck_assert_int_eq(series_add(series, &item, &why), ERR_MALFORMED);
    make();
    ck_assert_str_eq(catalog_tag(catalog, 0)->unit, "bar");
}
END_TEST

START_TEST(readings_are_sorted_by_time_and_keep_their_order_within_one)
{
    add_good("p", "3", NOW_US + 30);
    add_good("p", "1", NOW_US + 10);
    add_good("p", "21", NOW_US + 20);
    add_good("p", "22", NOW_US + 20);
    make();
    static const char *const wanted[] = {"p=1 good +10", "p=21 good +20", "p=22 good +20", "p=3 good +30"};
    for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
        ck_assert_str_eq(lines[i], wanted[i]);
    }
}
END_TEST

START_TEST(readings_without_a_time_get_that_of_the_run)
{
    add_good("p", "1", 0);
    ck_assert(!series_is_timed(series));
    run.synchronised = false;
    make();
    ck_assert_str_eq(lines[0], "p=1 uncertain_clock +0");
}
END_TEST

START_TEST(readings_with_their_own_time_are_as_good_as_they_say)
{
    add_good("p", "1", NOW_US + 1);
    struct item bad = {.tag = "p", .unit = "", .quality = QUALITY_BAD_TIMEOUT, .time_us = NOW_US + 2};
    ck_assert_int_eq(series_add(series, &bad, &why), ERR_OK);
    ck_assert(series_is_timed(series));
    run.synchronised = false;
    make();
    ck_assert_str_eq(lines[0], "p=1 good +1");
    ck_assert_str_eq(lines[1], "p= bad_timeout +2");
}
END_TEST

START_TEST(batches_are_full_but_the_last_and_numbered)
{
    for (int i = 0; i < 7; i++) {
        add_good("p", "1", NOW_US + i);
    }
    run.max_readings = 3;
    make();
    ck_assert_uint_eq(batch_count, 3);
    for (size_t i = 0; i < batch_count; i++) {
        ck_assert_uint_eq(sequences[i], 5 + i);
        ck_assert_uint_eq(counts[i], i < 2 ? 3 : 1);
    }
}
END_TEST

/* Sums up the bytes of the batches. */
static enum err add_up(void *owner, const struct batch_view *view)
{
    uint64_t *sum = owner;
    for (size_t i = 0; i < view->encoded.size; i++) {
        *sum = *sum * 31 + view->encoded.data[i];
    }
    return ERR_OK;
}

START_TEST(the_same_readings_and_run_make_the_same_bytes)
{
    uint64_t sums[2] = {0};
    for (int round = 0; round < 2; round++) {
        add_good("b", "2.5", 0);
        add_good("a", "\"x\"", NOW_US - 5);
        ck_assert_int_eq(series_catalog(series, &run, &catalog, &why), ERR_OK);
        ck_assert_int_eq(series_batches(series, &run, catalog, add_up, &sums[round], &why), ERR_OK);
        teardown();
        series = series_new();
    }
    ck_assert_uint_eq(sums[0], sums[1]);
    ck_assert_uint_ne(sums[0], 0);
}
END_TEST

int main(void)
{
    return suite_run_with("series", setup, teardown,
                          (const TTest *[]){
                              every_kind_of_value_arrives_as_it_was,
                              whole_numbers_become_fractions_where_a_tag_has_both,
                              refuses_values_that_do_not_go_together,
                              a_refused_reading_leaves_no_trace,
                              refuses_names_units_times_and_qualities_that_cannot_be,
                              a_tag_has_one_unit,
                              readings_are_sorted_by_time_and_keep_their_order_within_one,
                              readings_without_a_time_get_that_of_the_run,
                              readings_with_their_own_time_are_as_good_as_they_say,
                              batches_are_full_but_the_last_and_numbered,
                              the_same_readings_and_run_make_the_same_bytes,
                              NULL,
                          });
}
