#include "truth/verdict.h"

#include "base/array.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

static struct truth_file *truth;
static struct verdict *verdict;
static struct verdict_options options;
static uint64_t found[VERDICT_CLASSES];

static const struct catalog_tag pressure = {.name = "p",
                                            .link = "plc",
                                            .unit_id = 1,
                                            .table = TABLE_HOLDING,
                                            .address = 10,
                                            .type = VALUE_UINT16,
                                            .words = 1};
static const struct catalog_tag other = {.name = "q",
                                         .link = "plc",
                                         .unit_id = 1,
                                         .table = TABLE_HOLDING,
                                         .address = 10,
                                         .type = VALUE_UINT16,
                                         .words = 1};
static const struct catalog_tag sent = {
    .name = "s", .link = "", .table = TABLE_NONE, .type = VALUE_INT64, .words = 4};

static void note(void *owner, enum verdict_class class, const struct catalog_tag *tag, uint64_t seq,
                 int64_t request_us)
{
    (void)owner;
    (void)tag;
    (void)seq;
    (void)request_us;
    found[class]++;
}

static void read_truth(const char *text)
{
    FILE *file = tmpfile();
    fputs(text, file);
    rewind(file);
    truth_file_free(truth);
    ck_assert_int_eq(truth_file_read(file, "truth", &truth, NULL), ERR_OK);
    fclose(file);
    verdict_free(verdict);
    options.truth = truth;
    options.found = note;
    verdict = verdict_new(&options);
}

static void setup(void)
{
    memset(found, 0, sizeof found);
    options = (struct verdict_options){0};
    read_truth("105\ta:1\t1\tread\tholding\t10\tgood\t0007\n"
               "205\ta:1\t1\tread\tholding\t10\tgood\t0008\n"
               "305\ta:1\t1\tread\tholding\t10\tgood\t0009\n");
}

static void teardown(void)
{
    verdict_free(verdict);
    verdict = NULL;
    truth_file_free(truth);
    truth = NULL;
}

/* A reading of 10 µs from `at_us` on, in batch `seq` of stream 1. */
static enum err add(const struct catalog_tag *tag, uint64_t seq, int64_t at_us, uint16_t word)
{
    struct reading reading = {
        .request_us = at_us, .response_us = at_us + 10, .word_count = 1, .words = {word}};
    struct stored_reading stored = {.bridge = "b", .stream = 1, .seq = seq, .tag = tag, .reading = &reading};
    return verdict_add(verdict, &stored);
}

START_TEST(what_the_plc_served_is_true)
{
    ck_assert_int_eq(add(&pressure, 1, 100, 7), ERR_OK);
    ck_assert_int_eq(add(&pressure, 2, 200, 8), ERR_OK);
    ck_assert_int_eq(add(&other, 2, 200, 8), ERR_OK);
    verdict_finish(verdict);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_TRUE), 3);
    ck_assert_uint_eq(verdict_readings(verdict), 3);
    for (enum verdict_class class = VERDICT_CORRUPT; class < VERDICT_CLASSES; class ++) {
        ck_assert_uint_eq(found[class], 0);
    }
    ck_assert_uint_eq(truth_file_unused(truth), 1);
}
END_TEST

START_TEST(sees_every_kind_of_untruth)
{
    ck_assert_int_eq(add(&pressure, 1, 100, 8), ERR_OK); /* corrupt */
    ck_assert_int_eq(add(&pressure, 2, 400, 9), ERR_OK); /* phantom */
    ck_assert_int_eq(add(&pressure, 3, 300, 9), ERR_OK); /* reordered */
    ck_assert_int_eq(add(&pressure, 4, 300, 9), ERR_OK); /* that again: twice, and reordered */
    verdict_finish(verdict);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_CORRUPT), 1);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_PHANTOM), 1);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_REORDERED), 2);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_DUPLICATED), 1);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_TRUE), 2);
    for (enum verdict_class class = VERDICT_CORRUPT; class < VERDICT_CLASSES; class ++) {
        ck_assert_uint_eq(found[class], verdict_count(verdict, class));
    }
}
END_TEST

