#include "modbus/pdu.h"

#include "modbus/pdu_function.h"

enum { EXCEPTION_FLAG = 0x80 };

bool pdu_function_known(uint8_t function)
{
    return pdu_function_find(function) != NULL;
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

static bool data_fits(const struct pdu_function *function, const struct pdu_request *request)
{
    bool has_data = function->write_max > 0 && function->code != MODBUS_MASK_WRITE_REGISTER;
    bool one_coil = function->code == MODBUS_WRITE_SINGLE_COIL; /* its value is as wide as a register */
    size_t items = pdu_function_packed_size(function->code, request->write.quantity);
    size_t expected = !has_data ? 0 : one_coil ? 2 : items;
    return function->own_data || request->data.size == expected;
}

static bool quantities_allowed(const struct pdu_function *function, const struct pdu_request *request)
{
    return quantity_allowed(request->read.quantity, function->read_max) &&
           quantity_allowed(request->write.quantity, function->write_max) && data_fits(function, request);
}

static bool span_exists(struct pdu_span span)
{
    return (size_t)span.address + span.quantity <= PDU_ADDRESSES;
}

static bool addresses_exist(const struct pdu_function *function, const struct pdu_request *request)
{
    return span_exists(request->read) && span_exists(request->write) &&
           (!function->exists || function->exists(request));
}

enum modbus_exception pdu_request_decode(struct bytes pdu, struct pdu_request *request)
{
    struct wire_reader reader = wire_reader(pdu.data, pdu.size);
    *request = (struct pdu_request){.function = wire_read_u8(&reader)};
    const struct pdu_function *function = pdu_function_find(request->function);
    if (!function || (function->speaks && !function->speaks(pdu))) {
        return MODBUS_ILLEGAL_FUNCTION;
    }
    function->decode_request(&reader, request);
    if (!wire_reader_done(&reader) || pdu.size > PDU_SIZE_MAX || !quantities_allowed(function, request)) {
        return MODBUS_ILLEGAL_DATA_VALUE;
    }
    return addresses_exist(function, request) ? MODBUS_NO_EXCEPTION : MODBUS_ILLEGAL_DATA_ADDRESS;
}

static struct bytes written_since(const struct wire_writer *writer, size_t start)
{
    return (struct bytes){.data = writer->start + start, .size = wire_written(writer) - start};
}

void pdu_request_encode(struct wire_writer *writer, const struct pdu_request *request)
{
    const struct pdu_function *function = pdu_function_find(request->function);
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
    const struct pdu_function *function = pdu_function_find(request->function);
    if (code != request->function || !function || pdu.size > PDU_SIZE_MAX) {
        return ERR_MALFORMED;
    }
    function->decode_response(&reader, request, response);
    return wire_reader_done(&reader) ? ERR_OK : ERR_MALFORMED;
}

void pdu_response_encode(struct wire_writer *writer, const struct pdu_request *request,
                         const struct pdu_response *response)
{
    const struct pdu_function *function = pdu_function_find(request->function);
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
