#include "base/array.h"
#include "field/decode.h"
#include "support/suite.h"

#include <string.h>

/* Registers 100 to 103 as on the wire. */
static const uint8_t registers[] = {0x12, 0x34, 0x99, 0x90, 0x7f, 0x80, 0x00, 0x00};
static const struct bytes data = {.data = registers, .size = sizeof registers};

static struct catalog_tag tag_of(enum value_type type, uint16_t address, uint8_t words, uint8_t order)
{
    return (struct catalog_tag){
        .name = "t",
        .unit = "",
        .link = "plc",
        .table = TABLE_HOLDING,
        .address = address,
        .type = type,
        .order = order,
        .words = words,
        .scale = 1,
    };
}

START_TEST(words_are_those_of_the_address_as_read)
{
    struct catalog_tag tag = tag_of(VALUE_UINT32, 101, 2, ORDER_WORDS_SWAPPED | ORDER_BYTES_SWAPPED);
    uint16_t words[2];
    struct report_sample sample = decode_sample(&tag, NULL, data, 100, words);
    ck_assert_int_eq(sample.quality, QUALITY_GOOD);
    ck_assert_uint_eq(words[0], 0x9990);
    ck_assert_uint_eq(words[1], 0x7f80);
}
END_TEST

START_TEST(a_bit_is_one_word)
{
    static const uint8_t bits[] = {0x00, 0x02};
    struct catalog_tag tag = tag_of(VALUE_BOOL, 29, 1, 0);
    tag.table = TABLE_DISCRETE;
    uint16_t words[1];
    (void)decode_sample(&tag, NULL, (struct bytes){bits, sizeof bits}, 20, words);
    ck_assert_uint_eq(words[0], 1);
    tag.address = 28;
    (void)decode_sample(&tag, NULL, (struct bytes){bits, sizeof bits}, 20, words);
    ck_assert_uint_eq(words[0], 0);
}
END_TEST

