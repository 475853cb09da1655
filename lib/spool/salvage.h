/*
 * salvage: a spool whose file is damaged so that SQLite refuses it. What can still be read and passes its
 * checksum goes into a new file with the same epoch; the rest becomes gap records, and goes to the quarantine
 * as far as it can be read; the damaged file is kept under another name. So the bridge always starts. Called
 * before the spool is opened; one thread.
 */
#ifndef BOURDON_SPOOL_SALVAGE_H
#define BOURDON_SPOOL_SALVAGE_H

#include "spool/spool.h"

#include <limits.h>

struct salvage_report {
    int64_t batches;      /* saved */
    int64_t quarantined;  /* could be read, but are not what they were */
    struct gap_list lost; /* sequences that may be lost; 0 = unknown */
    char aside[PATH_MAX]; /* where the damaged file is now */
};

/* Leaves a mark beside the spool: SQLite has found it damaged while running, so salvage it at the next start.
 */
void salvage_mark(const char *path);
/* Whether there is such a mark. */
bool salvage_is_marked(const char *path);

/*
 * Makes a good spool of a damaged one at options->path. Nothing is changed until the new file is complete.
 * ERR_BUSY: in use.
 */
MUST_USE enum err salvage(const struct spool_options *options, int64_t now_us, struct salvage_report *report,
                          struct err_text *why);

#endif
