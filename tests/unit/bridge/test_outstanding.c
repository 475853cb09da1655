#include "support/suite.h"
#include "uplink/outstanding.h"

static struct outstanding *outstanding;

static void setup(void)
{
    outstanding = outstanding_new();
    ck_assert_ptr_nonnull(outstanding);
}

static void teardown(void)
{
    outstanding_free(outstanding);
}

static enum err add(uint64_t seq, bool backlog)
{
    return outstanding_add(outstanding,
                           &(struct sent_batch){.seq = seq, .readings = (uint32_t)seq, .backlog = backlog});
}

START_TEST(gives_back_what_was_added)
{
    struct sent_batch entry = {0};
    ck_assert_int_eq(add(7, false), ERR_OK);
    ck_assert(outstanding_has(outstanding, 7));
    ck_assert(outstanding_take(outstanding, 7, &entry));
    ck_assert_uint_eq(entry.readings, 7);
    ck_assert(!outstanding_has(outstanding, 7));
    ck_assert(!outstanding_take(outstanding, 7, &entry));
}
END_TEST

START_TEST(one_sequence_flies_once)
{
    ck_assert_int_eq(add(7, false), ERR_OK);
    ck_assert_int_eq(add(7, true), ERR_CONFLICT);
    ck_assert_uint_eq(outstanding_count(outstanding), 1);
}
END_TEST

START_TEST(counts_what_is_backlog)
{
    struct sent_batch entry;
    ck_assert_int_eq(add(1, true), ERR_OK);
    ck_assert_int_eq(add(2, false), ERR_OK);
    ck_assert_uint_eq(outstanding_backlog(outstanding), 1);
    ck_assert(outstanding_take(outstanding, 1, &entry));
    ck_assert_uint_eq(outstanding_backlog(outstanding), 0);
    ck_assert_uint_eq(outstanding_count(outstanding), 1);
}
END_TEST

START_TEST(has_a_maximum)
{
    for (uint64_t seq = 1; seq <= OUTSTANDING_MAX; seq++) {
        ck_assert_int_eq(add(seq, false), ERR_OK);
    }
    ck_assert_int_eq(add(OUTSTANDING_MAX + 1, false), ERR_LIMIT);
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
        uint64_t seq = 2000 + index + stream * 2 * OUTSTANDING_MAX;
        struct sent_batch entry = {0};
        ck_assert_int_eq(outstanding_has(outstanding, seq), present[stream][index]);
        if (present[stream][index]) {
            ck_assert(outstanding_take(outstanding, seq, &entry));
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
    return suite_run_with("outstanding", setup, teardown,
                          (const TTest *[]){
                              gives_back_what_was_added,
                              one_sequence_flies_once,
                              counts_what_is_backlog,
                              has_a_maximum,
                              finds_every_entry_whatever_was_taken_before,
                              NULL,
                          });
}
