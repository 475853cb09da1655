/*
 * failing_vfs: SQLite on a disk that fails on demand. Once installed every database opened afterwards goes
 * through it. Counts writes and syncs; the armed one and, if so asked, every later one fails. One thread.
 */
#ifndef BOURDON_TESTS_FAILING_VFS_H
#define BOURDON_TESTS_FAILING_VFS_H

#include <stdbool.h>

enum failing_operation { FAILING_WRITE, FAILING_SYNC, FAILING_OPERATIONS };

void failing_vfs_install(void);

/* The `nth` operation from now (1 = the next) fails with the SQLite result `code`; 0 = none does. */
void failing_vfs_arm(enum failing_operation operation, unsigned nth, bool for_ever, int code);

/* Whether an armed failure has happened since it was armed. */
bool failing_vfs_struck(enum failing_operation operation);
unsigned failing_vfs_count(enum failing_operation operation); /* operations since it was armed */

#endif
