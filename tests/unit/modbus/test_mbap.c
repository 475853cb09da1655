#include "base/array.h"
#include "modbus/mbap.h"
#include "support/suite.h"

#include <string.h>

/* The example of the messaging guide: read one holding register at 4 of unit 255. */
static const uint8_t request[] = {0x15, 0x01, 0x00, 0x00, 0x00, 0x06, 0xff, 0x03, 0x00, 0x04, 0x00, 0x01};

static struct bytes slice(const void *data, size_t size)
{
    return (struct bytes){.data = data, .size = size};
}

static void assert_is_the_example(const struct mbap *adu)
{
    ck_assert_uint_eq(adu->transaction, 0x1501);
    ck_assert_uint_eq(adu->unit, 0xff);
    ck_assert_uint_eq(adu->pdu.size, 5);
    ck_assert_mem_eq(adu->pdu.data, request + MBAP_HEADER_SIZE, 5);
}

START_TEST(takes_a_frame_split_at_every_byte)
{
    for (size_t split = 0; split < sizeof request; split++) {
        struct mbap_reader reader = {.size = 0};
        struct mbap adu;
        struct bytes first = slice(request, split);
        ck_assert_int_eq(mbap_read(&reader, &first, &adu), MBAP_NEED_MORE);
        ck_assert(mbap_reader_is_inside(&reader) == (split > 0));
        struct bytes second = slice(request + split, sizeof request - split);
        ck_assert_int_eq(mbap_read(&reader, &second, &adu), MBAP_ADU);
        ck_assert_uint_eq(second.size, 0);
        assert_is_the_example(&adu);
        ck_assert(!mbap_reader_is_inside(&reader));
    }
}
END_TEST

START_TEST(takes_a_frame_in_single_bytes)
{
    struct mbap_reader reader = {.size = 0};
    struct mbap adu;
    for (size_t i = 0; i < sizeof request; i++) {
        struct bytes byte = slice(request + i, 1);
        enum mbap_result expected = i + 1 < sizeof request ? MBAP_NEED_MORE : MBAP_ADU;
        ck_assert_int_eq(mbap_read(&reader, &byte, &adu), expected);
    }
    assert_is_the_example(&adu);
}
END_TEST

START_TEST(gives_coalesced_frames_one_by_one)
{
    uint8_t stream[2 * sizeof request + 3];
    memcpy(stream, request, sizeof request);
    memcpy(stream + sizeof request, request, sizeof request);
    memcpy(stream + 2 * sizeof request, request, 3);
    struct mbap_reader reader = {.size = 0};
    struct bytes input = slice(stream, sizeof stream);
    struct mbap adu;
    ck_assert_int_eq(mbap_read(&reader, &input, &adu), MBAP_ADU);
    ck_assert_int_eq(mbap_read(&reader, &input, &adu), MBAP_ADU);
    assert_is_the_example(&adu);
    ck_assert_int_eq(mbap_read(&reader, &input, &adu), MBAP_NEED_MORE);
    ck_assert(mbap_reader_is_inside(&reader));
}
END_TEST

START_TEST(a_length_no_adu_has_breaks_the_stream)
{
    static const struct {
        const char *name;
        uint8_t length[2];
        enum mbap_result expected;
    } rows[] = {
        {"0", {0, 0}, MBAP_BROKEN},
        {"1, a unit without a function code", {0, 1}, MBAP_BROKEN},
        {"2, the shortest", {0, 2}, MBAP_ADU},
        {"254, the longest", {0, 254}, MBAP_ADU},
        {"255", {0, 255}, MBAP_BROKEN},
        {"256, whose low byte alone would pass", {1, 0}, MBAP_BROKEN},
        {"65535", {0xff, 0xff}, MBAP_BROKEN},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t frame[MBAP_ADU_MAX + 10] = {0, 1, 0, 0, rows[i].length[0], rows[i].length[1], 1, 3};
        struct mbap_reader reader = {.size = 0};
        struct bytes input = slice(frame, sizeof frame);
        struct mbap adu = {.transaction = 0};
        ck_assert_msg(mbap_read(&reader, &input, &adu) == rows[i].expected, "%s", rows[i].name);
        if (rows[i].expected == MBAP_ADU) {
            ck_assert_uint_eq(adu.pdu.size, rows[i].length[1] - 1U);
        }
    }
}
END_TEST

START_TEST(stays_broken)
{
    static const uint8_t broken[] = {0, 1, 0, 0, 0, 0};
    struct mbap_reader reader = {.size = 0};
    struct mbap adu;
    struct bytes input = slice(broken, sizeof broken);
    ck_assert_int_eq(mbap_read(&reader, &input, &adu), MBAP_BROKEN);
    struct bytes good = slice(request, sizeof request);
    ck_assert_int_eq(mbap_read(&reader, &good, &adu), MBAP_BROKEN);
}
END_TEST

START_TEST(discards_other_protocols_and_goes_on)
{
    static const uint8_t ids[][2] = {{0, 1}, {1, 0}, {0, 7}, {0x12, 0x34}, {0xff, 0xff}};
    for (size_t i = 0; i < ARRAY_LENGTH(ids); i++) {
        uint8_t stream[2 * sizeof request];
        memcpy(stream, request, sizeof request);
        memcpy(stream + 2, ids[i], 2);
        memcpy(stream + sizeof request, request, sizeof request);
        struct mbap_reader reader = {.size = 0};
        struct bytes input = slice(stream, sizeof stream);
        struct mbap adu;
        ck_assert_int_eq(mbap_read(&reader, &input, &adu), MBAP_DISCARDED);
        ck_assert_int_eq(mbap_read(&reader, &input, &adu), MBAP_ADU);
        assert_is_the_example(&adu);
    }
}
END_TEST

START_TEST(writes_what_it_reads)
{
    uint8_t space[MBAP_ADU_MAX];
    struct wire_writer writer = wire_writer(space, sizeof space);
    mbap_write(&writer, &(struct mbap){.transaction = 0x1501, .unit = 0xff, .pdu = slice(request + 7, 5)});
    ck_assert(!writer.failed);
    ck_assert_uint_eq(wire_written(&writer), sizeof request);
    ck_assert_mem_eq(space, request, sizeof request);
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
        uint8_t space[MBAP_ADU_MAX + 10];
        struct wire_writer writer = wire_writer(space, sizeof space);
        mbap_write(&writer, &(struct mbap){.unit = 1, .pdu = slice(pdu, rows[i].size)});
        ck_assert_msg(writer.failed != rows[i].written, "a PDU of %zu bytes", rows[i].size);
    }
}
END_TEST

int main(void)
{
    return suite_run("mbap", (const TTest *[]){
                                 takes_a_frame_split_at_every_byte,
                                 takes_a_frame_in_single_bytes,
                                 gives_coalesced_frames_one_by_one,
                                 a_length_no_adu_has_breaks_the_stream,
                                 stays_broken,
                                 discards_other_protocols_and_goes_on,
                                 writes_what_it_reads,
                                 writes_only_pdus_that_exist,
                                 NULL,
                             });
}
