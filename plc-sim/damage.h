/* damage: spoils the bytes of an answer the way a fault says. Pure. */
#ifndef BOURDON_PLCSIM_DAMAGE_H
#define BOURDON_PLCSIM_DAMAGE_H

#include "faults.h"
#include "modbus/mbap.h"

/* Whether frames of that kind can be damaged so. */
bool damage_exists(enum fault_kind kind, bool serial);

/*
 * Changes the frame of `size` bytes in frame[MBAP_ADU_MAX] as `effect` says and returns its new size: at most
 * MBAP_ADU_MAX, 0 if nothing is left to send. `serial`: an RTU frame, which has no fields but unit and CRC to
 * get wrong, else an MBAP frame, which has no CRC. What repeats the frame (flood) is the sender's business.
 */
size_t damage_apply(const struct fault_effect *effect, bool serial, uint64_t *random, uint8_t *frame,
                    size_t size);

#endif
