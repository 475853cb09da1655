#include "probe/guess.h"

#include "base/array.h"
#include "support/suite.h"
#include "tunnel/value.h"

#include <string.h>

enum { VALUES = 4 };

/* Words of numbers written in an order. */
static size_t write_words(enum value_type type, uint8_t order, const double *numbers, size_t count,
                          uint16_t *words)
{
    struct catalog_tag tag = {
        .table = TABLE_HOLDING, .type = type, .order = order, .words = value_type_words(type), .scale = 1};
    for (size_t i = 0; i < count; i++) {
        const struct value value = {.form = VALUE_FORM_FLOAT, .as.f64 = numbers[i]};
        ck_assert_int_eq(value_encode(&tag, &value, words + i * tag.words), ERR_OK);
    }
    return count * tag.words;
}

START_TEST(finds_the_order_that_measured_values_were_written_in)
{
    static const struct {
        enum value_type type;
        double numbers[VALUES];
    } rows[] = {
        {VALUE_FLOAT32, {7.123, 0, -12.875, 1013.25}},   {VALUE_FLOAT64, {7.123, 0, -12.875, 1013.25}},
        {VALUE_INT32, {100000, -5, 1234567, 12}},        {VALUE_UINT32, {100000, 5, 1234567, 12}},
        {VALUE_INT64, {100000, -5, 12345678901234, 12}}, {VALUE_UINT64, {1, 2, 3, 4}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        for (uint8_t order = 0; order < GUESS_ORDERS; order++) {
            uint16_t words[4 * VALUES];
            size_t count = write_words(rows[i].type, order, rows[i].numbers, VALUES, words);
            struct guess guess = guess_order(rows[i].type, words, count);
            ck_assert_msg(guess.sure, "row %zu, order %u", i, order);
            ck_assert_uint_eq(guess.order, order);
        }
    }
}
END_TEST

START_TEST(guesses_nothing_where_nothing_stands_out)
{
    static const uint16_t zeros[8] = {0};
    ck_assert(!guess_order(VALUE_FLOAT32, zeros, 8).sure);
    ck_assert(!guess_order(VALUE_INT64, zeros, 8).sure);
    ck_assert(!guess_order(VALUE_FLOAT32, zeros, 1).sure); /* not one whole value */
    static const uint16_t mirrored[] = {0x4141, 0x4141};
    ck_assert(!guess_order(VALUE_FLOAT32, mirrored, 2).sure);
    static const uint16_t each_order[] = {0x40e3, 0xef9e, 0xef9e, 0x40e3}; /* 7.123 as ABCD, then as CDAB */
    ck_assert(!guess_order(VALUE_FLOAT32, each_order, 4).sure);
}
END_TEST

START_TEST(of_two_plausible_orders_the_everyday_size_wins)
{
    static const uint16_t words[] = {0x4149, 0}; /* 12.5625, with its bytes swapped 790528 */
    char text[GUESS_TEXT_MAX];
    struct guess guess = guess_order(VALUE_FLOAT32, words, 2);
    ck_assert(guess.sure && guess.order == 0);
    ck_assert_ptr_nonnull(strstr(guess_text(&guess, text), "1 in the next best order, but farther from 1"));
    static const uint16_t close[] = {0x4100, 0x3d5c}; /* 8.01, and 0.054 with its words swapped */
    ck_assert(!guess_order(VALUE_FLOAT32, close, 2).sure);
}
END_TEST

START_TEST(says_why_in_a_sentence)
{
    static const uint16_t words[] = {0xef9e, 0x40e3, 0, 0x42c8};
    char text[GUESS_TEXT_MAX];
    struct guess guess = guess_order(VALUE_FLOAT32, words, ARRAY_LENGTH(words));
    ck_assert_ptr_nonnull(strstr(guess_text(&guess, text), "float32: * CDAB is likeliest: 2 of 2"));
    guess = guess_order(VALUE_INT32, words + 2, 1);
    ck_assert_str_eq(guess_text(&guess, text), "int32: these are the same in every order");
}
END_TEST

int main(void)
{
    return suite_run("guess", (const TTest *[]){
                                  finds_the_order_that_measured_values_were_written_in,
                                  guesses_nothing_where_nothing_stands_out,
                                  of_two_plausible_orders_the_everyday_size_wins,
                                  says_why_in_a_sentence,
                                  NULL,
                              });
}
