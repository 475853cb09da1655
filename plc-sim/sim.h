/*
 * sim: the simulator as a whole: one loop with endpoints, the PLC's cycle, faults, truth and signals.
 */
#ifndef BOURDON_PLCSIM_SIM_H
#define BOURDON_PLCSIM_SIM_H

#include "scenario.h"

struct sim;

struct sim_options {
    const struct scenario *scenario; /* borrowed during sim_new() */
    const char *truth;               /* path; NULL = no truth is kept */
};

/* Listens. */
MUST_USE enum err sim_new(const struct sim_options *options, struct sim **sim, struct err_text *why);

/* Adds the fault that "KIND KEY=VALUE ..." describes, counted from now. */
MUST_USE enum err sim_add_fault(struct sim *sim, const char *words, struct err_text *why);

/* Serves until SIGTERM or SIGINT. */
void sim_run(struct sim *sim);

/* Closes everything. ERR_IO, ERR_DISK_FULL: the truth file is incomplete. NULL is fine. */
MUST_USE enum err sim_free(struct sim *sim, struct err_text *why);

#endif
