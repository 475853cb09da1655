/* backup: a copy of a database that nobody writes, next to it. One thread. */
#ifndef BOURDON_CLIENT_SPOOL_BACKUP_H
#define BOURDON_CLIENT_SPOOL_BACKUP_H

#include "base/err.h"
#include "progress.h"

#include <limits.h>
#include <sys/stat.h>

/*
 * Copies `path` and its write-ahead log to `path`.backup-<seconds>, on the disk when it returns, and writes
 * that name into name[PATH_MAX]. The caller has the lock. On failure no copy is left.
 */
MUST_USE enum err backup_make(const char *path, int64_t now_us, struct progress *progress, char *name,
                              struct err_text *why);

/* Gives the database and its siblings to `owner`, for who repairs as root what a service owns. */
void backup_give_back(const char *path, const struct stat *owner);

#endif
