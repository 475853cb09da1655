#include "base/array.h"
#include "store/sequence_set.h"
#include "support/sample.h"
#include "support/suite.h"

#include <check.h>
#include <string.h>

static void add(struct sequence_set *set, uint64_t first, uint64_t last)
{
    ck_assert_int_eq(sequence_set_add(set, first, last), ERR_OK);
}

/* Against a plain array of flags, and in the one form: in order and apart. */
START_TEST(it_has_what_was_added_and_nothing_else)
{
    enum { ROUNDS = 200, ADDS = 60, SPACE = 200 };
    struct sample sample = sample_seed(1);
    for (int round = 0; round < ROUNDS; round++) {
        struct sequence_set set = {0};
        bool flags[SPACE + 2] = {false};
        for (int i = 0; i < ADDS; i++) {
            uint64_t first = 1 + sample_below(&sample, SPACE);
            uint64_t last = first + sample_below(&sample, 4);
            last = last > SPACE ? SPACE : last;
            add(&set, first, last);
            memset(&flags[first], true, last - first + 1);
        }
        uint64_t contiguous = 0;
        while (flags[contiguous + 1]) {
            contiguous++;
        }
        for (uint64_t sequence = 1; sequence <= SPACE; sequence++) {
            ck_assert_int_eq(sequence_set_has(&set, sequence), flags[sequence]);
        }
        for (size_t i = 1; i < set.count; i++) {
            ck_assert_uint_gt(set.ranges[i].first, set.ranges[i - 1].last + 1);
        }
        ck_assert_uint_eq(sequence_set_contiguous(&set), contiguous);
        sequence_set_free(&set);
    }
}
END_TEST

START_TEST(what_is_encoded_is_decoded)
{
    struct sequence_set set = {0};
    struct sequence_set back;
    struct buffer out;
    add(&set, 1, 1000);
    add(&set, 1002, 1002);
    add(&set, UINT64_MAX - 5, UINT64_MAX);
    set.highest = UINT64_MAX;
    set.incomplete = true;
    buffer_init(&out, SEQUENCE_SET_BYTES_MAX);
    ck_assert_int_eq(sequence_set_encode(&set, &out), ERR_OK);
    ck_assert_int_eq(sequence_set_decode(&back, buffer_bytes(&out)), ERR_OK);
    ck_assert_uint_eq(back.count, 3);
    ck_assert_mem_eq(back.ranges, set.ranges, 3 * sizeof set.ranges[0]);
    ck_assert_uint_eq(back.highest, UINT64_MAX);
    ck_assert(back.incomplete);
    sequence_set_free(&back);
    for (size_t size = 0; size < out.size; size++) { // whatever is cut off
        struct bytes cut = {out.data, size};
        if (sequence_set_decode(&back, cut) == ERR_OK) {
            ck_assert_uint_lt(back.count, 3);
            sequence_set_free(&back);
        }
    }
    buffer_fini(&out);
    sequence_set_free(&set);
}
END_TEST

START_TEST(bytes_of_any_other_form_are_refused)
{
    static const struct {
        const char *name;
        uint8_t bytes[8];
        size_t size;
    } rows[] = {
        {"nothing", {0}, 0},
        {"another format", {2, 0, 0}, 3},
        {"a range that is not there", {1, 0, 5, 1}, 4},
        {"a range at 0", {1, 0, 5, 0, 1}, 5},
        {"two ranges that touch", {1, 0, 5, 1, 1, 1, 1}, 7},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct sequence_set set;
        struct bytes bytes = {rows[i].bytes, rows[i].size};
        ck_assert_msg(sequence_set_decode(&set, bytes) == ERR_MALFORMED, "%s", rows[i].name);
        ck_assert_ptr_null(set.ranges);
    }
}
END_TEST

START_TEST(one_range_too_many_is_left_out_and_said)
{
    struct sequence_set set = {0};
    for (uint64_t i = 0; i < SEQUENCE_RANGES_MAX; i++) {
        add(&set, 2 * i + 1, 2 * i + 1);
    }
    ck_assert(!set.incomplete);
    add(&set, 4 * SEQUENCE_RANGES_MAX, 4 * SEQUENCE_RANGES_MAX);
    ck_assert(set.incomplete);
    ck_assert_uint_eq(set.count, SEQUENCE_RANGES_MAX);
    add(&set, 2, 2); // joins two: there is room again
    ck_assert_uint_eq(set.count, SEQUENCE_RANGES_MAX - 1);
    sequence_set_free(&set);
}
END_TEST

START_TEST(sets_are_united)
{
    struct sequence_set a = {.highest = 7};
    struct sequence_set b = {.highest = 5};
    add(&a, 1, 3);
    add(&a, 7, 7);
    add(&b, 4, 5);
    ck_assert_int_eq(sequence_set_unite(&a, &b), ERR_OK);
    ck_assert_uint_eq(sequence_set_contiguous(&a), 5);
    ck_assert_uint_eq(a.highest, 7);
    sequence_set_free(&a);
    sequence_set_free(&b);
}
END_TEST

int main(void)
{
    return suite_run("sequence_set",
                     (const TTest *[]){it_has_what_was_added_and_nothing_else, what_is_encoded_is_decoded,
                                       bytes_of_any_other_form_are_refused,
                                       one_range_too_many_is_left_out_and_said, sets_are_united, NULL});
}
