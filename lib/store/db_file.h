/*
 * db_file: the file behind a database, before a connection works with it: whose it is, that it is there, and
 * that one process writes it. For db, and for who repairs a database.
 */
#ifndef BOURDON_STORE_DB_FILE_H
#define BOURDON_STORE_DB_FILE_H

#include "store/db.h"

enum db_file_state {
    DB_FILE_ABSENT, /* or empty, which is what a crash before the first write leaves */
    DB_FILE_OURS,
};

/*
 * Reads the first bytes through SQLite's own file layer, without locks, recovery or a write-ahead log, so
 * that a file that turns out to be somebody else's was not touched. (Opening and closing it ourselves would
 * drop the POSIX locks of every connection of this process.) ERR_CONFLICT: another program's or no database;
 * ERR_VERSION: another schema version; ERR_CORRUPT: ours, with a header nobody can work with.
 */
MUST_USE enum err db_file_inspect(const char *path, const struct db_schema *schema, enum db_file_state *state,
                                  struct err_text *why);

/* Takes the writer's lock on the sibling `path`-lock for as long as `*fd` is open. ERR_BUSY: another process
 * has it. */
MUST_USE enum err db_file_lock(const char *path, int *fd, struct err_text *why);

/* Makes a complete database under another name and renames it into place, so that no crash leaves half of
 * one. Call with the lock held. */
MUST_USE enum err db_file_create(const char *path, const struct db_schema *schema, struct err_text *why);

/* Makes new names in the folder of `path` survive a power cut. */
MUST_USE enum err db_file_sync_folder(const char *path, struct err_text *why);

/* The class of an extended SQLite result code; `system_errno` is of sqlite3_system_errno() or 0. */
enum err db_file_class(int code, int system_errno);

#endif
