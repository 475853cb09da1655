#include "base/array.h"
#include "link/frame_check.h"
#include "support/suite.h"

static const struct pdu_request read_one = {
    .function = MODBUS_READ_HOLDING_REGISTERS,
    .read = {.address = 0, .quantity = 1},
};

START_TEST(only_the_answer_is_an_answer_over_tcp)
{
    static const struct {
        const char *name;
        uint8_t frame[12];
        size_t size;
        enum frame_verdict verdict;
    } rows[] = {
        {"a value", {1, 2, 0, 0, 0, 5, 9, 3, 2, 0xab, 0xcd}, 11, FRAME_ANSWER},
        {"an exception", {1, 2, 0, 0, 0, 3, 9, 0x83, 2}, 9, FRAME_ANSWER},
        {"transaction before", {1, 1, 0, 0, 0, 5, 9, 3, 2, 0, 0}, 11, FRAME_STALE},
        {"another unit", {1, 2, 0, 0, 0, 5, 8, 3, 2, 0, 0}, 11, FRAME_FOREIGN},
        {"another unit, broken too", {1, 2, 0, 0, 0, 5, 8, 4, 2, 0, 0}, 11, FRAME_FOREIGN},
        {"another protocol", {1, 2, 0, 1, 0, 5, 9, 3, 2, 0, 0}, 11, FRAME_FOREIGN},
        {"length too small", {1, 2, 0, 0, 0, 4, 9, 3, 2, 0, 0}, 11, FRAME_BROKEN},
        {"length too large", {1, 2, 0, 0, 0, 6, 9, 3, 2, 0, 0}, 11, FRAME_BROKEN},
        {"length 0", {1, 2, 0, 0, 0, 0, 9, 3, 2, 0, 0}, 11, FRAME_BROKEN},
        {"a byte more", {1, 2, 0, 0, 0, 5, 9, 3, 2, 0, 0, 0}, 12, FRAME_BROKEN},
        {"two registers", {1, 2, 0, 0, 0, 5, 9, 3, 4, 0, 0}, 11, FRAME_BROKEN},
        {"exception 0", {1, 2, 0, 0, 0, 3, 9, 0x83, 0}, 9, FRAME_BROKEN},
        {"nothing", {0}, 0, FRAME_BROKEN},
    };
    const struct frame_expected expected = {.transaction = 0x0102, .unit = 9, .request = &read_one};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct pdu_response response = {.function = 0};
        struct bytes frame = {.data = rows[i].frame, .size = rows[i].size};
        enum frame_verdict verdict = frame_check_tcp(frame, &expected, &response);
        ck_assert_msg(verdict == rows[i].verdict, "%s: %d", rows[i].name, (int)verdict);
    }
}
END_TEST

START_TEST(the_value_lies_in_the_callers_frame)
{
    static const uint8_t frame[] = {1, 2, 0, 0, 0, 5, 9, 3, 2, 0xab, 0xcd};
    const struct frame_expected expected = {.transaction = 0x0102, .unit = 9, .request = &read_one};
    struct pdu_response response;
    ck_assert_int_eq(frame_check_tcp((struct bytes){frame, sizeof frame}, &expected, &response),
                     FRAME_ANSWER);
    ck_assert_ptr_eq(response.data.data, frame + 9);
    ck_assert_uint_eq(pdu_register(response.data, 0), 0xabcd);
}
END_TEST

START_TEST(the_device_itself_may_bear_any_unit)
{
    static const uint8_t frame[] = {1, 2, 0, 0, 0, 5, 9, 3, 2, 0xab, 0xcd};
    static const uint8_t units[] = {0, 255};
    for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
        const struct frame_expected expected = {
            .transaction = 0x0102, .unit = units[i], .request = &read_one};
        struct pdu_response response;
        ck_assert_int_eq(frame_check_tcp((struct bytes){frame, sizeof frame}, &expected, &response),
                         FRAME_ANSWER);
    }
}
END_TEST

START_TEST(only_the_answer_is_an_answer_over_a_serial_line)
{
    static const struct {
        const char *name;
        uint8_t frame[8];
        size_t size;
        enum frame_verdict verdict;
    } rows[] = {
        {"a value", {9, 3, 2, 0xab, 0xcd, 0, 0}, 7, FRAME_ANSWER},
        {"an exception", {9, 0x83, 2, 0, 0}, 5, FRAME_ANSWER},
        {"another unit", {8, 3, 2, 0xab, 0xcd, 0, 0}, 7, FRAME_FOREIGN},
        {"another function", {9, 4, 2, 0xab, 0xcd, 0, 0}, 7, FRAME_BROKEN},
        {"cut", {9, 3, 2, 0xab, 0xcd, 0}, 6, FRAME_BROKEN},
        {"only unit and CRC", {9, 0, 0}, 3, FRAME_BROKEN},
    };
    const struct frame_expected expected = {.unit = 9, .request = &read_one};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct pdu_response response = {.function = 0};
        struct bytes frame = {.data = rows[i].frame, .size = rows[i].size};
        enum frame_verdict verdict = frame_check_rtu(frame, &expected, &response);
        ck_assert_msg(verdict == rows[i].verdict, "%s: %d", rows[i].name, (int)verdict);
    }
}
END_TEST

int main(void)
{
    return suite_run("frame_check", (const TTest *[]){
                                        only_the_answer_is_an_answer_over_tcp,
                                        the_value_lies_in_the_callers_frame,
                                        the_device_itself_may_bear_any_unit,
                                        only_the_answer_is_an_answer_over_a_serial_line,
                                        NULL,
                                    });
}
