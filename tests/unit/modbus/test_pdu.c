#include "base/array.h"
#include "modbus/pdu.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

struct text_pdu {
    uint8_t bytes[PDU_SIZE_MAX + 8];
    size_t size;
};

static uint8_t parse_byte(const char *digits)
{
    const char text[] = {digits[0], digits[1], '\0'};
    char *end;
    unsigned long value = strtoul(text, &end, 16);
    ck_assert_msg(end == text + 2, "bad row: %s", digits);
    return (uint8_t)value;
}

/* "03 006B 0003" → bytes; "*N" stands for N zero bytes. */
static struct bytes parse(const char *text, struct text_pdu *pdu)
{
    pdu->size = 0;
    for (const char *at = text; *at;) {
        if (*at == ' ') {
            at++;
        } else if (*at == '*') {
            char *end;
            size_t zeros = strtoul(at + 1, &end, 10);
            memset(pdu->bytes + pdu->size, 0, zeros);
            pdu->size += zeros;
            at = end;
        } else {
            pdu->bytes[pdu->size++] = parse_byte(at);
            at += 2;
        }
    }
    return (struct bytes){.data = pdu->bytes, .size = pdu->size};
}

static struct pdu_request decode_request(const char *text, struct text_pdu *space)
{
    struct pdu_request request;
    ck_assert_msg(pdu_request_decode(parse(text, space), &request) == MODBUS_NO_EXCEPTION, "%s", text);
    return request;
}

/* The examples of the application protocol, section 6. */
static const struct {
    const char *name;
    const char *request;
    const char *response;
} examples[] = {
    {"read coils", "01 0013 0013", "01 03 CD6B05"},
    {"read discrete inputs", "02 00C4 0016", "02 03 ACDB35"},
    {"read holding registers", "03 006B 0003", "03 06 022B 0000 0064"},
    {"read input registers", "04 0008 0001", "04 02 000A"},
    {"write single coil", "05 00AC FF00", "05 00AC FF00"},
    {"write single register", "06 0001 0003", "06 0001 0003"},
    {"write multiple coils", "0F 0013 000A 02 CD01", "0F 0013 000A"},
    {"write multiple registers", "10 0001 0002 04 000A 0102", "10 0001 0002"},
    {"mask write register", "16 0004 00F2 0025", "16 0004 00F2 0025"},
    {"read/write multiple registers", "17 0003 0006 000E 0003 06 00FF 00FF 00FF",
     "17 0C 00FE 0ACD 0001 0003 000D 00FF"},
    {"read exception status", "07", "07 6D"},
    {"diagnostics, return query data", "08 0000 A537", "08 0000 A537"},
    {"diagnostics, return query data of two words", "08 0000 A537 0001", "08 0000 A537 0001"},
    {"diagnostics, restart", "08 0001 FF00", "08 0001 FF00"},
    {"diagnostics, return diagnostic register", "08 0002 0000", "08 0002 1234"},
    {"diagnostics, change delimiter", "08 0003 0A00", "08 0003 0A00"},
    {"diagnostics, return bus message count", "08 000B 0000", "08 000B 0102"},
    {"diagnostics, clear overruns", "08 0014 0000", "08 0014 0000"},
    {"get comm event counter", "0B", "0B FFFF 0108"},
    {"get comm event log", "0C", "0C 08 0000 0108 0121 20 00"},
    {"report server ID", "11", "11 03 42 FF 01"},
    {"read file record", "14 0E 06 0004 0001 0002 06 0003 0009 0002",
     "14 0C 05 06 0DFE 0020 05 06 33CD 0040"},
    {"write file record", "15 0D 06 0004 0007 0003 06AF 04BE 100D", "15 0D 06 0004 0007 0003 06AF 04BE 100D"},
    {"read FIFO queue", "18 04DE", "18 0006 0002 01B8 1284"},
    {"read an empty FIFO queue", "18 04DE", "18 0002 0000"},
    {"read device identification", "2B 0E 01 00", "2B 0E 01 01 00 00 02 00 01 41 01 02 4243"},
};

