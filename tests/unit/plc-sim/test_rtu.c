#include "base/array.h"
#include "rtu.h"
#include "support/suite.h"

#include <string.h>

/* Read input register 8 of unit 2: the frame that the serial line guides show. */
static const uint8_t request[] = {0x02, 0x04, 0x00, 0x08, 0x00, 0x01, 0xb0, 0x3b};

static struct rtu_reader reader;
static struct mbap adu;

static void setup(void)
{
    reader = (struct rtu_reader){.size = 0};
}

static enum mbap_result feed(const void *data, size_t size)
{
    struct bytes input = {.data = data, .size = size};
    return rtu_read(&reader, &input, &adu);
}

/* A frame around the PDU; returns its size. */
static size_t frame(const uint8_t *pdu, size_t size, uint8_t *space)
{
    struct wire_writer writer = wire_writer(space, RTU_FRAME_MAX);
    rtu_write(&writer, 7, (struct bytes){.data = pdu, .size = size});
    ck_assert(!writer.failed);
    return wire_written(&writer);
}

START_TEST(writes_the_frame_of_the_guide)
{
    uint8_t space[RTU_FRAME_MAX];
    struct wire_writer writer = wire_writer(space, sizeof space);
    rtu_write(&writer, 2, (struct bytes){.data = request + 1, .size = 5});
    ck_assert_uint_eq(wire_written(&writer), sizeof request);
    ck_assert_mem_eq(space, request, sizeof request);
}
END_TEST

START_TEST(takes_a_frame_split_at_every_byte)
{
    for (size_t split = 0; split < sizeof request; split++) {
        ck_assert_int_eq(feed(request, split), MBAP_NEED_MORE);
        ck_assert(rtu_reader_is_inside(&reader) == (split > 0));
        ck_assert_int_eq(feed(request + split, sizeof request - split), MBAP_ADU);
        ck_assert_uint_eq(adu.unit, 2);
        ck_assert_uint_eq(adu.pdu.size, 5);
        ck_assert_mem_eq(adu.pdu.data, request + 1, 5);
    }
}
END_TEST

START_TEST(knows_the_length_of_every_function_it_answers)
{
    static const struct {
        uint8_t pdu[16];
        size_t size;
    } rows[] = {
        {{0x01, 0, 0, 0, 1}, 5},          {{0x02, 0, 0, 0, 1}, 5},
        {{0x03, 0, 0, 0, 1}, 5},          {{0x04, 0, 0, 0, 1}, 5},
        {{0x05, 0, 0, 0xff, 0}, 5},       {{0x06, 0, 0, 0, 1}, 5},
        {{0x0f, 0, 0, 0, 9, 2, 1, 1}, 8}, {{0x10, 0, 0, 0, 2, 4, 1, 2, 3, 4}, 10},
        {{0x16, 0, 0, 0, 0, 0, 0}, 7},    {{0x17, 0, 0, 0, 1, 0, 0, 0, 1, 2, 1, 1}, 12},
        {{0x2b, 0x0e, 1, 0}, 4},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t space[RTU_FRAME_MAX];
        size_t size = frame(rows[i].pdu, rows[i].size, space);
        ck_assert_msg(feed(space, size) == MBAP_ADU, "function %02x", rows[i].pdu[0]);
        ck_assert_uint_eq(adu.pdu.size, rows[i].size);
    }
}
END_TEST

START_TEST(an_unknown_function_ends_with_silence)
{
    static const uint8_t pdu[] = {0x64, 1, 2, 3};
    uint8_t space[RTU_FRAME_MAX];
    size_t size = frame(pdu, sizeof pdu, space);
    ck_assert_int_eq(feed(space, size), MBAP_NEED_MORE);
    ck_assert_int_eq(rtu_silence(&reader, &adu), MBAP_ADU);
    ck_assert_uint_eq(adu.pdu.size, sizeof pdu);
    ck_assert_int_eq(rtu_silence(&reader, &adu), MBAP_NEED_MORE);
    ck_assert_int_eq(feed(request, sizeof request), MBAP_ADU);
}
END_TEST

START_TEST(a_damaged_frame_is_dropped_up_to_the_next_silence)
{
    for (size_t bit = 0; bit < 8 * sizeof request; bit++) {
        uint8_t damaged[sizeof request];
        memcpy(damaged, request, sizeof request);
        damaged[bit / 8] = (uint8_t)(damaged[bit / 8] ^ 1U << (bit % 8));
        ck_assert_int_eq(feed(damaged, sizeof damaged), MBAP_NEED_MORE);
        ck_assert_int_eq(rtu_silence(&reader, &adu), MBAP_NEED_MORE);
        ck_assert_int_eq(feed(request, sizeof request), MBAP_ADU);
    }
}
END_TEST

START_TEST(half_a_frame_is_dropped_at_silence)
{
    ck_assert_int_eq(feed(request, 4), MBAP_NEED_MORE);
    ck_assert_int_eq(rtu_silence(&reader, &adu), MBAP_NEED_MORE);
    ck_assert(!rtu_reader_is_inside(&reader));
    ck_assert_int_eq(feed(request, sizeof request), MBAP_ADU);
}
END_TEST

START_TEST(endless_bytes_stay_within_one_frame)
{
    static const uint8_t endless[4096] = {1, 0x64};
    ck_assert_int_eq(feed(endless, sizeof endless), MBAP_NEED_MORE);
    ck_assert(reader.size <= RTU_FRAME_MAX);
    ck_assert_int_eq(rtu_silence(&reader, &adu), MBAP_NEED_MORE);
    ck_assert_int_eq(feed(request, sizeof request), MBAP_ADU);
}
END_TEST

START_TEST(writes_only_pdus_that_exist)
{
    static const uint8_t pdu[PDU_SIZE_MAX + 1];
    static const struct {
        size_t size;
        bool written;
    } rows[] = {{0, false}, {1, true}, {PDU_SIZE_MAX, true}, {PDU_SIZE_MAX + 1, false}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t space[RTU_FRAME_MAX + 8];
        struct wire_writer writer = wire_writer(space, sizeof space);
        rtu_write(&writer, 1, (struct bytes){.data = pdu, .size = rows[i].size});
        ck_assert_msg(writer.failed != rows[i].written, "a PDU of %zu bytes", rows[i].size);
    }
}
END_TEST

int main(void)
{
    return suite_run_with("rtu", setup, NULL,
                          (const TTest *[]){
                              writes_the_frame_of_the_guide,
                              takes_a_frame_split_at_every_byte,
                              knows_the_length_of_every_function_it_answers,
                              an_unknown_function_ends_with_silence,
                              a_damaged_frame_is_dropped_up_to_the_next_silence,
                              half_a_frame_is_dropped_at_silence,
                              endless_bytes_stay_within_one_frame,
                              writes_only_pdus_that_exist,
                              NULL,
                          });
}
