/*
 * generator: reproducible pseudo-random numbers (splitmix64) from one word of state, which any value seeds.
 * Not for secrets. Pure.
 */
#ifndef BOURDON_PLCSIM_GENERATOR_H
#define BOURDON_PLCSIM_GENERATOR_H

#include <stdint.h>

uint64_t generator_next(uint64_t *state);

/* Uniform in [0, 1). */
double generator_uniform(uint64_t *state);

/* Mean 0, variance 1, bounded by about 3.5: the sum of four uniforms. */
double generator_normal(uint64_t *state);

#endif
