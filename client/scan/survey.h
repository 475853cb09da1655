/*
 * survey: what a scan has found out about the units behind one url, and the file that keeps it between two
 * runs. One thread.
 *
 * The file is text, a fact a line, and replaced as a whole:
 *
 *   bourdon-scan 1
 *   url tcp://192.0.2.10
 *   absent 1
 *   present 2
 *   device 2 Vendor Product 1.0
 *   table 2 holding 250 125          everything below 250 is decided, a request may ask for 125
 *   range 2 holding 0 19
 */
#ifndef BOURDON_CLIENT_SCAN_SURVEY_H
#define BOURDON_CLIENT_SCAN_SURVEY_H

#include "plc/plc.h"
#include "scan/finder.h"
#include "tunnel/catalog.h"

#include <stdio.h>

enum { SURVEY_UNITS = 256, SURVEY_TABLES = TABLE_HOLDING + 1, SURVEY_DEVICE_MAX = 256 };

enum survey_state { SURVEY_UNKNOWN, SURVEY_ABSENT, SURVEY_PRESENT };

struct survey_unit {
    enum survey_state state;
    bool identified;                           /* it was asked who it is; */
    char device[SURVEY_DEVICE_MAX];            /* what it said, "" = nothing */
    struct finder_known tables[SURVEY_TABLES]; /* by enum table */
};

struct survey {
    const char *url;                 /* borrowed */
    const struct plc_access *access; /* borrowed; NULL = nothing but the url is needed */
    struct survey_unit units[SURVEY_UNITS];
};

void survey_init(struct survey *survey, const char *url);
void survey_fini(struct survey *survey);

/* Adds what the file says to an empty survey; a file that is not there says nothing. ERR_CONFLICT: of another
 * url; ERR_MALFORMED, with the line; ERR_IO. */
MUST_USE enum err survey_load(struct survey *survey, const char *path, struct err_text *why);
MUST_USE enum err survey_save(const struct survey *survey, const char *path, struct err_text *why);

/* Replaces the file by what write() writes. */
MUST_USE enum err survey_replace(const char *path, void (*write)(FILE *file, const struct survey *survey),
                                 const struct survey *survey, struct err_text *why);

#endif
