#include "modbus/pdu.h"

#include "base/array.h"

#include <string.h>

enum {
    EXCEPTION_FLAG = 0x80,
    COIL_ON = 0xff00,
    COIL_OFF = 0x0000,
    MEI_DEVICE_IDENTIFICATION = 0x0e,
    MORE_FOLLOWS = 0xff,
    READ_CODE_BASIC = 0x01,
    READ_CODE_ONE_OBJECT = 0x04,
};

/* How functions that look alike on the wire are read and written, and how many items they may touch. */
struct function {
    uint8_t code;
    uint16_t read_max;
    uint16_t write_max;
    bool bits;
    void (*decode_request)(struct wire_reader *reader, struct pdu_request *request);
    void (*encode_request)(struct wire_writer *writer, const struct pdu_request *request);
    void (*decode_response)(struct wire_reader *reader, const struct pdu_request *request,
                            struct pdu_response *response);
    void (*encode_response)(struct wire_writer *writer, const struct pdu_request *request,
                            const struct pdu_response *response);
};

static const struct function *find_function(uint8_t code);

static struct bytes read_rest(struct wire_reader *reader)
{
    return wire_read_bytes(reader, wire_left(reader));
}

/* A byte count followed by exactly that many bytes and nothing else. */
static struct bytes read_counted_rest(struct wire_reader *reader)
{
    uint8_t count = wire_read_u8(reader);
    if (count != wire_left(reader)) {
        wire_read_fail(reader);
    }
    return read_rest(reader);
}

static void write_counted(struct wire_writer *writer, struct bytes data)
{
    wire_write_u8(writer, (uint8_t)data.size);
    wire_write_bytes(writer, data.data, data.size);
}

static struct pdu_span read_span(struct wire_reader *reader)
{
    struct pdu_span span = {.address = wire_read_u16(reader)};
    span.quantity = wire_read_u16(reader);
    return span;
}

static void write_span(struct wire_writer *writer, struct pdu_span span)
{
    wire_write_u16(writer, span.address);
    wire_write_u16(writer, span.quantity);
}

static size_t packed_size(uint8_t function, size_t quantity)
{
    return find_function(function)->bits ? pdu_bits_size(quantity) : 2 * quantity;
}

/* 01-04: address, quantity → byte count, items. */

static void decode_read(struct wire_reader *reader, struct pdu_request *request)
{
    request->read = read_span(reader);
}

static void encode_read(struct wire_writer *writer, const struct pdu_request *request)
{
    write_span(writer, request->read);
}

static void decode_items(struct wire_reader *reader, const struct pdu_request *request,
                         struct pdu_response *response)
{
    response->data = read_counted_rest(reader);
    if (response->data.size != packed_size(request->function, request->read.quantity)) {
        wire_read_fail(reader);
    }
}

static void encode_items(struct wire_writer *writer, const struct pdu_request *request,
                         const struct pdu_response *response)
{
    (void)request;
    write_counted(writer, response->data);
}

/* 05, 06: address, value → the same. */

static void decode_write_one(struct wire_reader *reader, struct pdu_request *request)
{
    request->write = (struct pdu_span){.address = wire_read_u16(reader), .quantity = 1};
    request->data = wire_read_bytes(reader, 2);
    uint16_t value = reader->failed ? 0 : pdu_register(request->data, 0);
    if (request->function == MODBUS_WRITE_SINGLE_COIL && value != COIL_ON && value != COIL_OFF) {
        wire_read_fail(reader);
    }
}

static void encode_write_one(struct wire_writer *writer, const struct pdu_request *request)
{
    wire_write_u16(writer, request->write.address);
    wire_write_bytes(writer, request->data.data, request->data.size);
}

/* 0F, 10: address, quantity, byte count, items → address, quantity. */

static void decode_write(struct wire_reader *reader, struct pdu_request *request)
{
    request->write = read_span(reader);
    request->data = read_counted_rest(reader);
}

static void encode_write(struct wire_writer *writer, const struct pdu_request *request)
{
    write_span(writer, request->write);
    write_counted(writer, request->data);
}

static void encode_write_done(struct wire_writer *writer, const struct pdu_request *request,
                              const struct pdu_response *response)
{
    (void)response;
    write_span(writer, request->write);
}

/* 16: address, AND mask, OR mask → the same. */

