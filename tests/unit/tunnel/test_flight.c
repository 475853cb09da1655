#include "tunnel/flight.h"

#include "base/array.h"
#include "support/suite.h"

static struct flight flight;

static void setup(void)
{
    flight_init(&flight);
}

static void teardown(void)
{
    flight_fini(&flight);
}

static enum err add(uint64_t sequence)
{
    const struct flight_batch batch = {
        .sequence = sequence, .size = sequence, .sent_us = (int64_t)sequence * 10};
    return flight_add(&flight, &batch);
}

START_TEST(finds_sequences_however_they_were_added)
{
    const uint64_t sequences[] = {1000, 5, 1001, 6, 7, UINT64_MAX, 1};
    for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
        ck_assert_int_eq(add(sequences[i]), ERR_OK);
    }
    struct flight_batch removed;
    ck_assert(flight_remove(&flight, 5, 7, &removed));
    ck_assert_uint_eq(removed.sequence, 5);
    ck_assert_int_eq(removed.sent_us, 50);
    ck_assert_uint_eq(flight.count, 4);
    ck_assert(flight_remove(&flight, UINT64_MAX, UINT64_MAX, &removed));
    ck_assert(flight_remove(&flight, 1000, 1001, &removed));
    ck_assert(flight_remove(&flight, 1, 1, &removed));
    ck_assert_uint_eq(flight.count, 0);
    ck_assert_uint_eq(flight.bytes, 0);
}
END_TEST

START_TEST(a_range_is_removed_whole_or_not_at_all)
{
    static const struct {
        const char *name;
        uint64_t first, last;
    } rows[] = {
        {"below", 1, 2},
        {"reaches below", 9, 10},
        {"reaches above", 12, 13},
        {"over a hole", 10, 14},
        {"in the hole", 13, 13},
        {"backwards", 12, 10},
        {"everything", 0, UINT64_MAX},
        {"above", 15, 15},
    };
    const uint64_t sequences[] = {10, 11, 12, 14};
    for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
        ck_assert_int_eq(add(sequences[i]), ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct flight_batch removed;
        ck_assert_msg(!flight_remove(&flight, rows[i].first, rows[i].last, &removed), "%s", rows[i].name);
        ck_assert_uint_eq(flight.count, 4);
        ck_assert_uint_eq(flight.bytes, 47);
    }
}
END_TEST

START_TEST(a_sequence_is_there_once)
{
    ck_assert_int_eq(add(3), ERR_OK);
    ck_assert_int_eq(add(3), ERR_CONFLICT);
    ck_assert_uint_eq(flight.count, 1);
    ck_assert_uint_eq(flight.bytes, 3);
}
END_TEST

START_TEST(nothing_is_found_in_an_empty_one)
{
    struct flight_batch removed;
    ck_assert(!flight_remove(&flight, 1, 1, &removed));
}
END_TEST

int main(void)
{
    return suite_run_with("flight", setup, teardown,
                          (const TTest *[]){
                              finds_sequences_however_they_were_added,
                              a_range_is_removed_whole_or_not_at_all,
                              a_sequence_is_there_once,
                              nothing_is_found_in_an_empty_one,
                              NULL,
                          });
}