START_TEST(what_is_no_value_is_bad)
{
    static const struct {
        const char *name;
        enum value_type type;
        uint8_t order;
        uint8_t words;
        uint8_t bytes[8];
        bool good;
    } rows[] = {
        {"bcd 0000", VALUE_BCD16, 0, 1, {0x00, 0x00}, true},
        {"bcd 9999", VALUE_BCD16, 0, 1, {0x99, 0x99}, true},
        {"bcd A in the first digit", VALUE_BCD16, 0, 1, {0xa0, 0x00}, false},
        {"bcd F in the second", VALUE_BCD16, 0, 1, {0x0f, 0x00}, false},
        {"bcd A in the third", VALUE_BCD16, 0, 1, {0x00, 0xa0}, false},
        {"bcd A in the last", VALUE_BCD16, 0, 1, {0x99, 0x9a}, false},
        {"bcd32", VALUE_BCD32, 0, 2, {0x12, 0x34, 0x56, 0x78}, true},
        {"bcd32, second word", VALUE_BCD32, 0, 2, {0x12, 0x34, 0x56, 0x7c}, false},
        {"float", VALUE_FLOAT32, 0, 2, {0x41, 0x48, 0xf5, 0xc3}, true},
        {"largest float", VALUE_FLOAT32, 0, 2, {0x7f, 0x7f, 0xff, 0xff}, true},
        {"infinity", VALUE_FLOAT32, 0, 2, {0x7f, 0x80, 0x00, 0x00}, false},
        {"minus infinity", VALUE_FLOAT32, 0, 2, {0xff, 0x80, 0x00, 0x00}, false},
        {"not a number", VALUE_FLOAT32, 0, 2, {0x7f, 0xc0, 0x00, 0x01}, false},
        {"not a number, CDAB", VALUE_FLOAT32, ORDER_WORDS_SWAPPED, 2, {0x00, 0x01, 0x7f, 0xc0}, false},
        {"not a number only the other way round",
         VALUE_FLOAT32,
         ORDER_WORDS_SWAPPED,
         2,
         {0x7f, 0xc0, 0x00, 0x01},
         true},
        {"not a number, BADC", VALUE_FLOAT32, ORDER_BYTES_SWAPPED, 2, {0xc0, 0x7f, 0x01, 0x00}, false},
        {"double", VALUE_FLOAT64, 0, 4, {0x7f, 0xef, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, true},
        {"double infinity", VALUE_FLOAT64, 0, 4, {0x7f, 0xf0, 0, 0, 0, 0, 0, 0}, false},
        {"double not a number, HGFEDCBA",
         VALUE_FLOAT64,
         ORDER_WORDS_SWAPPED | ORDER_BYTES_SWAPPED,
         4,
         {1, 0, 0, 0, 0, 0, 0xf8, 0x7f},
         false},
        {"any integer", VALUE_INT64, 0, 4, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct catalog_tag tag = tag_of(rows[i].type, 0, rows[i].words, rows[i].order);
        uint16_t words[4];
        struct bytes bytes = {rows[i].bytes, sizeof rows[i].bytes};
        struct report_sample sample = decode_sample(&tag, NULL, bytes, 0, words);
        enum quality quality = rows[i].good ? QUALITY_GOOD : QUALITY_BAD_VALUE;
        ck_assert_msg(sample.quality == quality, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(values_outside_the_limits_are_clamped_in_quality_only)
{
    static const struct report_rule rule = {.bounded = true, .low = 0, .high = 16, .deadband = -1};
    static const struct {
        int16_t raw;
        enum quality quality;
    } rows[] = {
        {0, QUALITY_GOOD},     {160, QUALITY_GOOD},      {161, QUALITY_CLAMPED},
        {-1, QUALITY_CLAMPED}, {32767, QUALITY_CLAMPED},
    };
    struct catalog_tag tag = tag_of(VALUE_INT16, 0, 1, 0);
    tag.scale = 0.1;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint16_t raw = (uint16_t)rows[i].raw;
        const uint8_t bytes[] = {(uint8_t)(raw >> 8), (uint8_t)(raw & 0xff)};
        uint16_t word;
        struct report_sample sample = decode_sample(&tag, &rule, (struct bytes){bytes, 2}, 0, &word);
        ck_assert_int_eq(sample.quality, rows[i].quality);
        ck_assert_uint_eq(word, raw);
    }
}
END_TEST

START_TEST(a_bit_of_a_register_changes_with_that_bit_only)
{
    static const struct report_rule rule = {.deadband = 0};
    struct catalog_tag tag = tag_of(VALUE_BOOL, 0, 1, 0);
    tag.bit = 3;
    static const uint8_t rows[][2] = {{0x00, 0x08}, {0xff, 0xff}, {0x00, 0x07}};
    uint64_t seen[3];
    for (size_t i = 0; i < 3; i++) {
        uint16_t word;
        seen[i] = decode_sample(&tag, &rule, (struct bytes){rows[i], 2}, 0, &word).raw;
    }
    ck_assert_uint_eq(seen[0], seen[1]);
    ck_assert_uint_ne(seen[0], seen[2]);
}
END_TEST

START_TEST(a_long_text_is_told_from_another)
{
    static const struct report_rule rule = {.deadband = 0};
    struct catalog_tag tag = tag_of(VALUE_STRING, 0, 5, 0);
    uint16_t words[5];
    static const char *const texts[] = {"boiler one", "boiler two", "oiler onea"};
    uint64_t seen[3];
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *bytes = (const uint8_t *)texts[i];
        seen[i] = decode_sample(&tag, &rule, (struct bytes){bytes, 10}, 0, words).raw;
    }
    ck_assert_uint_ne(seen[0], seen[1]);
    ck_assert_uint_ne(seen[0], seen[2]);
}
END_TEST

START_TEST(the_raw_value_gives_the_words_back)
{
    static const struct {
        enum value_type type;
        uint8_t words, bit;
        bool good;
        uint16_t wanted[4];
    } rows[] = {
        {VALUE_UINT16, 1, 0, true, {0x1234}},
        {VALUE_FLOAT32, 2, 0, true, {0x1234, 0x9990}},
        {VALUE_UINT64, 4, 0, true, {0x1234, 0x9990, 0x7f80, 0x0000}},
        {VALUE_STRING, 4, 0, true, {0x1234, 0x9990, 0x7f80, 0x0000}},
        {VALUE_BOOL, 1, 2, true, {0x0004}},
        {VALUE_BOOL, 1, 3, true, {0x0000}},
        {VALUE_STRING, 5, 0, false, {0}},
    };
    static const uint8_t more[10] = {0x12, 0x34, 0x99, 0x90, 0x7f, 0x80, 0x00, 0x00, 0x41, 0x42};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct catalog_tag tag = tag_of(rows[i].type, 0, rows[i].words, 0);
        tag.bit = rows[i].bit;
        uint16_t words[5];
        struct report_sample sample = decode_sample(&tag, NULL, (struct bytes){more, sizeof more}, 0, words);
        memset(words, 0, sizeof words);
        ck_assert(decode_raw(&tag, sample.raw, words) == rows[i].good);
        ck_assert(!rows[i].good || memcmp(words, rows[i].wanted, rows[i].words * sizeof words[0]) == 0);
    }
}
END_TEST

int main(void)
{
    return suite_run("decode", (const TTest *[]){
                                   words_are_those_of_the_address_as_read,
                                   a_bit_is_one_word,
                                   what_is_no_value_is_bad,
                                   values_outside_the_limits_are_clamped_in_quality_only,
                                   a_bit_of_a_register_changes_with_that_bit_only,
                                   a_long_text_is_told_from_another,
                                   the_raw_value_gives_the_words_back,
                                   NULL,
                               });
}
