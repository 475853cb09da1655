#include "base/array.h"
#include "store/aggregate.h"
#include "support/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND = 1000000 };

static struct aggregate *aggregate;

static enum err add(const char *bridge, const char *tag, int64_t time_us, double value)
{
    const struct aggregate_point point = {
        .bridge = bridge, .tag = tag, .unit = "bar", .time_us = time_us, .value = value};
    return aggregate_add(aggregate, &point);
}

START_TEST(a_bucket_has_count_mean_min_max_and_last)
{
    static const struct {
        const char *name;
        int64_t times[4];
        double values[4]; /* NaN = without a number */
        size_t readings;
        uint64_t count, without;
        double mean, min, max, last;
    } rows[] = {
        {"one", {0}, {7}, 1, 1, 0, 7, 7, 7, 7},
        {"in order", {1, 2, 3}, {1, 2, 6}, 3, 3, 0, 3, 1, 6, 6},
        {"last is by time, not by arrival", {9, 1, 3}, {1, 2, 6}, 3, 3, 0, 3, 1, 6, 1},
        {"of the same time the later one", {5, 5}, {1, 2}, 2, 2, 0, 1.5, 1, 2, 2},
        {"without numbers are counted apart", {1, 2, 3}, {NAN, 4, INFINITY}, 3, 1, 2, 4, 4, 4, 4},
        {"negative", {1, 2}, {-5, -3}, 2, 2, 0, -4, -5, -3, -3},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        aggregate = aggregate_new(SECOND, 10);
        for (size_t j = 0; j < rows[i].readings; j++) {
            ck_assert_int_eq(add("cell-3", "pressure", rows[i].times[j], rows[i].values[j]), ERR_OK);
        }
        aggregate_finish(aggregate);
        ck_assert_msg(aggregate_count(aggregate) == 1, "%s", rows[i].name);
        struct aggregate_row row = aggregate_get(aggregate, 0);
        ck_assert_msg(row.count == rows[i].count && row.without == rows[i].without, "%s", rows[i].name);
        ck_assert_msg(row.values[AGGREGATE_MEAN] == rows[i].mean, "%s: mean", rows[i].name);
        ck_assert_msg(row.values[AGGREGATE_MIN] == rows[i].min, "%s: min", rows[i].name);
        ck_assert_msg(row.values[AGGREGATE_MAX] == rows[i].max, "%s: max", rows[i].name);
        ck_assert_msg(row.values[AGGREGATE_LAST] == rows[i].last, "%s: last", rows[i].name);
        aggregate_free(aggregate);
    }
}
END_TEST

START_TEST(a_bucket_of_bad_readings_alone_has_no_value)
{
    aggregate = aggregate_new(SECOND, 10);
    ck_assert_int_eq(add("cell-3", "pressure", 1, NAN), ERR_OK);
    aggregate_finish(aggregate);
    struct aggregate_row row = aggregate_get(aggregate, 0);
    ck_assert_uint_eq(row.count, 0);
    ck_assert_uint_eq(row.without, 1);
    ck_assert(isnan(row.values[AGGREGATE_MEAN]) && isnan(row.values[AGGREGATE_LAST]));
    aggregate_free(aggregate);
}
END_TEST

START_TEST(buckets_begin_at_multiples_and_end_before_the_next)
{
    aggregate = aggregate_new(60 * SECOND, 10);
    ck_assert_int_eq(add("cell-3", "pressure", 60 * SECOND, 1), ERR_OK);
    ck_assert_int_eq(add("cell-3", "pressure", 120 * SECOND - 1, 2), ERR_OK);
    ck_assert_int_eq(add("cell-3", "pressure", 120 * SECOND, 3), ERR_OK);
    aggregate_finish(aggregate);
    ck_assert_uint_eq(aggregate_count(aggregate), 2);
    ck_assert_int_eq(aggregate_get(aggregate, 0).start_us, 60 * SECOND);
    ck_assert_uint_eq(aggregate_get(aggregate, 0).count, 2);
    ck_assert_int_eq(aggregate_get(aggregate, 1).start_us, 120 * SECOND);
    aggregate_free(aggregate);
}
END_TEST

START_TEST(rows_come_by_time_then_bridge_then_tag)
{
    aggregate = aggregate_new(SECOND, 10);
    ck_assert_int_eq(add("cell-4", "a", SECOND, 1), ERR_OK);
    ck_assert_int_eq(add("cell-3", "b", SECOND, 2), ERR_OK);
    ck_assert_int_eq(add("cell-3", "a", SECOND, 3), ERR_OK);
    ck_assert_int_eq(add("cell-4", "a", 0, 4), ERR_OK);
    aggregate_finish(aggregate);
    static const double expected[] = {4, 3, 2, 1};
    for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
        ck_assert(aggregate_get(aggregate, i).values[AGGREGATE_LAST] == expected[i]);
    }
    aggregate_free(aggregate);
}
END_TEST

START_TEST(series_and_buckets_without_end_stay_apart)
{
    enum { TAGS = 500, TIMES = 40 };
    char name[32];
    aggregate = aggregate_new(SECOND, (size_t)TAGS * TIMES);
    for (int time = 0; time < TIMES; time++) {
        for (int tag = 0; tag < TAGS; tag++) {
            snprintf(name, sizeof name, "tag-%d", tag);
            ck_assert_int_eq(add("cell-3", name, (int64_t)time * SECOND, tag + time * 1000), ERR_OK);
        }
    }
    aggregate_finish(aggregate);
    ck_assert_uint_eq(aggregate_count(aggregate), (size_t)TAGS * TIMES);
    for (size_t i = 0; i < aggregate_count(aggregate); i++) {
        struct aggregate_row row = aggregate_get(aggregate, i);
        int64_t tag = strtol(row.tag + strlen("tag-"), NULL, 10);
        int64_t time = row.start_us / SECOND;
        ck_assert(row.count == 1 && row.values[AGGREGATE_MEAN] == (double)(tag + time * 1000));
    }
    aggregate_free(aggregate);
}
END_TEST

START_TEST(one_bucket_more_than_allowed_is_refused)
{
    aggregate = aggregate_new(SECOND, 2);
    ck_assert_int_eq(add("cell-3", "a", 0, 1), ERR_OK);
    ck_assert_int_eq(add("cell-3", "a", SECOND, 1), ERR_OK);
    ck_assert_int_eq(add("cell-3", "a", 0, 2), ERR_OK);
    ck_assert_int_eq(add("cell-3", "a", 2 * SECOND, 1), ERR_LIMIT);
    aggregate_free(aggregate);
}
END_TEST

int main(void)
{
    return suite_run("aggregate", (const TTest *[]){
                                      a_bucket_has_count_mean_min_max_and_last,
                                      a_bucket_of_bad_readings_alone_has_no_value,
                                      buckets_begin_at_multiples_and_end_before_the_next,
                                      rows_come_by_time_then_bridge_then_tag,
                                      series_and_buckets_without_end_stay_apart,
                                      one_bucket_more_than_allowed_is_refused,
                                      NULL,
                                  });
}
