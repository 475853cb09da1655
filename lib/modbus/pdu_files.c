/* pdu_files: function codes that read and write file records and FIFO queues: 14, 15, 18. */
#include "base/array.h"
#include "modbus/pdu_function.h"

enum {
    REFERENCE_TYPE = 6,
    RECORDS_END = 10000,   /* records are numbered 0 … 9999 */
    READ_SIZE_MIN = 7,     /* a byte count of 14: one sub-request … */
    READ_SIZE_MAX = 0xf5,  /* … up to what section 6.14 says; the same for its answer */
    WRITE_SIZE_MIN = 9,    /* a byte count of 15: one record of one register … */
    WRITE_SIZE_MAX = 0xfb, /* section 6.15 */
    ANSWER_OVERHEAD = 2,   /* of a record in an answer: length, reference type */
    REGISTER_SIZE = 2,
    FIFO_COUNT_SIZE = 2,
};

/* The head of a sub-request of 14 and 15. */
static struct pdu_file_record read_head(struct wire_reader *reader)
{
    struct pdu_file_record record = {.reference_type = wire_read_u8(reader)};
    record.file = wire_read_u16(reader);
    record.record = wire_read_u16(reader);
    record.length = wire_read_u16(reader);
    return record;
}

bool pdu_next_file_record(uint8_t function, struct wire_reader *records, struct pdu_file_record *record)
{
    if (wire_left(records) == 0) {
        return false;
    }
    *record = read_head(records);
    if (record->length == 0) {
        wire_read_fail(records);
    }
    if (function == MODBUS_WRITE_FILE_RECORD) {
        record->data = wire_read_bytes(records, (size_t)record->length * REGISTER_SIZE);
    }
    return !records->failed;
}

bool pdu_next_record_read(struct wire_reader *answers, struct bytes *registers)
{
    if (wire_left(answers) == 0) {
        return false;
    }
    size_t size = wire_read_u8(answers);
    uint8_t reference_type = wire_read_u8(answers);
    *registers = wire_read_bytes(answers, size > 0 ? size - 1 : 0);
    if (reference_type != REFERENCE_TYPE || registers->size == 0 || registers->size % REGISTER_SIZE != 0) {
        wire_read_fail(answers);
    }
    return !answers->failed;
}

static bool records_exist(const struct pdu_request *request)
{
    struct wire_reader records = wire_reader(request->data.data, request->data.size);
    struct pdu_file_record record;
    while (pdu_next_file_record(request->function, &records, &record)) {
        if (record.reference_type != REFERENCE_TYPE || record.file == 0 ||
            (size_t)record.record + record.length > RECORDS_END) {
            return false;
        }
    }
    return true;
}

/* 14: byte count, sub-requests → byte count, for each its length, type and registers. */

/* Whether the sub-requests add up, and what is read fits one answer. */
static bool read_adds_up(struct bytes data)
{
    struct wire_reader records = wire_reader(data.data, data.size);
    struct pdu_file_record record;
    size_t answer = 0;
    while (pdu_next_file_record(MODBUS_READ_FILE_RECORD, &records, &record)) {
        answer += ANSWER_OVERHEAD + (size_t)record.length * REGISTER_SIZE;
    }
    return wire_reader_done(&records) && answer <= READ_SIZE_MAX;
}

static void decode_read(struct wire_reader *reader, struct pdu_request *request)
{
    request->data = pdu_read_counted_rest(reader);
    size_t size = request->data.size;
    if (size < READ_SIZE_MIN || size > READ_SIZE_MAX || !read_adds_up(request->data)) {
        wire_read_fail(reader);
    }
}

static void encode_counted(struct wire_writer *writer, const struct pdu_request *request)
{
    pdu_write_counted(writer, request->data);
}

/* Whether the answers are as many and as long as the sub-requests. */
static bool answers_match(struct bytes asked, struct bytes answered)
{
    struct wire_reader records = wire_reader(asked.data, asked.size);
    struct wire_reader answers = wire_reader(answered.data, answered.size);
    struct pdu_file_record record;
    while (pdu_next_file_record(MODBUS_READ_FILE_RECORD, &records, &record)) {
        struct bytes registers;
        if (!pdu_next_record_read(&answers, &registers) ||
            registers.size != (size_t)record.length * REGISTER_SIZE) {
            return false;
        }
    }
    return wire_reader_done(&answers);
}

static void decode_records(struct wire_reader *reader, const struct pdu_request *request,
                           struct pdu_response *response)
{
    response->data = pdu_read_counted_rest(reader);
    if (!answers_match(request->data, response->data)) {
        wire_read_fail(reader);
    }
}

static void encode_records(struct wire_writer *writer, const struct pdu_request *request,
                           const struct pdu_response *response)
{
    (void)request;
    pdu_write_counted(writer, response->data);
}

/* 15: byte count, records with their registers → the same. */

static bool write_adds_up(struct bytes data)
{
    struct wire_reader records = wire_reader(data.data, data.size);
    struct pdu_file_record record;
    while (pdu_next_file_record(MODBUS_WRITE_FILE_RECORD, &records, &record)) {
    }
    return wire_reader_done(&records);
}

static void decode_write(struct wire_reader *reader, struct pdu_request *request)
{
    request->data = pdu_read_counted_rest(reader);
    size_t size = request->data.size;
    if (size < WRITE_SIZE_MIN || size > WRITE_SIZE_MAX || !write_adds_up(request->data)) {
        wire_read_fail(reader);
    }
}

/* 18: pointer address → byte count (2 bytes), register count, registers. Section 6.18. */

static void decode_pointer(struct wire_reader *reader, struct pdu_request *request)
{
    request->read = (struct pdu_span){.address = wire_read_u16(reader), .quantity = 1};
}

static void encode_pointer(struct wire_writer *writer, const struct pdu_request *request)
{
    wire_write_u16(writer, request->read.address);
}

static void decode_queue(struct wire_reader *reader, const struct pdu_request *request,
                         struct pdu_response *response)
{
    (void)request;
    uint16_t size = wire_read_u16(reader);
    uint16_t count = wire_read_u16(reader);
    response->data = pdu_read_rest(reader);
    if (count > PDU_FIFO_MAX || response->data.size != (size_t)count * REGISTER_SIZE ||
        size != FIFO_COUNT_SIZE + response->data.size) {
        wire_read_fail(reader);
    }
}

static void encode_queue(struct wire_writer *writer, const struct pdu_request *request,
                         const struct pdu_response *response)
{
    (void)request;
    wire_write_u16(writer, (uint16_t)(FIFO_COUNT_SIZE + response->data.size));
    wire_write_u16(writer, (uint16_t)(response->data.size / REGISTER_SIZE));
    wire_write_bytes(writer, response->data.data, response->data.size);
}

static const struct pdu_function functions[] = {
    {.code = MODBUS_READ_FILE_RECORD,
     .own_data = true,
     .exists = records_exist,
     .decode_request = decode_read,
     .encode_request = encode_counted,
     .decode_response = decode_records,
     .encode_response = encode_records},
    {.code = MODBUS_WRITE_FILE_RECORD,
     .own_data = true,
     .exists = records_exist,
     .decode_request = decode_write,
     .encode_request = encode_counted,
     .decode_response = pdu_decode_echo,
     .encode_response = pdu_encode_same_again},
    {.code = MODBUS_READ_FIFO_QUEUE,
     .read_max = 1,
     .decode_request = decode_pointer,
     .encode_request = encode_pointer,
     .decode_response = decode_queue,
     .encode_response = encode_queue},
};

const struct pdu_family pdu_files = {functions, ARRAY_LENGTH(functions)};
