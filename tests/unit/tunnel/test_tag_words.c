#include "tunnel/tag_words.h"

#include "support/suite.h"

START_TEST(finds_words_and_their_values_again)
{
    for (const struct option_choice *type = tag_types; type->name; type++) {
        ck_assert_ptr_eq(tag_word_find(tag_types, type->name), type);
        ck_assert_str_eq(tag_word_name(tag_types, type->value), type->name);
    }
    ck_assert_ptr_null(tag_word_find(tag_types, "double"));
    ck_assert_ptr_null(tag_word_find(tag_tables, ""));
    ck_assert_str_eq(tag_word_name(tag_tables, 99), "?");
}
END_TEST

START_TEST(an_order_has_as_many_letters_as_its_type_has_bytes)
{
    ck_assert_str_eq(tag_order_letters(0, 1), "AB");
    ck_assert_str_eq(tag_order_letters(ORDER_BYTES_SWAPPED, 1), "BA");
    ck_assert_str_eq(tag_order_letters(ORDER_WORDS_SWAPPED, 2), "CDAB");
    ck_assert_str_eq(tag_order_letters(TAG_ORDER_BITS, 2), "DCBA");
    ck_assert_str_eq(tag_order_letters(0, 4), "ABCDEFGH");
    ck_assert_str_eq(tag_order_letters(ORDER_BYTES_SWAPPED, 4), "BADCFEHG");
}
END_TEST

int main(void)
{
    return suite_run("tag_words", (const TTest *[]){
                                      finds_words_and_their_values_again,
                                      an_order_has_as_many_letters_as_its_type_has_bytes,
                                      NULL,
                                  });
}
