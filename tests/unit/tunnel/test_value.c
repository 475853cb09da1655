#include "tunnel/value.h"

#include "base/array.h"
#include "support/suite.h"

#include <math.h>
#include <string.h>

static struct catalog_tag tag_of(enum value_type type)
{
    return (struct catalog_tag){.name = "t",
                                .unit = "",
                                .link = "",
                                .table = TABLE_HOLDING,
                                .type = type,
                                .words = value_type_words(type),
                                .scale = 1};
}

static const char *decoded_text(const struct catalog_tag *tag, const uint16_t *words, char *text)
{
    struct value value;
    ck_assert_int_eq(value_decode(tag, words, tag->words, &value), ERR_OK);
    return value_text(&value, text);
}

START_TEST(makes_values_of_registers)
{
    static const struct {
        const char *name;
        enum value_type type;
        uint8_t order, bit;
        uint16_t words[4];
        const char *text;
    } rows[] = {
        {"bit 0", VALUE_BOOL, 0, 0, {1}, "true"},
        {"bit 15", VALUE_BOOL, 0, 15, {0x7fff}, "false"},
        {"bit 8 with bytes swapped", VALUE_BOOL, ORDER_BYTES_SWAPPED, 8, {1}, "true"},
        {"int16", VALUE_INT16, 0, 0, {0xffff}, "-1"},
        {"uint16", VALUE_UINT16, 0, 0, {0xffff}, "65535"},
        {"uint16 BA", VALUE_UINT16, ORDER_BYTES_SWAPPED, 0, {0x3412}, "4660"},
        {"int32 ABCD", VALUE_INT32, 0, 0, {0xffff, 0xfffe}, "-2"},
        {"uint32 CDAB", VALUE_UINT32, ORDER_WORDS_SWAPPED, 0, {0x5678, 0x1234}, "305419896"},
        {"uint32 BADC", VALUE_UINT32, ORDER_BYTES_SWAPPED, 0, {0x3412, 0x7856}, "305419896"},
        {"uint32 DCBA",
         VALUE_UINT32,
         ORDER_BYTES_SWAPPED | ORDER_WORDS_SWAPPED,
         0,
         {0x7856, 0x3412},
         "305419896"},
        {"int64", VALUE_INT64, 0, 0, {0x8000, 0, 0, 0}, "-9223372036854775808"},
        {"uint64 words swapped", VALUE_UINT64, ORDER_WORDS_SWAPPED, 0, {0xffff, 0, 0, 0}, "65535"},
        {"float32", VALUE_FLOAT32, 0, 0, {0x3dcc, 0xcccd}, "0.1"},
        {"float32 not a number", VALUE_FLOAT32, 0, 0, {0x7fc0, 0}, "nan"},
        {"float32 infinite", VALUE_FLOAT32, 0, 0, {0xff80, 0}, "-inf"},
        {"float64", VALUE_FLOAT64, 0, 0, {0x3fb9, 0x9999, 0x9999, 0x999a}, "0.1"},
        {"bcd16", VALUE_BCD16, 0, 0, {0x1234}, "1234"},
        {"bcd32 CDAB", VALUE_BCD32, ORDER_WORDS_SWAPPED, 0, {0x5678, 0x1234}, "12345678"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct catalog_tag tag = tag_of(rows[i].type);
        tag.order = rows[i].order;
        tag.bit = rows[i].bit;
        char text[VALUE_TEXT_MAX];
        ck_assert_msg(strcmp(decoded_text(&tag, rows[i].words, text), rows[i].text) == 0, "%s: %s",
                      rows[i].name, text);
    }
}
END_TEST

START_TEST(scales_without_adding_digits)
{
    static const struct {
        const char *name;
        uint16_t raw;
        double scale, offset;
        const char *text;
    } rows[] = {
        {"tenths", 3, 0.1, 0, "0.3"},
        {"hundredths", 4711, 0.01, 0, "47.11"},
        {"tenths below zero", 3, -0.1, 0, "-0.3"},
        {"a factor", 3, 2.5, 0, "7.5"},
        {"an offset", 100, 1, -273.5, "-173.5"},
        {"both", 250, 0.1, -10, "15"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct catalog_tag tag = tag_of(VALUE_UINT16);
        tag.scale = rows[i].scale;
        tag.offset = rows[i].offset;
        char text[VALUE_TEXT_MAX];
        ck_assert_msg(strcmp(decoded_text(&tag, &rows[i].raw, text), rows[i].text) == 0, "%s: %s",
                      rows[i].name, text);
    }
}
END_TEST

START_TEST(a_coil_has_no_bits_to_choose_from)
{
    struct catalog_tag tag = tag_of(VALUE_BOOL);
    tag.table = TABLE_COIL;
    struct value value;
    ck_assert_int_eq(value_decode(&tag, (const uint16_t[]){1}, 1, &value), ERR_OK);
    ck_assert(value.form == VALUE_FORM_BOOL && value.as.flag);
}
END_TEST

START_TEST(makes_text_of_registers)
{
    static const struct {
        const char *name;
        uint8_t order;
        uint16_t words[3];
        const char *text;
    } rows[] = {
        {"full", 0, {0x4142, 0x4344, 0x4546}, "ABCDEF"},
        {"ends at NUL", 0, {0x4142, 0x4300, 0x4546}, "ABC"},
        {"bytes swapped", ORDER_BYTES_SWAPPED, {0x4241, 0x0043, 0}, "ABC"},
        {"UTF-8",
         0,
         {0xc2b0, 0x4300, 0},
         "\xc2\xb0"
         "C"},
        {"not text", 0, {0xb043, 0x0a41, 0}, "?C?A"},
        {"empty", 0, {0, 0x4142, 0}, ""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct catalog_tag tag = tag_of(VALUE_STRING);
        tag.words = 3;
        tag.order = rows[i].order;
        char text[VALUE_TEXT_MAX];
        ck_assert_msg(strcmp(decoded_text(&tag, rows[i].words, text), rows[i].text) == 0, "%s: %s",
                      rows[i].name, text);
    }
}
END_TEST

START_TEST(refuses_what_is_no_value)
{
    struct value value;
    struct catalog_tag tag = tag_of(VALUE_BCD16);
    ck_assert_int_eq(value_decode(&tag, (const uint16_t[]){0x12a4}, 1, &value), ERR_MALFORMED);
    ck_assert_int_eq(value.form, VALUE_FORM_NONE);
    ck_assert(isnan(value_number(&value)));
    tag = tag_of(VALUE_UINT32);
    ck_assert_int_eq(value_decode(&tag, (const uint16_t[]){1}, 1, &value), ERR_MALFORMED);
}
END_TEST

static struct value whole(int64_t number)
{
    return (struct value){.form = VALUE_FORM_INT, .as.i64 = number};
}

START_TEST(encodes_up_to_the_limits_of_each_type)
{
    static const struct {
        enum value_type type;
        int64_t least, greatest;
    } rows[] = {
        {VALUE_BOOL, 0, 1},
        {VALUE_INT16, INT16_MIN, INT16_MAX},
        {VALUE_UINT16, 0, UINT16_MAX},
        {VALUE_INT32, INT32_MIN, INT32_MAX},
        {VALUE_UINT32, 0, UINT32_MAX},
        {VALUE_BCD16, 0, 9999},
        {VALUE_BCD32, 0, 99999999},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct catalog_tag tag = tag_of(rows[i].type);
        const int64_t inside[] = {rows[i].least, rows[i].greatest};
        for (size_t j = 0; j < ARRAY_LENGTH(inside); j++) {
            struct value value = whole(inside[j]);
            struct value back;
            uint16_t words[4];
            ck_assert_int_eq(value_encode(&tag, &value, words), ERR_OK);
            ck_assert_int_eq(value_decode(&tag, words, tag.words, &back), ERR_OK);
            ck_assert_double_eq(value_number(&back), value_number(&value));
        }
        uint16_t words[4];
        struct value below = whole(rows[i].least - 1);
        struct value above = whole(rows[i].greatest + 1);
        ck_assert_int_eq(value_encode(&tag, &below, words), ERR_LIMIT);
        ck_assert_int_eq(value_encode(&tag, &above, words), ERR_LIMIT);
    }
}
END_TEST

START_TEST(encodes_the_ends_of_64_bits)
{
    uint16_t words[4];
    struct catalog_tag tag = tag_of(VALUE_INT64);
    struct value least = whole(INT64_MIN);
    ck_assert_int_eq(value_encode(&tag, &least, words), ERR_OK);
    ck_assert_uint_eq(value_join_words(0, words, 4), (uint64_t)1 << 63);
    struct value greatest = {.form = VALUE_FORM_UINT, .as.u64 = UINT64_MAX};
    ck_assert_int_eq(value_encode(&tag, &greatest, words), ERR_LIMIT);
    tag = tag_of(VALUE_UINT64);
    ck_assert_int_eq(value_encode(&tag, &greatest, words), ERR_OK);
    ck_assert_uint_eq(value_join_words(0, words, 4), UINT64_MAX);
    struct value real = {.form = VALUE_FORM_FLOAT, .as.f64 = 18446744073709551616.0};
    ck_assert_int_eq(value_encode(&tag, &real, words), ERR_LIMIT);
}
END_TEST

START_TEST(encodes_numbers_and_text_only_where_they_fit)
{
    uint16_t words[4];
    struct catalog_tag single = tag_of(VALUE_FLOAT32);
    struct value huge = {.form = VALUE_FORM_FLOAT, .as.f64 = 1e39};
    ck_assert_int_eq(value_encode(&single, &huge, words), ERR_LIMIT);
    struct catalog_tag whole_tag = tag_of(VALUE_INT16);
    struct value half = {.form = VALUE_FORM_FLOAT, .as.f64 = 0.5};
    ck_assert_int_eq(value_encode(&whole_tag, &half, words), ERR_LIMIT);
    struct value text = {.form = VALUE_FORM_TEXT, .as.text = "ABCDE"};
    ck_assert_int_eq(value_encode(&whole_tag, &text, words), ERR_MALFORMED);
    struct catalog_tag string = tag_of(VALUE_STRING);
    string.words = 3;
    ck_assert_int_eq(value_encode(&string, &half, words), ERR_MALFORMED);
    ck_assert_int_eq(value_encode(&string, &text, words), ERR_OK);
    ck_assert_uint_eq(words[2], 0x4500);
    string.words = 2;
    ck_assert_int_eq(value_encode(&string, &text, words), ERR_LIMIT);
}
END_TEST

START_TEST(words_join_and_split_in_every_order)
{
    for (uint8_t order = 0; order < 4; order++) {
        for (size_t count = 1; count <= 4; count *= 2) {
            uint16_t words[4];
            uint64_t bits = UINT64_C(0x0123456789abcdef) >> (64 - 16 * count);
            value_split_words(order, bits, words, count);
            ck_assert_uint_eq(value_join_words(order, words, count), bits);
        }
    }
}
END_TEST

int main(void)
{
    return suite_run("value", (const TTest *[]){
                                  makes_values_of_registers,
                                  scales_without_adding_digits,
                                  a_coil_has_no_bits_to_choose_from,
                                  makes_text_of_registers,
                                  refuses_what_is_no_value,
                                  encodes_up_to_the_limits_of_each_type,
                                  encodes_the_ends_of_64_bits,
                                  encodes_numbers_and_text_only_where_they_fit,
                                  words_join_and_split_in_every_order,
                                  NULL,
                              });
}
