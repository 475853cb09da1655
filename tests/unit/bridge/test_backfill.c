#include "base/array.h"
#include "support/suite.h"
#include "uplink/backfill.h"

static struct backfill backfill;

static void setup(void)
{
    backfill_init(&backfill, &(struct backfill_options){.rate = 0, .window_share = 50});
}

static void expect(uint64_t first, uint64_t last)
{
    struct sequence_range range = {0};
    ck_assert(backfill_take(&backfill, &range));
    ck_assert_uint_eq(range.first, first);
    ck_assert_uint_eq(range.last, last);
}

static void expect_nothing(void)
{
    struct sequence_range range;
    ck_assert(!backfill_take(&backfill, &range));
}

START_TEST(ranges_come_back_lowest_first)
{
    backfill_add(&backfill, 20, 29);
    backfill_add(&backfill, 1, 5);
    backfill_add(&backfill, 10, 12);
    expect(1, 5);
    expect(10, 12);
    expect(20, 29);
    expect_nothing();
}
END_TEST

START_TEST(touching_and_overlapping_ranges_become_one)
{
    static const struct {
        const char *name;
        struct sequence_range added;
        struct sequence_range expected; /* beside 10..20 and 30..40: what the lowest is then */
    } rows[] = {
        {"touches below", {5, 9}, {5, 20}},    {"touches above", {21, 22}, {10, 22}},
        {"inside", {12, 13}, {10, 20}},        {"the same", {10, 20}, {10, 20}},
        {"around", {1, 25}, {1, 25}},          {"bridges both", {21, 29}, {10, 40}},
        {"swallows both", {1, 100}, {1, 100}}, {"apart below", {1, 8}, {1, 8}},
        {"apart between", {22, 28}, {10, 20}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        setup();
        backfill_add(&backfill, 10, 20);
        backfill_add(&backfill, 30, 40);
        backfill_add(&backfill, rows[i].added.first, rows[i].added.last);
        struct sequence_range range = {0};
        ck_assert(backfill_take(&backfill, &range));
        ck_assert_msg(range.first == rows[i].expected.first && range.last == rows[i].expected.last, "%s",
                      rows[i].name);
    }
}
END_TEST

START_TEST(an_empty_range_adds_nothing)
{
    backfill_add(&backfill, 5, 4);
    expect_nothing();
}
END_TEST

START_TEST(too_many_ranges_join_the_nearest_and_lose_none)
{
    for (uint64_t i = 0; i < BACKFILL_RANGES_MAX; i++) {
        backfill_add(&backfill, 1 + i * 100, 2 + i * 100);
    }
    backfill_add(&backfill, 250, 260);
    ck_assert_uint_eq(backfill.count, BACKFILL_RANGES_MAX);
    expect(1, 2);
    expect(101, 102);
    expect(201, 202);
    expect(250, 302);
    expect(401, 402);
}
END_TEST

START_TEST(the_backlog_has_its_share_of_the_window_and_at_least_one)
{
    ck_assert_uint_eq(backfill_window(&backfill, 64), 32);
    ck_assert_uint_eq(backfill_window(&backfill, 1), 1);
}
END_TEST

START_TEST(without_a_rate_there_is_no_waiting)
{
    backfill_sent(&backfill, 1000000, 5);
    ck_assert_int_le(backfill_next_us(&backfill), 5);
}
END_TEST

START_TEST(the_rate_holds_over_any_second_but_for_one_burst)
{
    enum { RATE = 10000, BATCH = 100 };
    backfill_init(&backfill, &(struct backfill_options){.rate = RATE, .window_share = 50});
    int64_t now = 1000000000;
    int64_t sent = 0;
    for (int64_t end = now + 1000000; now < end; now += 1000) {
        while (backfill_next_us(&backfill) <= now) {
            backfill_sent(&backfill, BATCH, now);
            sent += BATCH;
        }
    }
    ck_assert_int_ge(sent, RATE);
    ck_assert_int_le(sent, RATE + RATE * BACKFILL_BURST_US / 1000000 + BATCH);
}
END_TEST

int main(void)
{
    return suite_run_with("backfill", setup, NULL,
                          (const TTest *[]){
                              ranges_come_back_lowest_first,
                              touching_and_overlapping_ranges_become_one,
                              an_empty_range_adds_nothing,
                              too_many_ranges_join_the_nearest_and_lose_none,
                              the_backlog_has_its_share_of_the_window_and_at_least_one,
                              without_a_rate_there_is_no_waiting,
                              the_rate_holds_over_any_second_but_for_one_burst,
                              NULL,
                          });
}
