#include "generator.h"

#include <math.h>

uint64_t generator_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = *state;
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

double generator_uniform(uint64_t *state)
{
    return (double)(generator_next(state) >> 11) * 0x1p-53;
}

double generator_normal(uint64_t *state)
{
    enum { UNIFORMS = 4 };
    double sum = 0;
    for (int i = 0; i < UNIFORMS; i++) {
        sum += generator_uniform(state);
    }
    return (sum - UNIFORMS / 2.0) * sqrt(12.0 / UNIFORMS);
}