static void decode_mask(struct wire_reader *reader, struct pdu_request *request)
{
    request->write = (struct pdu_span){.address = wire_read_u16(reader), .quantity = 1};
    request->and_mask = wire_read_u16(reader);
    request->or_mask = wire_read_u16(reader);
}

static void encode_mask(struct wire_writer *writer, const struct pdu_request *request)
{
    wire_write_u16(writer, request->write.address);
    wire_write_u16(writer, request->and_mask);
    wire_write_u16(writer, request->or_mask);
}

/* 17: span to read, span to write, byte count, registers → byte count, registers. */

static void decode_read_write(struct wire_reader *reader, struct pdu_request *request)
{
    request->read = read_span(reader);
    request->write = read_span(reader);
    request->data = read_counted_rest(reader);
}

static void encode_read_write(struct wire_writer *writer, const struct pdu_request *request)
{
    write_span(writer, request->read);
    write_span(writer, request->write);
    write_counted(writer, request->data);
}

/* 2B/0E: read code, object → conformity, more follows, next object, objects. Section 6.21. */

static void decode_identify(struct wire_reader *reader, struct pdu_request *request)
{
    (void)wire_read_u8(reader); /* the MEI type, see speaks() */
    request->read_code = wire_read_u8(reader);
    request->object_id = wire_read_u8(reader);
    if (request->read_code < READ_CODE_BASIC || request->read_code > READ_CODE_ONE_OBJECT) {
        wire_read_fail(reader);
    }
}

static void encode_identify(struct wire_writer *writer, const struct pdu_request *request)
{
    wire_write_u8(writer, MEI_DEVICE_IDENTIFICATION);
    wire_write_u8(writer, request->read_code);
    wire_write_u8(writer, request->object_id);
}

static bool objects_add_up(struct bytes data, uint8_t count)
{
    struct wire_reader objects = wire_reader(data.data, data.size);
    uint8_t id;
    struct bytes value;
    while (count > 0 && pdu_next_object(&objects, &id, &value)) {
        count--;
    }
    return count == 0 && wire_reader_done(&objects);
}

static void decode_identity(struct wire_reader *reader, const struct pdu_request *request,
                            struct pdu_response *response)
{
    struct pdu_identification *identification = &response->identification;
    uint8_t interface = wire_read_u8(reader);
    uint8_t read_code = wire_read_u8(reader);
    identification->conformity = wire_read_u8(reader);
    uint8_t more_follows = wire_read_u8(reader);
    identification->more_follows = more_follows == MORE_FOLLOWS;
    identification->next_object = wire_read_u8(reader);
    identification->object_count = wire_read_u8(reader);
    response->data = read_rest(reader);
    bool expected = interface == MEI_DEVICE_IDENTIFICATION && read_code == request->read_code &&
                    (more_follows == 0 || more_follows == MORE_FOLLOWS);
    if (!expected || !objects_add_up(response->data, identification->object_count)) {
        wire_read_fail(reader);
    }
}

static void encode_identity(struct wire_writer *writer, const struct pdu_request *request,
                            const struct pdu_response *response)
{
    wire_write_u8(writer, MEI_DEVICE_IDENTIFICATION);
    wire_write_u8(writer, request->read_code);
    wire_write_u8(writer, response->identification.conformity);
    wire_write_u8(writer, response->identification.more_follows ? MORE_FOLLOWS : 0);
    wire_write_u8(writer, response->identification.next_object);
    wire_write_u8(writer, response->identification.object_count);
    wire_write_bytes(writer, response->data.data, response->data.size);
}

/* A response that repeats a part of its request is read by writing that part and comparing. */
static void decode_echo(struct wire_reader *reader, const struct pdu_request *request,
                        struct pdu_response *response)
{
    uint8_t expected[PDU_SIZE_MAX];
    struct wire_writer writer = wire_writer(expected, sizeof expected);
    find_function(request->function)->encode_response(&writer, request, response);
    struct bytes echo = read_rest(reader);
    if (echo.size != wire_written(&writer) || memcmp(echo.data, expected, echo.size) != 0) {
        wire_read_fail(reader);
    }
}

static void encode_same_again(struct wire_writer *writer, const struct pdu_request *request,
                              const struct pdu_response *response)
{
    (void)response;
    find_function(request->function)->encode_request(writer, request);
}