START_TEST(decodes_and_encodes_the_examples_of_the_standard)
{
    for (size_t i = 0; i < ARRAY_LENGTH(examples); i++) {
        struct text_pdu sent;
        struct text_pdu answered;
        struct pdu_request request = decode_request(examples[i].request, &sent);
        struct pdu_response response;
        ck_assert_msg(pdu_response_decode(parse(examples[i].response, &answered), &request, &response) ==
                          ERR_OK,
                      "%s", examples[i].name);
        uint8_t space[PDU_SIZE_MAX];
        struct wire_writer writer = wire_writer(space, sizeof space);
        pdu_request_encode(&writer, &request);
        ck_assert_msg(!writer.failed && wire_written(&writer) == sent.size, "%s", examples[i].name);
        ck_assert_mem_eq(space, sent.bytes, sent.size);
        writer = wire_writer(space, sizeof space);
        pdu_response_encode(&writer, &request, &response);
        ck_assert_msg(!writer.failed && wire_written(&writer) == answered.size, "%s", examples[i].name);
        ck_assert_mem_eq(space, answered.bytes, answered.size);
    }
}
END_TEST

START_TEST(says_what_a_request_reads_and_writes)
{
    struct text_pdu space;
    struct pdu_request request = decode_request("17 0003 0006 000E 0003 06 00FF 1234 00FF", &space);
    ck_assert_uint_eq(request.read.address, 3);
    ck_assert_uint_eq(request.read.quantity, 6);
    ck_assert_uint_eq(request.write.address, 14);
    ck_assert_uint_eq(request.write.quantity, 3);
    ck_assert_uint_eq(pdu_register(request.data, 1), 0x1234);

    request = decode_request("0F 0013 000A 02 CD01", &space);
    ck_assert_uint_eq(request.read.quantity, 0);
    ck_assert(pdu_bit(request.data, 0));
    ck_assert(!pdu_bit(request.data, 1));
    ck_assert(pdu_bit(request.data, 8));
    ck_assert(!pdu_bit(request.data, 9));

    request = decode_request("05 00AC FF00", &space);
    ck_assert_uint_eq(request.write.quantity, 1);
    ck_assert(pdu_bit(request.data, 0));
    request = decode_request("05 00AC 0000", &space);
    ck_assert(!pdu_bit(request.data, 0));
}
END_TEST

