/*
 * points: what a vessel shows in its block of registers and bits, and what of it can be written.
 *
 * The same pressure stands there in every encoding that field devices are met with. Pure. Any thread.
 */
#ifndef BOURDON_PLCSIM_POINTS_H
#define BOURDON_PLCSIM_POINTS_H

#include "process.h"

#include <stdio.h>

enum {
    POINTS_REGISTERS = 20, /* of a block; the same in holding and input registers */
    POINTS_BITS = 8,       /* the same in coils and discrete inputs */
};

/* Writes the block: words[POINTS_REGISTERS], and flags[POINTS_BITS] of 0 or 1. */
void points_fill(const struct vessel *vessel, uint16_t *words, uint8_t *flags);

/* Offsets count from the start of the block. */
bool points_register_is_writable(size_t offset); /* as a holding register */
bool points_bit_is_writable(size_t offset);      /* as a coil */

/* Acts on the vessel; without effect where nothing can be written. */
void points_write_register(struct vessel *vessel, size_t offset, uint16_t word);
void points_write_bit(struct vessel *vessel, size_t offset, bool on);

/* Writes the points of a block as Markdown tables. */
void points_print(FILE *out);

#endif
