/*
 * mbap: strict framing of Modbus TCP (MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1).
 *
 *   transaction (2) | protocol = 0 (2) | length (2) = 1 + size of the PDU | unit (1) | PDU (1..253)
 *
 * The reader takes the bytes of one direction of a connection in pieces of any size. Memory is bounded by one
 * ADU. Pure, no allocation, any thread.
 */
#ifndef BOURDON_MODBUS_MBAP_H
#define BOURDON_MODBUS_MBAP_H

#include "modbus/pdu.h"

enum {
    MBAP_HEADER_SIZE = 7,
    MBAP_LENGTH_MIN = 2, /* unit and function code */
    MBAP_LENGTH_MAX = 1 + PDU_SIZE_MAX,
    MBAP_ADU_MAX = MBAP_HEADER_SIZE + PDU_SIZE_MAX,
};

_Static_assert(MBAP_LENGTH_MAX == 254 && MBAP_ADU_MAX == 260, "Messaging guide, section 4.1");

struct mbap {
    uint16_t transaction;
    uint8_t unit;
    struct bytes pdu;
};

enum mbap_result {
    MBAP_NEED_MORE, /* all input is taken, no ADU is complete */
    MBAP_ADU,       /* one ADU; call again for the rest of the input */
    MBAP_DISCARDED, /* one frame of another protocol, to be ignored; call again for the rest of the input */
    MBAP_BROKEN,    /* a length no ADU has: nothing after it can be trusted, close the connection */
};

/* Zero-initialised = at the start of a frame. */
struct mbap_reader {
    uint8_t frame[MBAP_ADU_MAX];
    size_t size;   /* bytes of the frame that arrived */
    bool complete; /* the frame was given out and is dropped by the next call */
};

/*
 * Takes bytes from the front of `*input` (which moves on) up to the end of a frame. `adu` is set for MBAP_ADU
 * only; its PDU lies in the reader and is valid until the next call. After MBAP_BROKEN every call gives
 * MBAP_BROKEN.
 */
MUST_USE enum mbap_result mbap_read(struct mbap_reader *reader, struct bytes *input, struct mbap *adu);

/* Whether a frame has begun and is not yet complete. */
bool mbap_reader_is_inside(const struct mbap_reader *reader);

/* Writes one ADU; the writer fails if the PDU is empty or longer than PDU_SIZE_MAX. */
void mbap_write(struct wire_writer *writer, const struct mbap *adu);

/* The same of the ADU that a request is. */
void mbap_write_request(struct wire_writer *writer, uint16_t transaction, uint8_t unit,
                        const struct pdu_request *request);

#endif
