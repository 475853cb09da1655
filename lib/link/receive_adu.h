/*
 * receive_adu: one Modbus TCP frame as its length field delimits it, before a deadline, and what came behind
 * it kept for the next. One thread.
 */
#ifndef BOURDON_LINK_RECEIVE_ADU_H
#define BOURDON_LINK_RECEIVE_ADU_H

#include "modbus/mbap.h"

#include <stdint.h>

/* Zero-initialised = nothing was received; to be zeroed for each connection. */
struct adu_receiver {
    uint8_t bytes[MBAP_ADU_MAX];
    size_t size;
};

/* Into frame[MBAP_ADU_MAX]; its size, or errno as a negative number: ETIMEDOUT, ECONNRESET, EBADMSG for a
 * length that no frame has. The deadline is monotonic. */
int receive_adu(struct adu_receiver *receiver, int fd, uint8_t *frame, int64_t deadline_us);

#endif
