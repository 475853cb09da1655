#include "base/array.h"
#include "base/wire.h"
#include "support/suite.h"

START_TEST(reads_back_what_was_written)
{
    uint8_t space[64];
    struct wire_writer writer = wire_writer(space, sizeof space);
    wire_write_u8(&writer, 0xfe);
    wire_write_u16(&writer, 0x1234);
    wire_write_u32(&writer, 0xdeadbeef);
    wire_write_u64(&writer, UINT64_MAX - 1);
    wire_write_varint(&writer, 300);
    wire_write_zigzag(&writer, INT64_MIN);
    wire_write_zigzag(&writer, -1);
    ck_assert(!writer.failed);

    struct wire_reader reader = wire_reader(space, wire_written(&writer));
    ck_assert_uint_eq(wire_read_u8(&reader), 0xfe);
    ck_assert_uint_eq(wire_read_u16(&reader), 0x1234);
    ck_assert_uint_eq(wire_read_u32(&reader), 0xdeadbeef);
    ck_assert_uint_eq(wire_read_u64(&reader), UINT64_MAX - 1);
    ck_assert_uint_eq(wire_read_varint(&reader), 300);
    ck_assert_int_eq(wire_read_zigzag(&reader), INT64_MIN);
    ck_assert_int_eq(wire_read_zigzag(&reader), -1);
    ck_assert(wire_reader_done(&reader));
}
END_TEST

START_TEST(a_read_past_the_end_fails_for_good)
{
    const uint8_t bytes[] = {1, 2, 3};
    struct wire_reader reader = wire_reader(bytes, sizeof bytes);
    ck_assert_uint_eq(wire_read_u32(&reader), 0);
    ck_assert(reader.failed);
    ck_assert_uint_eq(wire_read_u8(&reader), 0);
    ck_assert(!wire_reader_done(&reader));
}
END_TEST

START_TEST(left_over_bytes_are_not_done)
{
    const uint8_t bytes[] = {1, 2};
    struct wire_reader reader = wire_reader(bytes, sizeof bytes);
    (void)wire_read_u8(&reader);
    ck_assert(!reader.failed);
    ck_assert(!wire_reader_done(&reader));
}
END_TEST

START_TEST(varints_have_one_form_and_64_bits)
{
    static const struct {
        const char *name;
        uint8_t bytes[11];
        size_t size;
        bool good;
        uint64_t value;
    } rows[] = {
        {"zero", {0x00}, 1, true, 0},
        {"one byte, largest", {0x7f}, 1, true, 127},
        {"padded zero", {0x80, 0x00}, 2, false, 0},
        {"padded one", {0x81, 0x00}, 2, false, 0},
        {"largest", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10, true, UINT64_MAX},
        {"65 bits", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, 10, false, 0},
        {"endless", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 11, false, 0},
        {"cut", {0x80}, 1, false, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct wire_reader reader = wire_reader(rows[i].bytes, rows[i].size);
        uint64_t value = wire_read_varint(&reader);
        ck_assert_msg(wire_reader_done(&reader) == rows[i].good, "%s", rows[i].name);
        ck_assert_msg(value == rows[i].value, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(a_write_past_the_end_fails_and_stays_inside)
{
    uint8_t space[4] = {9, 9, 9, 9};
    struct wire_writer writer = wire_writer(space, 3);
    wire_write_u32(&writer, 1);
    wire_write_u8(&writer, 1);
    ck_assert(writer.failed);
    ck_assert_uint_eq(wire_written(&writer), 0);
    ck_assert_uint_eq(space[3], 9);
}
END_TEST

START_TEST(varints_are_passed_over_without_being_read)
{
    uint8_t space[64];
    struct wire_writer writer = wire_writer(space, sizeof space);
    for (uint64_t i = 0; i < 30; i++) {
        wire_write_varint(&writer, i % 11 == 10 ? UINT64_C(1) << 20 : i);
    }
    for (uint64_t skipped = 0; skipped <= 30; skipped++) {
        struct wire_reader reader = wire_reader(space, wire_written(&writer));
        wire_skip_varints(&reader, skipped);
        ck_assert(!reader.failed && wire_reader_done(&reader) == (skipped == 30));
        uint64_t expected = skipped % 11 == 10 ? UINT64_C(1) << 20 : skipped;
        ck_assert(skipped == 30 || wire_read_varint(&reader) == expected);
    }
    struct wire_reader reader = wire_reader(space, wire_written(&writer));
    wire_skip_varints(&reader, 31);
    ck_assert(reader.failed);
}
END_TEST

int main(void)
{
    return suite_run("wire", (const TTest *[]){
                                 reads_back_what_was_written,
                                 a_read_past_the_end_fails_for_good,
                                 left_over_bytes_are_not_done,
                                 varints_have_one_form_and_64_bits,
                                 varints_are_passed_over_without_being_read,
                                 a_write_past_the_end_fails_and_stays_inside,
                                 NULL,
                             });
}
