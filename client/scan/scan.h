/*
 * scan: looks for the units behind one url and for what they let be read, gently: one request at a time, with
 * a pause between two, and never twice for what the survey knows already. One thread, which it blocks.
 */
#ifndef BOURDON_CLIENT_SCAN_SCAN_H
#define BOURDON_CLIENT_SCAN_SCAN_H

#include "plc/plc.h"
#include "progress.h"
#include "scan/survey.h"

#include <signal.h>

enum {
    SCAN_SILENCES_MAX = 3, /* requests in a row without an answer: the table is left as it is */
    SCAN_RETRIES_MAX = 5,  /* of a request that the device is too busy for */
    SCAN_CROWD =
        16, /* units: if so many are asked and all are there, it is one that ignores the identifier */
};

struct scan_options {
    bool units[SURVEY_UNITS];
    bool tables[SURVEY_TABLES];
    uint32_t first, end; /* addresses, the end is one past the last */
    uint32_t step;       /* see finder.h */
    int64_t interval_us; /* from the start of one request to that of the next */
    const char *state;   /* path; NULL = none */
};

struct scan {
    const struct scan_options *options;
    struct plc *plc;
    struct survey *survey;
    const volatile sig_atomic_t *interrupted;
    struct progress progress;
    int64_t next_us; /* monotonic: not before this */
    int64_t saved_us;
    uint64_t requests;
    struct err_text why; /* of SCAN_FAILED */
    const char *next;    /* what to try then */
};

enum scan_end {
    SCAN_GOES_ON,
    SCAN_DONE,
    SCAN_INTERRUPTED,
    SCAN_FAILED, /* nobody can be connected to, or the state cannot be written */
};

/* Whatever the end is, the survey holds what was found until then, and so does the state file. */
enum scan_end scan_run(struct scan *scan);

#endif
