/* damage: spoils the bytes of an answer the way a fault says. Pure. */
#ifndef BOURDON_PLCSIM_DAMAGE_H
#define BOURDON_PLCSIM_DAMAGE_H

#include "faults.h"
#include "modbus/mbap.h"

/*
 * Changes the ADU of `size` bytes in frame[MBAP_ADU_MAX] as `effect` says and returns its new size: at most
 * MBAP_ADU_MAX, 0 if nothing is left to send. What repeats the frame (flood) or stretches it in time (drip)
 * is the sender's business.
 */
size_t damage_apply(const struct fault_effect *effect, uint64_t *random, uint8_t *frame, size_t size);

#endif
