#include "tunnel/cbor.h"

#include "base/array.h"
#include "support/suite.h"

#include <string.h>

START_TEST(reads_back_what_was_written)
{
    static const uint64_t numbers[] = {0, 23, 24, 255, 256, 65535, UINT32_MAX, UINT32_MAX + 1ULL, UINT64_MAX};
    uint8_t space[256];
    struct wire_writer writer = wire_writer(space, sizeof space);
    cbor_put_array(&writer, ARRAY_LENGTH(numbers) + 4);
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        cbor_put_uint(&writer, numbers[i]);
    }
    cbor_put_bool(&writer, true);
    cbor_put_double(&writer, -0.1);
    cbor_put_bytes(&writer, "\x01\x02", 2);
    cbor_put_text(&writer, "kPa", 3);
    ck_assert(!writer.failed);

    struct cbor_cursor cursor = cbor_cursor((struct bytes){.data = space, .size = wire_written(&writer)});
    ck_assert_uint_eq(cbor_take_array(&cursor, 0, 100), ARRAY_LENGTH(numbers) + 4);
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
        ck_assert_uint_eq(cbor_take_uint(&cursor, 0, UINT64_MAX), numbers[i]);
    }
    ck_assert(cbor_take_bool(&cursor));
    ck_assert_double_eq(cbor_take_double(&cursor), -0.1);
    uint8_t fixed[2];
    cbor_take_fixed(&cursor, fixed, sizeof fixed);
    ck_assert_mem_eq(fixed, "\x01\x02", 2);
    struct bytes text = cbor_take_text(&cursor, 3, 3);
    ck_assert_mem_eq(text.data, "kPa", 3);
    ck_assert(cbor_cursor_done(&cursor));
}
END_TEST

static void take_uint(struct cbor_cursor *cursor)
{
    cbor_take_uint(cursor, 1, 1000);
}

static void take_array(struct cbor_cursor *cursor)
{
    cbor_take_array(cursor, 1, 2);
}

static void take_bytes(struct cbor_cursor *cursor)
{
    cbor_take_bytes(cursor, 1, 2);
}

static void take_text(struct cbor_cursor *cursor)
{
    cbor_take_text(cursor, 1, 2);
}

static void take_bool(struct cbor_cursor *cursor)
{
    cbor_take_bool(cursor);
}

static void take_double(struct cbor_cursor *cursor)
{
    cbor_take_double(cursor);
}

START_TEST(takes_only_the_one_form_of_what_is_wanted)
{
    static const struct {
        const char *name;
        void (*take)(struct cbor_cursor *cursor);
        uint8_t bytes[12];
        size_t size;
        bool good;
    } rows[] = {
        {"least", take_uint, {0x01}, 1, true},
        {"below the least", take_uint, {0x00}, 1, false},
        {"greatest", take_uint, {0x19, 0x03, 0xe8}, 3, true},
        {"above the greatest", take_uint, {0x19, 0x03, 0xe9}, 3, false},
        {"23 in two bytes", take_uint, {0x18, 0x17}, 2, false},
        {"24 in two bytes", take_uint, {0x18, 0x18}, 2, true},
        {"255 in three bytes", take_uint, {0x19, 0x00, 0xff}, 3, false},
        {"1000 in five bytes", take_uint, {0x1a, 0, 0, 0x03, 0xe8}, 5, false},
        {"1000 in nine bytes", take_uint, {0x1b, 0, 0, 0, 0, 0, 0, 0x03, 0xe8}, 9, false},
        {"cut number", take_uint, {0x19, 0x03}, 2, false},
        {"nothing", take_uint, {0}, 0, false},
        {"negative", take_uint, {0x20}, 1, false},
        {"tagged", take_uint, {0xc1, 0x01}, 2, false},
        {"null", take_uint, {0xf6}, 1, false},
        {"reserved", take_uint, {0x1c}, 1, false},
        {"text for number", take_uint, {0x61, 'a'}, 2, false},
        {"array", take_array, {0x81}, 1, true},
        {"empty array", take_array, {0x80}, 1, false},
        {"long array", take_array, {0x83}, 1, false},
        {"endless array", take_array, {0x9f}, 1, false},
        {"map for array", take_array, {0xa1}, 1, false},
        {"array of a long count", take_array, {0x98, 0x01}, 2, false},
        {"bytes", take_bytes, {0x42, 1, 2}, 3, true},
        {"no bytes", take_bytes, {0x40}, 1, false},
        {"too many bytes", take_bytes, {0x43, 1, 2, 3}, 4, false},
        {"cut bytes", take_bytes, {0x42, 1}, 2, false},
        {"endless bytes", take_bytes, {0x5f, 0x41, 1, 0xff}, 4, false},
        {"bytes of a long size", take_bytes, {0x58, 0x01, 1}, 3, false},
        {"bytes of a size beyond memory",
         take_bytes,
         {0x5b, 255, 255, 255, 255, 255, 255, 255, 255, 1},
         10,
         false},
        {"text", take_text, {0x62, 'o', 'k'}, 3, true},
        {"text that is not UTF-8", take_text, {0x61, 0xff}, 2, false},
        {"bytes for text", take_text, {0x41, 'a'}, 2, false},
        {"true", take_bool, {0xf5}, 1, true},
        {"undefined for bool", take_bool, {0xf7}, 1, false},
        {"double", take_double, {0xfb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0}, 9, true},
        {"half", take_double, {0xf9, 0x3c, 0x00}, 3, false},
        {"single", take_double, {0xfa, 0x3f, 0x80, 0, 0}, 5, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct cbor_cursor cursor = cbor_cursor((struct bytes){.data = rows[i].bytes, .size = rows[i].size});
        rows[i].take(&cursor);
        ck_assert_msg(cbor_cursor_done(&cursor) == rows[i].good, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(a_failure_stays)
{
    const uint8_t bytes[] = {0x20, 0x01};
    struct cbor_cursor cursor = cbor_cursor((struct bytes){.data = bytes, .size = sizeof bytes});
    ck_assert_uint_eq(cbor_take_uint(&cursor, 0, 10), 0);
    ck_assert_uint_eq(cbor_take_uint(&cursor, 0, 10), 0);
    ck_assert(!cbor_cursor_done(&cursor));
}
END_TEST

START_TEST(left_over_bytes_are_not_done)
{
    const uint8_t bytes[] = {0x01, 0x01};
    struct cbor_cursor cursor = cbor_cursor((struct bytes){.data = bytes, .size = sizeof bytes});
    ck_assert_uint_eq(cbor_take_uint(&cursor, 0, 10), 1);
    ck_assert(!cbor_cursor_done(&cursor));
}
END_TEST

START_TEST(a_write_past_the_end_fails_and_stays_inside)
{
    uint8_t space[4] = {9, 9, 9, 9};
    struct wire_writer writer = wire_writer(space, 3);
    cbor_put_bytes(&writer, "abc", 3);
    cbor_put_uint(&writer, 1);
    ck_assert(writer.failed);
    ck_assert_uint_eq(space[3], 9);
}
END_TEST

int main(void)
{
    return suite_run("cbor", (const TTest *[]){
                                 reads_back_what_was_written,
                                 takes_only_the_one_form_of_what_is_wanted,
                                 a_failure_stays,
                                 left_over_bytes_are_not_done,
                                 a_write_past_the_end_fails_and_stays_inside,
                                 NULL,
                             });
}
