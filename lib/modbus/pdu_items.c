/* pdu_items: function codes that read and write coils and registers: 01-06, 0F, 10, 16, 17. */
#include "base/array.h"
#include "modbus/pdu_function.h"

enum { COIL_ON = 0xff00, COIL_OFF = 0x0000 };

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
    response->data = pdu_read_counted_rest(reader);
    if (response->data.size != pdu_function_packed_size(request->function, request->read.quantity)) {
        wire_read_fail(reader);
    }
}

static void encode_items(struct wire_writer *writer, const struct pdu_request *request,
                         const struct pdu_response *response)
{
    (void)request;
    pdu_write_counted(writer, response->data);
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
    request->data = pdu_read_counted_rest(reader);
}

static void encode_write(struct wire_writer *writer, const struct pdu_request *request)
{
    write_span(writer, request->write);
    pdu_write_counted(writer, request->data);
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
    request->data = pdu_read_counted_rest(reader);
}

static void encode_read_write(struct wire_writer *writer, const struct pdu_request *request)
{
    write_span(writer, request->read);
    write_span(writer, request->write);
    pdu_write_counted(writer, request->data);
}

static const struct pdu_function functions[] = {
    {.code = MODBUS_READ_COILS,
     .read_max = PDU_READ_BITS_MAX,
     .bits = true,
     .decode_request = decode_read,
     .encode_request = encode_read,
     .decode_response = decode_items,
     .encode_response = encode_items},
    {.code = MODBUS_READ_DISCRETE_INPUTS,
     .read_max = PDU_READ_BITS_MAX,
     .bits = true,
     .decode_request = decode_read,
     .encode_request = encode_read,
     .decode_response = decode_items,
     .encode_response = encode_items},
    {.code = MODBUS_READ_HOLDING_REGISTERS,
     .read_max = PDU_READ_REGISTERS_MAX,
     .decode_request = decode_read,
     .encode_request = encode_read,
     .decode_response = decode_items,
     .encode_response = encode_items},
    {.code = MODBUS_READ_INPUT_REGISTERS,
     .read_max = PDU_READ_REGISTERS_MAX,
     .decode_request = decode_read,
     .encode_request = encode_read,
     .decode_response = decode_items,
     .encode_response = encode_items},
    {.code = MODBUS_WRITE_SINGLE_COIL,
     .write_max = 1,
     .bits = true,
     .decode_request = decode_write_one,
     .encode_request = encode_write_one,
     .decode_response = pdu_decode_echo,
     .encode_response = pdu_encode_same_again},
    {.code = MODBUS_WRITE_SINGLE_REGISTER,
     .write_max = 1,
     .decode_request = decode_write_one,
     .encode_request = encode_write_one,
     .decode_response = pdu_decode_echo,
     .encode_response = pdu_encode_same_again},
    {.code = MODBUS_WRITE_MULTIPLE_COILS,
     .write_max = PDU_WRITE_COILS_MAX,
     .bits = true,
     .decode_request = decode_write,
     .encode_request = encode_write,
     .decode_response = pdu_decode_echo,
     .encode_response = encode_write_done},
    {.code = MODBUS_WRITE_MULTIPLE_REGISTERS,
     .write_max = PDU_WRITE_REGISTERS_MAX,
     .decode_request = decode_write,
     .encode_request = encode_write,
     .decode_response = pdu_decode_echo,
     .encode_response = encode_write_done},
    {.code = MODBUS_MASK_WRITE_REGISTER,
     .write_max = 1,
     .decode_request = decode_mask,
     .encode_request = encode_mask,
     .decode_response = pdu_decode_echo,
     .encode_response = pdu_encode_same_again},
    {.code = MODBUS_READ_WRITE_MULTIPLE_REGISTERS,
     .read_max = PDU_READ_REGISTERS_MAX,
     .write_max = PDU_READ_WRITE_WRITE_MAX,
     .decode_request = decode_read_write,
     .encode_request = encode_read_write,
     .decode_response = decode_items,
     .encode_response = encode_items},
};

const struct pdu_family pdu_items = {functions, ARRAY_LENGTH(functions)};