START_TEST(an_epoch_has_an_order_of_its_own)
{
    struct reading reading = {.request_us = 100, .response_us = 110, .word_count = 1, .words = {7}};
    struct stored_reading stored = {
        .bridge = "b", .stream = 2, .seq = 1, .tag = &pressure, .reading = &reading};
    ck_assert_int_eq(add(&pressure, 1, 200, 8), ERR_OK);
    ck_assert_int_eq(verdict_add(verdict, &stored), ERR_OK);
    verdict_finish(verdict);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_REORDERED), 0);
}
END_TEST

START_TEST(the_same_reading_in_two_epochs_is_stored_twice)
{
    struct reading reading = {.request_us = 100, .response_us = 110, .word_count = 1, .words = {7}};
    struct stored_reading stored = {
        .bridge = "b", .stream = 2, .seq = 1, .tag = &pressure, .reading = &reading};
    ck_assert_int_eq(add(&pressure, 1, 100, 7), ERR_OK);
    ck_assert_int_eq(verdict_add(verdict, &stored), ERR_OK);
    stored.bridge = "another";
    ck_assert_int_eq(verdict_add(verdict, &stored), ERR_OK);
    verdict_finish(verdict);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_DUPLICATED), 1);
}
END_TEST

START_TEST(what_has_no_value_or_no_plc_is_not_compared)
{
    struct reading reading = {.request_us = 100, .response_us = 110, .quality = QUALITY_BAD_TIMEOUT};
    struct stored_reading stored = {
        .bridge = "b", .stream = 1, .seq = 1, .tag = &pressure, .reading = &reading};
    ck_assert_int_eq(verdict_add(verdict, &stored), ERR_OK);
    ck_assert_int_eq(add(&sent, 2, 100, 7), ERR_OK);
    verdict_finish(verdict);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_NO_VALUE), 1);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_NO_PLC), 1);
}
END_TEST

START_TEST(several_endpoints_must_be_told_apart)
{
    const char *const text = "105\ta:1\t1\tread\tholding\t10\tgood\t0007\n"
                             "105\tb:2\t1\tread\tholding\t10\tgood\t0008\n";
    read_truth(text);
    ck_assert_int_eq(add(&pressure, 1, 100, 7), ERR_NOT_FOUND);
    ck_assert_str_eq(verdict_unknown_link(verdict), "plc");

    const struct verdict_link links[] = {{"pump", "a:1"}, {"plc", "b:2"}};
    options = (struct verdict_options){.links = links, .link_count = 2};
    read_truth(text);
    ck_assert_int_eq(add(&pressure, 1, 100, 8), ERR_OK);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_TRUE), 1);
    ck_assert_ptr_null(verdict_unknown_link(verdict));

    const struct verdict_link nowhere[] = {{"plc", "c:3"}};
    options = (struct verdict_options){.links = nowhere, .link_count = 1};
    read_truth(text);
    ck_assert_int_eq(add(&pressure, 1, 100, 8), ERR_OK);
    ck_assert_uint_eq(verdict_count(verdict, VERDICT_PHANTOM), 1);
}
END_TEST

START_TEST(classes_have_names)
{
    ck_assert_str_eq(verdict_class_name(VERDICT_TRUE), "true");
    ck_assert_str_eq(verdict_class_name(VERDICT_REORDERED), "reordered");
    ck_assert_str_eq(verdict_class_name(VERDICT_CLASSES), "unknown");
}
END_TEST

int main(void)
{
    return suite_run_with("verdict", setup, teardown,
                          (const TTest *[]){
                              what_the_plc_served_is_true,
                              sees_every_kind_of_untruth,
                              an_epoch_has_an_order_of_its_own,
                              the_same_reading_in_two_epochs_is_stored_twice,
                              what_has_no_value_or_no_plc_is_not_compared,
                              several_endpoints_must_be_told_apart,
                              classes_have_names,
                              NULL,
                          });
}
