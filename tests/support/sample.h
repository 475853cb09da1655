/*
 * sample: catalogs and readings made from a seed, for tests, fuzz corpora and benchmarks. The same seed gives
 * the same data on every machine.
 */
#ifndef BOURDON_TESTS_SAMPLE_H
#define BOURDON_TESTS_SAMPLE_H

#include "tunnel/batch.h"

struct sample {
    uint64_t state;
};

struct sample sample_seed(uint64_t seed);
uint64_t sample_next(struct sample *sample);
/* From 0 to below `end`. */
uint64_t sample_below(struct sample *sample, uint64_t end);

/* A catalog of `count` tags of every type, table and order. Aborts the test if it cannot be made. */
struct catalog *sample_catalog(struct sample *sample, size_t count);

/* A catalog of `count` holding registers of one type, scale 0.1. */
struct catalog *sample_registers(enum value_type type, size_t count);

/* A reading of the tag with random words, mostly good. Times are the caller's. */
struct reading sample_reading(struct sample *sample, const struct catalog *catalog, uint32_t tag);

#endif
