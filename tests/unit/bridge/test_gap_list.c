#include "base/array.h"
#include "spool/gap_list.h"
#include "support/suite.h"

static struct gap dropped(uint64_t seq)
{
    return (struct gap){
        .reason = GAP_SPOOL_FULL,
        .first_sequence = seq,
        .last_sequence = seq,
        .readings = 10,
        .from_us = (int64_t)seq * 100,
        .to_us = (int64_t)seq * 100 + 50,
    };
}

START_TEST(neighbours_become_one_gap)
{
    struct gap_list list = {0};
    for (uint64_t seq = 4; seq <= 6; seq++) {
        struct gap gap = dropped(seq);
        gap_list_add(&list, &gap);
    }
    ck_assert_uint_eq(list.count, 1);
    ck_assert_uint_eq(list.gaps[0].first_sequence, 4);
    ck_assert_uint_eq(list.gaps[0].last_sequence, 6);
    ck_assert_uint_eq(list.gaps[0].readings, 30);
    ck_assert_int_eq(list.gaps[0].from_us, 400);
    ck_assert_int_eq(list.gaps[0].to_us, 650);
}
END_TEST

START_TEST(others_stay_apart)
{
    static const struct {
        const char *name;
        struct gap second;
    } rows[] = {
        {"a hole", {.reason = GAP_SPOOL_FULL, .first_sequence = 6, .last_sequence = 6}},
        {"another reason", {.reason = GAP_SPOOL_AGE, .first_sequence = 5, .last_sequence = 5}},
        {"another link", {.reason = GAP_SPOOL_FULL, .first_sequence = 5, .last_sequence = 5, .link = "a"}},
        {"no batch", {.reason = GAP_SPOOL_FULL}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct gap_list list = {0};
        struct gap first = dropped(4);
        gap_list_add(&list, &first);
        gap_list_add(&list, &rows[i].second);
        ck_assert_msg(list.count == 2, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(a_full_list_widens_its_last_gap_and_counts_on)
{
    struct gap_list list = {0};
    for (uint64_t i = 0; i <= GAP_LIST_MAX; i++) {
        struct gap gap = dropped(1 + i * 2);
        gap_list_add(&list, &gap);
    }
    const struct gap *last = &list.gaps[GAP_LIST_MAX - 1];
    ck_assert_uint_eq(list.count, GAP_LIST_MAX);
    ck_assert_uint_eq(last->first_sequence, 2 * GAP_LIST_MAX - 1);
    ck_assert_uint_eq(last->last_sequence, 2 * GAP_LIST_MAX + 1);
    ck_assert_uint_eq(last->readings, 20);
}
END_TEST

START_TEST(impossible_times_of_a_damaged_row_are_unknown)
{
    static const struct {
        const char *name;
        int64_t from_us, to_us;
    } rows[] = {{"backwards", 5, 4}, {"negative", -5, 4}, {"beyond", 5, BATCH_TIME_MAX_US + 1}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct gap_list list = {0};
        struct buffer encoded;
        struct gap gap = dropped(4);
        gap.from_us = rows[i].from_us;
        gap.to_us = rows[i].to_us;
        gap_list_add(&list, &gap);
        ck_assert_msg(list.gaps[0].from_us == 0 && list.gaps[0].to_us == 0, "%s", rows[i].name);
        buffer_init(&encoded, BATCH_SIZE_MAX);
        struct batch_identity identity = {.sequence = 1};
        ck_assert_int_eq(batch_encode_gaps(list.gaps, list.count, &identity, &encoded), ERR_OK);
        buffer_fini(&encoded);
    }
}
END_TEST

int main(void)
{
    return suite_run("gap_list", (const TTest *[]){
                                     neighbours_become_one_gap,
                                     others_stay_apart,
                                     a_full_list_widens_its_last_gap_and_counts_on,
                                     impossible_times_of_a_damaged_row_are_unknown,
                                     NULL,
                                 });
}
