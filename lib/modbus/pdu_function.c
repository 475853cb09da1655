#include "modbus/pdu_function.h"

#include "base/array.h"

#include <string.h>

static const struct pdu_family *const families[] = {&pdu_items, &pdu_diagnose, &pdu_files, &pdu_identify};

const struct pdu_function *pdu_function_find(uint8_t code)
{
    for (size_t i = 0; i < ARRAY_LENGTH(families); i++) {
        for (size_t j = 0; j < families[i]->count; j++) {
            if (families[i]->functions[j].code == code) {
                return &families[i]->functions[j];
            }
        }
    }
    return NULL;
}

size_t pdu_function_packed_size(uint8_t code, size_t quantity)
{
    return pdu_function_find(code)->bits ? pdu_bits_size(quantity) : 2 * quantity;
}

struct bytes pdu_read_rest(struct wire_reader *reader)
{
    return wire_read_bytes(reader, wire_left(reader));
}

struct bytes pdu_read_counted_rest(struct wire_reader *reader)
{
    uint8_t count = wire_read_u8(reader);
    if (count != wire_left(reader)) {
        wire_read_fail(reader);
    }
    return pdu_read_rest(reader);
}

void pdu_write_counted(struct wire_writer *writer, struct bytes data)
{
    wire_write_u8(writer, (uint8_t)data.size);
    wire_write_bytes(writer, data.data, data.size);
}

/* Read by writing the same and comparing. */
void pdu_decode_echo(struct wire_reader *reader, const struct pdu_request *request,
                     struct pdu_response *response)
{
    uint8_t expected[PDU_SIZE_MAX];
    struct wire_writer writer = wire_writer(expected, sizeof expected);
    pdu_function_find(request->function)->encode_response(&writer, request, response);
    struct bytes echo = pdu_read_rest(reader);
    if (echo.size != wire_written(&writer) || memcmp(echo.data, expected, echo.size) != 0) {
        wire_read_fail(reader);
    }
}

void pdu_encode_same_again(struct wire_writer *writer, const struct pdu_request *request,
                           const struct pdu_response *response)
{
    (void)response;
    pdu_function_find(request->function)->encode_request(writer, request);
}