static const struct function functions[] = {
    {MODBUS_READ_COILS, PDU_READ_BITS_MAX, 0, true, decode_read, encode_read, decode_items, encode_items},
    {MODBUS_READ_DISCRETE_INPUTS, PDU_READ_BITS_MAX, 0, true, decode_read, encode_read, decode_items,
     encode_items},
    {MODBUS_READ_HOLDING_REGISTERS, PDU_READ_REGISTERS_MAX, 0, false, decode_read, encode_read, decode_items,
     encode_items},
    {MODBUS_READ_INPUT_REGISTERS, PDU_READ_REGISTERS_MAX, 0, false, decode_read, encode_read, decode_items,
     encode_items},
    {MODBUS_WRITE_SINGLE_COIL, 0, 1, true, decode_write_one, encode_write_one, decode_echo,
     encode_same_again},
    {MODBUS_WRITE_SINGLE_REGISTER, 0, 1, false, decode_write_one, encode_write_one, decode_echo,
     encode_same_again},
    {MODBUS_WRITE_MULTIPLE_COILS, 0, PDU_WRITE_COILS_MAX, true, decode_write, encode_write, decode_echo,
     encode_write_done},
    {MODBUS_WRITE_MULTIPLE_REGISTERS, 0, PDU_WRITE_REGISTERS_MAX, false, decode_write, encode_write,
     decode_echo, encode_write_done},
    {MODBUS_MASK_WRITE_REGISTER, 0, 1, false, decode_mask, encode_mask, decode_echo, encode_same_again},
    {MODBUS_READ_WRITE_MULTIPLE_REGISTERS, PDU_READ_REGISTERS_MAX, PDU_READ_WRITE_WRITE_MAX, false,
     decode_read_write, encode_read_write, decode_items, encode_items},
    {MODBUS_ENCAPSULATED_INTERFACE, 0, 0, false, decode_identify, encode_identify, decode_identity,
     encode_identity},
};

static const struct function *find_function(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(functions); i++) {
        if (functions[i].code == code) {
            return &functions[i];
        }
    }
    return NULL;
}

bool pdu_function_known(uint8_t function)
{
    return find_function(function) != NULL;
}

const char *modbus_exception_text(enum modbus_exception exception)
{
    switch (exception) {
    case MODBUS_NO_EXCEPTION:
        return "no exception";
    case MODBUS_ILLEGAL_FUNCTION:
        return "illegal function";
    case MODBUS_ILLEGAL_DATA_ADDRESS:
        return "illegal data address";
    case MODBUS_ILLEGAL_DATA_VALUE:
        return "illegal data value";
    case MODBUS_SERVER_DEVICE_FAILURE:
        return "server device failure";
    case MODBUS_ACKNOWLEDGE:
        return "acknowledge";
    case MODBUS_SERVER_DEVICE_BUSY:
        return "server device busy";
    case MODBUS_NEGATIVE_ACKNOWLEDGE:
        return "negative acknowledge";
    case MODBUS_MEMORY_PARITY_ERROR:
        return "memory parity error";
    case MODBUS_GATEWAY_PATH_UNAVAILABLE:
        return "gateway path unavailable";
    case MODBUS_GATEWAY_TARGET_FAILED:
        return "gateway target device failed to respond";
    }
    return "unknown exception";
}

/* A function without a span of a kind has 0 items of it; the others have 1 up to the limit. */
static bool quantity_allowed(uint16_t quantity, uint16_t limit)
{
    return limit == 0 ? quantity == 0 : quantity >= 1 && quantity <= limit;
}

static bool quantities_allowed(const struct function *function, const struct pdu_request *request)
{
    bool has_data = function->write_max > 0 && function->code != MODBUS_MASK_WRITE_REGISTER;
    bool one_coil = function->code == MODBUS_WRITE_SINGLE_COIL; /* its value is as wide as a register */
    size_t items = packed_size(function->code, request->write.quantity);
    size_t expected = !has_data ? 0 : one_coil ? 2 : items;
    return quantity_allowed(request->read.quantity, function->read_max) &&
           quantity_allowed(request->write.quantity, function->write_max) && request->data.size == expected;
}

static bool addresses_exist(struct pdu_span span)
{
    return (size_t)span.address + span.quantity <= PDU_ADDRESSES;
}

