/*
 * pdu_function: how each function code lies on the wire, as tables that the codec (pdu.c) works from, one for
 * each family of functions. Inside lib/modbus only; the limits and names are in pdu.h. Pure, any thread.
 */
#ifndef BOURDON_MODBUS_PDU_FUNCTION_H
#define BOURDON_MODBUS_PDU_FUNCTION_H

#include "modbus/pdu.h"

/* The halves of the codec begin and end behind the function code; a decoder that dislikes what it reads fails
 * the reader. */
struct pdu_function {
    uint8_t code;
    uint16_t read_max;  /* items a request may read; 0 = it reads none */
    uint16_t write_max; /* items a request may write; 0 = it writes none */
    bool bits;          /* items are bits, else registers */
    bool own_data;      /* the data of a request are no packed items: its decoder judges their size */
    /* NULL, or whether the function within the function is known, if the PDU is long enough to tell. */
    bool (*speaks)(struct bytes pdu);
    /* NULL, or whether what a well-formed request names besides its spans can exist. */
    bool (*exists)(const struct pdu_request *request);
    void (*decode_request)(struct wire_reader *reader, struct pdu_request *request);
    void (*encode_request)(struct wire_writer *writer, const struct pdu_request *request);
    void (*decode_response)(struct wire_reader *reader, const struct pdu_request *request,
                            struct pdu_response *response);
    void (*encode_response)(struct wire_writer *writer, const struct pdu_request *request,
                            const struct pdu_response *response);
};

struct pdu_family {
    const struct pdu_function *functions;
    size_t count;
};

extern const struct pdu_family pdu_items;    /* 01-06, 0F, 10, 16, 17 */
extern const struct pdu_family pdu_diagnose; /* 07, 08, 0B, 0C, 11 */
extern const struct pdu_family pdu_files;    /* 14, 15, 18 */
extern const struct pdu_family pdu_identify; /* 2B/0E */

/* NULL: not spoken. */
const struct pdu_function *pdu_function_find(uint8_t code);

/* Bytes that `quantity` items of a function that is spoken take. */
size_t pdu_function_packed_size(uint8_t code, size_t quantity);

/* What several families share. */

struct bytes pdu_read_rest(struct wire_reader *reader);
/* A byte count followed by exactly that many bytes and nothing else. */
struct bytes pdu_read_counted_rest(struct wire_reader *reader);
void pdu_write_counted(struct wire_writer *writer, struct bytes data);
/* A response that repeats the request, or the part of it that the function's encoder writes. */
void pdu_decode_echo(struct wire_reader *reader, const struct pdu_request *request,
                     struct pdu_response *response);
void pdu_encode_same_again(struct wire_writer *writer, const struct pdu_request *request,
                           const struct pdu_response *response);

#endif
