#include "modbus/pdu_function.h"

#include "base/array.h"

#include <string.h>

enum {
    COIL_ON = 0xff00,
    COIL_OFF = 0x0000,
    MORE_FOLLOWS = 0xff,
    READ_CODE_BASIC = 0x01,
    READ_CODE_ONE_OBJECT = 0x04,
};

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

size_t pdu_function_packed_size(uint8_t code, size_t quantity)
{
    return pdu_function_find(code)->bits ? pdu_bits_size(quantity) : 2 * quantity;
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
    if (response->data.size != pdu_function_packed_size(request->function, request->read.quantity)) {
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
    pdu_function_find(request->function)->encode_response(&writer, request, response);
    struct bytes echo = read_rest(reader);
    if (echo.size != wire_written(&writer) || memcmp(echo.data, expected, echo.size) != 0) {
        wire_read_fail(reader);
    }
}

static void encode_same_again(struct wire_writer *writer, const struct pdu_request *request,
                              const struct pdu_response *response)
{
    (void)response;
    pdu_function_find(request->function)->encode_request(writer, request);
}

static const struct pdu_function functions[] = {
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

const struct pdu_function *pdu_function_find(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(functions); i++) {
        if (functions[i].code == code) {
            return &functions[i];
        }
    }
    return NULL;
}
