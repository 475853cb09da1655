/*
 * image: the registers and bits of one unit: what a Modbus client can read and write of a process.
 *
 * Vessel n (from 0) has the block of registers that begins at n * POINTS_REGISTERS and the block of bits at
 * n * POINTS_BITS; every address in between exists, the rest of the 65536 does not. Pure. One thread.
 */
#ifndef BOURDON_PLCSIM_IMAGE_H
#define BOURDON_PLCSIM_IMAGE_H

#include "modbus/pdu.h"
#include "points.h"
#include "process.h"

_Static_assert(PROCESS_VESSELS_MAX *POINTS_REGISTERS <= PDU_ADDRESSES, "every vessel has addresses");

enum image_table { IMAGE_COIL, IMAGE_DISCRETE, IMAGE_HOLDING, IMAGE_INPUT, IMAGE_TABLES };

/* "coil", "discrete", "holding", "input". */
const char *image_table_name(enum image_table table);
bool image_table_has_bits(enum image_table table);

/* The table a function code of this codec acts on; IMAGE_TABLES if it acts on none. */
enum image_table image_table_of(uint8_t function);

struct image {
    size_t vessels;
    size_t registers;   /* of each register table */
    size_t bits;        /* of each bit table */
    uint16_t *words[2]; /* holding, input; owned */
    uint8_t *flags[2];  /* coils, discrete inputs: a byte each, 0 or 1; owned */
};

/* Items of one table next to each other. */
struct image_span {
    enum image_table table;
    uint16_t address;
    uint16_t quantity;
};

MUST_USE enum err image_init(struct image *image, size_t vessels);
void image_fini(struct image *image);

uint16_t *image_words(const struct image *image, enum image_table table); /* a register table */
uint8_t *image_flags(const struct image *image, enum image_table table);  /* a bit table */

/* Whether every item of the span exists, and may be written if `write`. */
bool image_allows(const struct image *image, struct image_span span, bool write);

/* Brings the image up to date with the process, except for the frozen spans, which stay as they are. */
void image_refresh(struct image *image, const struct process *process, const struct image_span *frozen,
                   size_t frozen_count);

/* Gives the process what a client wrote into the span. */
void image_absorb(const struct image *image, struct image_span span, struct process *process);

/* The item at `address` as one word; bits as 0 or 1. The address exists. */
uint16_t image_word(const struct image *image, enum image_table table, uint16_t address);

#endif
