/*
 * receive_adu: one Modbus TCP frame as its length field delimits it, before a deadline: for answers whose
 * length libmodbus cannot tell, as that of 2B/0E.
 */
#ifndef BOURDON_LINK_RECEIVE_ADU_H
#define BOURDON_LINK_RECEIVE_ADU_H

#include "modbus/mbap.h"

#include <stdint.h>

/* Into frame[MBAP_ADU_MAX]; its size, or errno as a negative number: ETIMEDOUT, ECONNRESET, EBADMSG for a
 * length that no frame has. The deadline is monotonic. */
int receive_adu(int fd, uint8_t *frame, int64_t deadline_us);

/* Waits until there is something to receive, or a signal comes: 0; or errno as a negative number. */
int receive_wait(int fd, int64_t deadline_us);

#endif
