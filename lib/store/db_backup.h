/*
 * db_backup: a copy of a database as it is at one moment, while its writer goes on.
 *
 * The copy is made under another name, synced and renamed into place: there is a whole backup or none. The
 * writer's log grows meanwhile, since the moment that is copied must stay readable.
 */
#ifndef BOURDON_STORE_DB_BACKUP_H
#define BOURDON_STORE_DB_BACKUP_H

#include "store/db.h"

struct db_backup_watcher {
    void *owner;
    void (*copied)(void *owner, uint64_t pages, uint64_t total); /* now and then */
};

/* Copies an open database, which has no statement in progress, to `path`, which must not exist:
 * ERR_CONFLICT. */
MUST_USE enum err db_backup(struct db *db, const char *path, const struct db_backup_watcher *watcher,
                            struct err_text *why);

#endif
