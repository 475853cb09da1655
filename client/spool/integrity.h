/* integrity: what SQLite itself finds wrong with a database. One thread. */
#ifndef BOURDON_CLIENT_SPOOL_INTEGRITY_H
#define BOURDON_CLIENT_SPOOL_INTEGRITY_H

#include "progress.h"
#include "store/db.h"

enum { INTEGRITY_FAULTS_MAX = 100 };

/*
 * Reads the whole file, in one transaction. `fault` (may be NULL) is called with each of the first
 * INTEGRITY_FAULTS_MAX findings. `*sound`: there was none.
 */
MUST_USE enum err integrity_check(struct db *db, struct progress *progress,
                                  void (*fault)(void *owner, const char *text), void *owner, bool *sound,
                                  struct err_text *why);

#endif
