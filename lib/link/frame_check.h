/*
 * frame_check: whether a received frame is the answer to our request. Pure: what faces a PLC's bytes.
 */
#ifndef BOURDON_LINK_FRAME_CHECK_H
#define BOURDON_LINK_FRAME_CHECK_H

#include "base/buffer.h"
#include "modbus/mbap.h"

#include <stdint.h>

enum frame_verdict {
    FRAME_ANSWER,  /* the response is set and borrows from the frame */
    FRAME_STALE,   /* of another transaction: late, or sent twice */
    FRAME_FOREIGN, /* of another unit, or of another protocol */
    FRAME_BROKEN,  /* breaks the standard, or cannot be an answer to the request */
};

struct frame_expected {
    uint16_t transaction; /* TCP only */
    uint8_t unit;
    const struct pdu_request *request;
};

/*
 * `frame` is one whole Modbus TCP frame as its PDU delimits it; the length field must say the same.
 * Messaging guide, section 4.2: units 0 and 255 mean the device itself, whose answer may bear any unit.
 */
enum frame_verdict frame_check_tcp(struct bytes frame, const struct frame_expected *expected,
                                   struct pdu_response *response);

/* The same for a frame that the length field delimits; the response borrows from its PDU. */
enum frame_verdict frame_check_adu(const struct mbap *adu, const struct frame_expected *expected,
                                   struct pdu_response *response);

/* `frame` is unit, PDU and CRC; the CRC has been checked. */
enum frame_verdict frame_check_rtu(struct bytes frame, const struct frame_expected *expected,
                                   struct pdu_response *response);

#endif
