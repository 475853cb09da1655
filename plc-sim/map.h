/* map: the addresses of a scenario's plant, for people and for docs/plc-sim.md. */
#ifndef BOURDON_PLCSIM_MAP_H
#define BOURDON_PLCSIM_MAP_H

#include "scenario.h"

#include <stdio.h>

/* Writes where each vessel's block begins, and what is in a block, as Markdown. */
void map_print(FILE *out, const struct scenario *scenario);

#endif