/* 2B is an envelope: another MEI type in it is another function. Section 6.19. */
static bool speaks(struct bytes pdu)
{
    bool other_interface = pdu.size >= 2 && pdu.data[0] == MODBUS_ENCAPSULATED_INTERFACE &&
                           pdu.data[1] != MEI_DEVICE_IDENTIFICATION;
    return pdu.size >= 1 && pdu_function_known(pdu.data[0]) && !other_interface;
}

enum modbus_exception pdu_request_decode(struct bytes pdu, struct pdu_request *request)
{
    struct wire_reader reader = wire_reader(pdu.data, pdu.size);
    *request = (struct pdu_request){.function = wire_read_u8(&reader)};
    const struct function *function = find_function(request->function);
    if (!function || !speaks(pdu)) {
        return MODBUS_ILLEGAL_FUNCTION;
    }
    function->decode_request(&reader, request);
    if (!wire_reader_done(&reader) || pdu.size > PDU_SIZE_MAX || !quantities_allowed(function, request)) {
        return MODBUS_ILLEGAL_DATA_VALUE;
    }
    bool exist = addresses_exist(request->read) && addresses_exist(request->write);
    return exist ? MODBUS_NO_EXCEPTION : MODBUS_ILLEGAL_DATA_ADDRESS;
}

static struct bytes written_since(const struct wire_writer *writer, size_t start)
{
    return (struct bytes){.data = writer->start + start, .size = wire_written(writer) - start};
}

void pdu_request_encode(struct wire_writer *writer, const struct pdu_request *request)
{
    const struct function *function = find_function(request->function);
    if (!function) {
        writer->failed = true;
        return;
    }
    size_t start = wire_written(writer);
    wire_write_u8(writer, request->function);
    function->encode_request(writer, request);
    struct pdu_request check;
    if (pdu_request_decode(written_since(writer, start), &check) != MODBUS_NO_EXCEPTION) {
        writer->failed = true;
    }
}

static enum err decode_exception(struct wire_reader *reader, struct pdu_response *response)
{
    response->exception = wire_read_u8(reader);
    return wire_reader_done(reader) && response->exception != 0 ? ERR_OK : ERR_MALFORMED;
}

enum err pdu_response_decode(struct bytes pdu, const struct pdu_request *request,
                             struct pdu_response *response)
{
    struct wire_reader reader = wire_reader(pdu.data, pdu.size);
    *response = (struct pdu_response){.function = request->function};
    uint8_t code = wire_read_u8(&reader);
    if (code == (request->function | EXCEPTION_FLAG)) {
        return decode_exception(&reader, response);
    }
    const struct function *function = find_function(request->function);
    if (code != request->function || !function || pdu.size > PDU_SIZE_MAX) {
        return ERR_MALFORMED;
    }
    function->decode_response(&reader, request, response);
    return wire_reader_done(&reader) ? ERR_OK : ERR_MALFORMED;
}

void pdu_response_encode(struct wire_writer *writer, const struct pdu_request *request,
                         const struct pdu_response *response)
{
    const struct function *function = find_function(request->function);
    if (response->exception != 0) {
        pdu_exception_encode(writer, request->function, (enum modbus_exception)response->exception);
        return;
    }
    if (!function) {
        writer->failed = true;
        return;
    }
    size_t start = wire_written(writer);
    wire_write_u8(writer, request->function);
    function->encode_response(writer, request, response);
    struct pdu_response check;
    if (pdu_response_decode(written_since(writer, start), request, &check) != ERR_OK) {
        writer->failed = true;
    }
}

void pdu_exception_encode(struct wire_writer *writer, uint8_t function, enum modbus_exception exception)
{
    wire_write_u8(writer, function | EXCEPTION_FLAG);
    wire_write_u8(writer, (uint8_t)exception);
}

bool pdu_bit(struct bytes data, size_t index)
{
    return data.data[index / 8] >> (index % 8) & 1;
}

uint16_t pdu_register(struct bytes data, size_t index)
{
    return (uint16_t)(data.data[2 * index] << 8 | data.data[2 * index + 1]);
}

size_t pdu_bits_size(size_t quantity)
{
    return (quantity + 7) / 8;
}

bool pdu_next_object(struct wire_reader *objects, uint8_t *id, struct bytes *value)
{
    if (wire_left(objects) == 0) {
        return false;
    }
    *id = wire_read_u8(objects);
    *value = wire_read_bytes(objects, wire_read_u8(objects));
    return !objects->failed;
}
