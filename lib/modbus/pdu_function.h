/*
 * pdu_function: how each function code lies on the wire, as a table that the codec (pdu.c) works from. Inside
 * lib/modbus only; the limits and names are in pdu.h. Pure, any thread.
 */
#ifndef BOURDON_MODBUS_PDU_FUNCTION_H
#define BOURDON_MODBUS_PDU_FUNCTION_H

#include "modbus/pdu.h"

enum { MEI_DEVICE_IDENTIFICATION = 0x0e };

/* The halves of the codec begin and end behind the function code; a decoder that dislikes what it reads fails
 * the reader. */
struct pdu_function {
    uint8_t code;
    uint16_t read_max;  /* items a request may read; 0 = it reads none */
    uint16_t write_max; /* items a request may write; 0 = it writes none */
    bool bits;          /* items are bits, else registers */
    void (*decode_request)(struct wire_reader *reader, struct pdu_request *request);
    void (*encode_request)(struct wire_writer *writer, const struct pdu_request *request);
    void (*decode_response)(struct wire_reader *reader, const struct pdu_request *request,
                            struct pdu_response *response);
    void (*encode_response)(struct wire_writer *writer, const struct pdu_request *request,
                            const struct pdu_response *response);
};

/* NULL: not spoken. */
const struct pdu_function *pdu_function_find(uint8_t code);

/* Bytes that `quantity` items of a function that is spoken take. */
size_t pdu_function_packed_size(uint8_t code, size_t quantity);

#endif