START_TEST(refuses_requests_in_the_order_of_the_state_diagrams)
{
    static const struct {
        const char *name;
        const char *pdu;
        enum modbus_exception expected;
    } rows[] = {
        {"nothing", "", MODBUS_ILLEGAL_FUNCTION},
        {"function 0", "00 0000 0001", MODBUS_ILLEGAL_FUNCTION},
        {"function 09, not spoken", "09", MODBUS_ILLEGAL_FUNCTION},
        {"07 with a byte", "07 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"0B with a byte", "0B 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"0C with a byte", "0C 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"11 with a byte", "11 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"08 without sub-function", "08 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"08 without data", "08 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"08 with half a word", "08 0000 000000", MODBUS_ILLEGAL_DATA_VALUE},
        {"08 with 125 words", "08 0000 *250", MODBUS_NO_EXCEPTION},
        {"08 with 126 words", "08 0000 *252", MODBUS_ILLEGAL_DATA_VALUE},
        {"08 sub-function 4", "08 0004 0000", MODBUS_NO_EXCEPTION},
        {"08 sub-function 5", "08 0005 0000", MODBUS_ILLEGAL_FUNCTION},
        {"08 sub-function 9", "08 0009 0000", MODBUS_ILLEGAL_FUNCTION},
        {"08 sub-function 18", "08 0012 0000", MODBUS_NO_EXCEPTION},
        {"08 sub-function 19", "08 0013 0000", MODBUS_ILLEGAL_FUNCTION},
        {"08 sub-function 20", "08 0014 0000", MODBUS_NO_EXCEPTION},
        {"08 sub-function 21", "08 0015 0000", MODBUS_ILLEGAL_FUNCTION},
        {"08 restart with FF01", "08 0001 FF01", MODBUS_ILLEGAL_DATA_VALUE},
        {"08 delimiter with a low byte", "08 0003 0A01", MODBUS_ILLEGAL_DATA_VALUE},
        {"08 counter with a value", "08 000B 0001", MODBUS_ILLEGAL_DATA_VALUE},
        {"08 counter with two words", "08 000B 0000 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"14 of nothing", "14 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"14 cut short", "14 07 06 0001 0000 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"14 byte count below the bytes", "14 07 06 0001 0000 0001 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"14 with half a sub-request", "14 08 06 0001 0000 0001 06", MODBUS_ILLEGAL_DATA_VALUE},
        {"14 of no register", "14 07 06 0001 0000 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"14 whose answer just fits", "14 07 06 0001 0000 0079", MODBUS_NO_EXCEPTION},
        {"14 whose answer does not fit", "14 07 06 0001 0000 007A", MODBUS_ILLEGAL_DATA_VALUE},
        {"14 of 65535 registers", "14 07 06 0001 0000 FFFF", MODBUS_ILLEGAL_DATA_VALUE},
        {"14 of another type", "14 07 05 0001 0000 0001", MODBUS_ILLEGAL_DATA_ADDRESS},
        {"14 of file 0", "14 07 06 0000 0000 0001", MODBUS_ILLEGAL_DATA_ADDRESS},
        {"14 of the last record", "14 07 06 0001 270F 0001", MODBUS_NO_EXCEPTION},
        {"14 past the last record", "14 07 06 0001 270F 0002", MODBUS_ILLEGAL_DATA_ADDRESS},
        {"15 of no register", "15 07 06 0001 0000 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"15 with a register missing", "15 09 06 0001 0000 0002 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"15 with a byte too many", "15 0A 06 0001 0000 0001 0000 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"15 of 122 registers", "15 FB 06 0001 0000 007A *244", MODBUS_NO_EXCEPTION},
        {"15 past the last record", "15 09 06 0001 2710 0001 0000", MODBUS_ILLEGAL_DATA_ADDRESS},
        {"18 cut short", "18 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"18 with a byte too many", "18 0000 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"function of an exception", "83 0000 0001", MODBUS_ILLEGAL_FUNCTION},
        {"another MEI type", "2B 0D 01 00", MODBUS_ILLEGAL_FUNCTION},
        {"2B without MEI type", "2B", MODBUS_ILLEGAL_DATA_VALUE},
        {"read code 0", "2B 0E 00 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"read code 1", "2B 0E 01 00", MODBUS_NO_EXCEPTION},
        {"read code 4", "2B 0E 04 00", MODBUS_NO_EXCEPTION},
        {"read code 5", "2B 0E 05 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"0 coils", "01 0000 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"2000 coils", "01 0000 07D0", MODBUS_NO_EXCEPTION},
        {"2001 coils", "01 0000 07D1", MODBUS_ILLEGAL_DATA_VALUE},
        {"2001 discrete inputs", "02 0000 07D1", MODBUS_ILLEGAL_DATA_VALUE},
        {"0 registers", "03 0000 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"125 registers", "03 0000 007D", MODBUS_NO_EXCEPTION},
        {"126 registers", "03 0000 007E", MODBUS_ILLEGAL_DATA_VALUE},
        {"126 input registers", "04 0000 007E", MODBUS_ILLEGAL_DATA_VALUE},
        {"cut short", "03 0000 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"a byte too many", "03 0000 0001 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"the last register", "03 FFFF 0001", MODBUS_NO_EXCEPTION},
        {"past the last register", "03 FFFF 0002", MODBUS_ILLEGAL_DATA_ADDRESS},
        {"quantity before address", "03 FFFF 007E", MODBUS_ILLEGAL_DATA_VALUE},
        {"a coil neither on nor off", "05 0000 0001", MODBUS_ILLEGAL_DATA_VALUE},
        {"a coil with FF01", "05 0000 FF01", MODBUS_ILLEGAL_DATA_VALUE},
        {"write no register", "10 0000 0000 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"write 123 registers", "10 0000 007B F6 *246", MODBUS_NO_EXCEPTION},
        {"write 124 registers", "10 0000 007C F8 *248", MODBUS_ILLEGAL_DATA_VALUE},
        {"byte count above the bytes", "10 0000 0002 04 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"byte count below the bytes", "10 0000 0001 02 00000000", MODBUS_ILLEGAL_DATA_VALUE},
        {"byte count odd", "10 0000 0001 03 000000", MODBUS_ILLEGAL_DATA_VALUE},
        {"quantity above the byte count", "10 0000 0002 02 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"write past the end", "10 FFFF 0002 04 00000000", MODBUS_ILLEGAL_DATA_ADDRESS},
        {"write 1968 coils", "0F 0000 07B0 F6 *246", MODBUS_NO_EXCEPTION},
        {"write 1969 coils", "0F 0000 07B1 F7 *247", MODBUS_ILLEGAL_DATA_VALUE},
        {"coils with a byte too many", "0F 0000 0008 02 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"read 125 and write 121", "17 0000 007D 0000 0079 F2 *242", MODBUS_NO_EXCEPTION},
        {"read 125 and write 122", "17 0000 007D 0000 007A F4 *244", MODBUS_ILLEGAL_DATA_VALUE},
        {"read 126 and write 1", "17 0000 007E 0000 0001 02 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"17 reads nothing", "17 0000 0000 0000 0001 02 0000", MODBUS_ILLEGAL_DATA_VALUE},
        {"17 writes nothing", "17 0000 0001 0000 0000 00", MODBUS_ILLEGAL_DATA_VALUE},
        {"17 reads past the end", "17 FFFF 0002 0000 0001 02 0000", MODBUS_ILLEGAL_DATA_ADDRESS},
        {"17 writes past the end", "17 0000 0001 FFFF 0002 04 00000000", MODBUS_ILLEGAL_DATA_ADDRESS},
        {"mask cut short", "16 0000 0000 00", MODBUS_ILLEGAL_DATA_VALUE},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct text_pdu space;
        struct pdu_request request;
        enum modbus_exception got = pdu_request_decode(parse(rows[i].pdu, &space), &request);
        ck_assert_msg(got == rows[i].expected, "%s: %s", rows[i].name, modbus_exception_text(got));
        ck_assert_uint_eq(request.function, space.size > 0 ? space.bytes[0] : 0);
    }
}
END_TEST

START_TEST(refuses_what_cannot_be_the_answer)
{
    static const struct {
        const char *name;
        const char *request;
        const char *response;
    } rows[] = {
        {"nothing", "03 0000 0002", ""},
        {"another function", "03 0000 0002", "04 04 00000000"},
        {"a register short", "03 0000 0002", "03 02 0000"},
        {"a register too many", "03 0000 0002", "03 06 000000000000"},
        {"odd byte count", "03 0000 0002", "03 03 000000"},
        {"byte count and bytes differ", "03 0000 0002", "03 04 000000"},
        {"bytes behind", "03 0000 0002", "03 04 00000000 00"},
        {"bits of another quantity", "01 0000 0009", "01 01 00"},
        {"echo of another address", "06 0001 0003", "06 0002 0003"},
        {"echo of another value", "06 0001 0003", "06 0001 0004"},
        {"echo of another coil value", "05 0001 FF00", "05 0001 0000"},
        {"echo of another quantity", "10 0001 0001 02 0000", "10 0001 0002"},
        {"echo cut short", "10 0001 0001 02 0000", "10 0001 00"},
        {"echo of another mask", "16 0004 00F2 0025", "16 0004 00F2 0024"},
        {"exception of another function", "03 0000 0002", "84 02"},
        {"exception without code", "03 0000 0002", "83"},
        {"exception code 0", "03 0000 0002", "83 00"},
        {"exception with more", "03 0000 0002", "83 02 00"},
        {"status of two bytes", "07", "07 0000"},
        {"status of no byte", "07", "07"},
        {"another sub-function", "08 0000 0001", "08 0001 0001"},
        {"other query data", "08 0000 0001", "08 0000 0002"},
        {"query data cut short", "08 0000 0001 0002", "08 0000 0001"},
        {"two counters", "08 000B 0000", "08 000B 0001 0001"},
        {"who listens only speaks", "08 0004 0000", "08 0004 0000"},
        {"counter of neither status", "0B", "0B 0001 0000"},
        {"counter cut short", "0B", "0B 0000 00"},
        {"log with too few bytes", "0C", "0C 05 0000 0000 00"},
        {"log of 65 events", "0C", "0C 47 *71"},
        {"log whose count lies", "0C", "0C 07 0000 0000 0000"},
        {"server ID of nothing", "11", "11 00"},
        {"server ID whose count lies", "11", "11 03 4200"},
        {"file record of another length", "14 07 06 0001 0000 0001", "14 06 05 06 0000 0000"},
        {"file record of another type", "14 07 06 0001 0000 0001", "14 04 03 05 0000"},
        {"file record missing", "14 0E 06 0001 0000 0001 06 0001 0000 0001", "14 04 03 06 0000"},
        {"file record too many", "14 07 06 0001 0000 0001", "14 08 03 06 0000 03 06 0000"},
        {"file record of length 0", "14 07 06 0001 0000 0001", "14 02 00 06"},
        {"echo of another record", "15 09 06 0001 0000 0001 0000", "15 09 06 0001 0001 0001 0000"},
        {"FIFO of 32 registers", "18 0000", "18 0042 0020 *64"},
        {"FIFO whose byte count lies", "18 0000", "18 0006 0001 0000"},
        {"FIFO whose count lies", "18 0000", "18 0004 0002 0000"},
        {"another read code", "2B 0E 01 00", "2B 0E 02 01 00 00 00"},
        {"more follows neither yes nor no", "2B 0E 01 00", "2B 0E 01 01 01 00 00"},
        {"an object missing", "2B 0E 01 00", "2B 0E 01 01 00 00 02 00 01 41"},
        {"an object cut", "2B 0E 01 00", "2B 0E 01 01 00 00 01 00 02 41"},
        {"an object too many", "2B 0E 01 00", "2B 0E 01 01 00 00 01 00 01 41 01 01 42"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct text_pdu sent;
        struct text_pdu answered;
        struct pdu_request request = decode_request(rows[i].request, &sent);
        struct pdu_response response;
        ck_assert_msg(pdu_response_decode(parse(rows[i].response, &answered), &request, &response) ==
                          ERR_MALFORMED,
                      "%s", rows[i].name);
    }
}
END_TEST

START_TEST(an_exception_is_an_answer)
{
    struct text_pdu sent;
    struct text_pdu answered;
    struct pdu_request request = decode_request("03 0000 0002", &sent);
    struct pdu_response response;
    ck_assert_int_eq(pdu_response_decode(parse("83 02", &answered), &request, &response), ERR_OK);
    ck_assert_uint_eq(response.exception, MODBUS_ILLEGAL_DATA_ADDRESS);
    ck_assert_uint_eq(response.function, 3);
    ck_assert_int_eq(pdu_response_decode(parse("83 F0", &answered), &request, &response), ERR_OK);
    ck_assert_uint_eq(response.exception, 0xf0);
}
END_TEST

START_TEST(encodes_an_exception_to_a_function_nobody_knows)
{
    uint8_t space[2];
    struct wire_writer writer = wire_writer(space, sizeof space);
    pdu_exception_encode(&writer, 0x64, MODBUS_ILLEGAL_FUNCTION);
    ck_assert(!writer.failed);
    ck_assert_uint_eq(space[0], 0xe4);
    ck_assert_uint_eq(space[1], 0x01);
}
END_TEST

START_TEST(does_not_encode_what_it_would_not_decode)
{
    static const uint8_t data[512];
    static const struct {
        const char *name;
        struct pdu_request request;
    } rows[] = {
        {"unknown function", {.function = 9}},
        {"a sub-function nobody knows", {.function = 8, .sub_function = 5, .data = {data, 2}}},
        {"half a sub-request", {.function = 0x14, .data = {data, 8}}},
        {"too many registers", {.function = 3, .read = {0, 126}}},
        {"past the end", {.function = 3, .read = {65535, 2}}},
        {"a written quantity in a read", {.function = 6, .write = {0, 1}, .data = {data, 4}}},
        {"data of another size", {.function = 0x10, .write = {0, 2}, .data = {data, 2}}},
        {"data whose size does not fit its byte", {.function = 0x10, .write = {0, 1}, .data = {data, 258}}},
        {"read code 9", {.function = 0x2b, .read_code = 9}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t space[512];
        struct wire_writer writer = wire_writer(space, sizeof space);
        pdu_request_encode(&writer, &rows[i].request);
        ck_assert_msg(writer.failed, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(encodes_only_answers_that_fit_the_request)
{
    static const uint8_t data[8];
    struct text_pdu sent;
    struct pdu_request request = decode_request("03 0000 0002", &sent);
    uint8_t space[PDU_SIZE_MAX];
    struct wire_writer writer = wire_writer(space, sizeof space);
    pdu_response_encode(&writer, &request, &(struct pdu_response){.data = {data, 6}});
    ck_assert(writer.failed);
    writer = wire_writer(space, sizeof space);
    pdu_response_encode(&writer, &request, &(struct pdu_response){.data = {data, 4}});
    ck_assert(!writer.failed);
}
END_TEST

START_TEST(walks_the_objects_of_an_identification)
{
    struct text_pdu sent;
    struct text_pdu answered;
    struct pdu_request request = decode_request("2B 0E 01 00", &sent);
    struct pdu_response response;
    struct bytes pdu = parse("2B 0E 01 81 FF 02 02 00 01 41 01 02 4243", &answered);
    ck_assert_int_eq(pdu_response_decode(pdu, &request, &response), ERR_OK);
    ck_assert(response.identification.more_follows);
    ck_assert_uint_eq(response.identification.next_object, 2);
    ck_assert_uint_eq(response.identification.conformity, 0x81);
    struct wire_reader objects = wire_reader(response.data.data, response.data.size);
    uint8_t id;
    struct bytes value;
    ck_assert(pdu_next_object(&objects, &id, &value));
    ck_assert(pdu_next_object(&objects, &id, &value));
    ck_assert_uint_eq(id, 1);
    ck_assert_uint_eq(value.size, 2);
    ck_assert_mem_eq(value.data, "BC", 2);
    ck_assert(!pdu_next_object(&objects, &id, &value));
}
END_TEST

START_TEST(walks_the_records_of_a_file_request)
{
    struct text_pdu space;
    struct pdu_request request =
        decode_request("15 12 06 0004 0007 0001 06AF 06 0005 0001 0001 1234", &space);
    struct wire_reader records = wire_reader(request.data.data, request.data.size);
    struct pdu_file_record record;
    ck_assert(pdu_next_file_record(request.function, &records, &record));
    ck_assert_uint_eq(record.file, 4);
    ck_assert_uint_eq(record.record, 7);
    ck_assert_uint_eq(pdu_register(record.data, 0), 0x06af);
    ck_assert(pdu_next_file_record(request.function, &records, &record));
    ck_assert_uint_eq(record.file, 5);
    ck_assert_uint_eq(record.length, 1);
    ck_assert(!pdu_next_file_record(request.function, &records, &record));
}
END_TEST

START_TEST(a_fifo_queue_has_at_most_31_registers)
{
    struct text_pdu sent;
    struct text_pdu answered;
    struct pdu_request request = decode_request("18 0000", &sent);
    struct pdu_response response;
    ck_assert_int_eq(pdu_response_decode(parse("18 0040 001F *62", &answered), &request, &response), ERR_OK);
    ck_assert_uint_eq(response.data.size, 62);
}
END_TEST

START_TEST(every_exception_code_has_words)
{
    ck_assert_str_eq(modbus_exception_text(MODBUS_ILLEGAL_DATA_ADDRESS), "illegal data address");
    ck_assert_str_eq(modbus_exception_text((enum modbus_exception)0x99), "unknown exception");
}
END_TEST

int main(void)
{
    return suite_run("pdu", (const TTest *[]){
                                decodes_and_encodes_the_examples_of_the_standard,
                                says_what_a_request_reads_and_writes,
                                refuses_requests_in_the_order_of_the_state_diagrams,
                                refuses_what_cannot_be_the_answer,
                                an_exception_is_an_answer,
                                encodes_an_exception_to_a_function_nobody_knows,
                                does_not_encode_what_it_would_not_decode,
                                encodes_only_answers_that_fit_the_request,
                                walks_the_objects_of_an_identification,
                                walks_the_records_of_a_file_request,
                                a_fifo_queue_has_at_most_31_registers,
                                every_exception_code_has_words,
                                NULL,
                            });
}
