/*
 * rtu: framing of requests on a serial line (MODBUS over Serial Line V1.02, section 2.5.1).
 *
 *   unit (1) | PDU (1..253) | CRC-16 (2, low byte first)
 *
 * Frames end with silence. Where the function code tells the length, the reader does not wait for it: a
 * pseudo terminal keeps no time. Pure, no allocation.
 */
#ifndef BOURDON_PLCSIM_RTU_H
#define BOURDON_PLCSIM_RTU_H

#include "modbus/mbap.h"

enum { RTU_FRAME_MAX = 256, RTU_FRAME_MIN = 4, RTU_CRC_SIZE = 2 };

/* Zero-initialised = after silence. */
struct rtu_reader {
    uint8_t frame[RTU_FRAME_MAX];
    size_t size;
    bool complete; /* the frame was given out and is dropped by the next call */
    bool lost;     /* what comes until the next silence belongs to no frame we know */
};

/*
 * Takes bytes from the front of `*input` up to the end of a frame whose length is known. MBAP_ADU: `adu` is
 * set (transaction 0), its PDU lies in the reader until the next call. MBAP_NEED_MORE: all input is taken.
 */
MUST_USE enum mbap_result rtu_read(struct rtu_reader *reader, struct bytes *input, struct mbap *adu);

/* The line has been silent: MBAP_ADU if what came before is a frame of a length we could not know, else
 * MBAP_NEED_MORE. */
MUST_USE enum mbap_result rtu_silence(struct rtu_reader *reader, struct mbap *adu);

/* Whether bytes wait for silence or for more. */
bool rtu_reader_is_inside(const struct rtu_reader *reader);

/* Writes a frame; the writer fails if the PDU is empty or longer than PDU_SIZE_MAX. */
void rtu_write(struct wire_writer *writer, uint8_t unit, struct bytes pdu);

uint16_t rtu_crc(const uint8_t *data, size_t size);

#endif
