#include "support/suite.h"
#include "uplink/flight.h"

static struct flight *flight;

static void setup(void)
{
    flight = flight_new();
    ck_assert_ptr_nonnull(flight);
}

static void teardown(void)
{
    flight_free(flight);
}

static enum err add(uint64_t seq, bool historical)
{
    return flight_add(
        flight, &(struct flight_entry){.seq = seq, .readings = (uint32_t)seq, .historical = historical});
}

START_TEST(gives_back_what_was_added)
{
    struct flight_entry entry = {0};
    ck_assert_int_eq(add(7, false), ERR_OK);
    ck_assert(flight_has(flight, 7));
    ck_assert(flight_take(flight, 7, &entry));
    ck_assert_uint_eq(entry.readings, 7);
    ck_assert(!flight_has(flight, 7));
    ck_assert(!flight_take(flight, 7, &entry));
}
END_TEST

START_TEST(one_sequence_flies_once)
{
    ck_assert_int_eq(add(7, false), ERR_OK);
    ck_assert_int_eq(add(7, true), ERR_CONFLICT);
    ck_assert_uint_eq(flight_count(flight), 1);
}
END_TEST

START_TEST(counts_what_is_backlog)
{
    struct flight_entry entry;
    ck_assert_int_eq(add(1, true), ERR_OK);
    ck_assert_int_eq(add(2, false), ERR_OK);
    ck_assert_uint_eq(flight_historical(flight), 1);
    ck_assert(flight_take(flight, 1, &entry));
    ck_assert_uint_eq(flight_historical(flight), 0);
    ck_assert_uint_eq(flight_count(flight), 1);
}
END_TEST

START_TEST(has_a_maximum)
{
    for (uint64_t seq = 1; seq <= FLIGHT_MAX; seq++) {
        ck_assert_int_eq(add(seq, false), ERR_OK);
    }
    ck_assert_int_eq(add(FLIGHT_MAX + 1, false), ERR_LIMIT);
}
END_TEST

/* Against a plain table: two streams of sequences that collide in the slots, added and taken in disorder. */
START_TEST(finds_every_entry_whatever_was_taken_before)
{
    enum { STREAM = 300, ROUNDS = 20000 };
    static bool present[2][STREAM];
    uint32_t random = 1;
    for (int round = 0; round < ROUNDS; round++) {
        random = random * 1664525U + 1013904223U;
        size_t stream = (random >> 8) & 1;
        size_t index = (random >> 10) % STREAM;
        uint64_t seq = 2000 + index + stream * 2 * FLIGHT_MAX;
        struct flight_entry entry = {0};
        ck_assert_int_eq(flight_has(flight, seq), present[stream][index]);
        if (present[stream][index]) {
            ck_assert(flight_take(flight, seq, &entry));
            ck_assert_uint_eq(entry.seq, seq);
        } else {
            ck_assert_int_eq(add(seq, false), ERR_OK);
        }
        present[stream][index] = !present[stream][index];
    }
}
END_TEST

int main(void)
{
    return suite_run_with("flight", setup, teardown,
                          (const TTest *[]){
                              gives_back_what_was_added,
                              one_sequence_flies_once,
                              counts_what_is_backlog,
                              has_a_maximum,
                              finds_every_entry_whatever_was_taken_before,
                              NULL,
                          });
}
