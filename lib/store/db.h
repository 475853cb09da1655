/*
 * db: SQLite by the rules of this product. Only lib/store, lib/spool, bridge/spool and server/store include
 * sqlite3.h.
 *
 * A writing connection: WAL, synchronous=FULL, small WAL (checkpoint at DB_CHECKPOINT_PAGES,
 * journal_size_limit), foreign keys on, trusted_schema off, owned by one thread, which also checkpoints, and
 * by one process: a second writer is refused (a lock on the sibling `path`-lock). Readers open read-only, a
 * live database or a dead one. A database is marked with an application id and a schema version: another
 * program's file or another version's is refused with what to do, and is not touched. Error classes:
 * ERR_DISK_FULL (SQLITE_FULL, rolled back whole), ERR_SYNC (SQLITE_IOERR_FSYNC and the like: stop
 * acknowledging), ERR_CORRUPT, ERR_BUSY, ERR_CONFLICT (a constraint), ERR_IO, ERR_NO_MEMORY.
 */
#ifndef BOURDON_STORE_DB_H
#define BOURDON_STORE_DB_H

#include "base/buffer.h"
#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DB_CHECKPOINT_PAGES = 64,          /* the log is copied into the database when it has that many */
    DB_CHECKPOINT_LATEST_PAGES = 1024, /* … at the latest, when the owner does it: db_checkpoint_later() */
    DB_JOURNAL_SIZE_MAX = 1024 * 1024, /* bytes the log is cut back to */
};

struct db_schema {           /* static */
    const char *what;        /* "spool", "store": for messages */
    uint32_t application_id; /* four letters */
    int version;             /* PRAGMA user_version */
    const char *create;      /* SQL that makes version `version` from nothing */
    const char *if_damaged;  /* what a person can do then; for messages, NULL = nothing to say */
};

struct db; /* a connection and its path */

/* Opens for writing, making file (mode 0640) and schema if there is none. Parent folders are not made. */
MUST_USE enum err db_open(const char *path, const struct db_schema *schema, struct db **db,
                          struct err_text *why);
MUST_USE enum err db_open_read_only(const char *path, const struct db_schema *schema, struct db **db,
                                    struct err_text *why);
/* As db_open_read_only(), but of a file that is damaged: one that is shorter than it should be, or whose
 * schema says nonsense, gives what it still has. For who salvages it. */
MUST_USE enum err db_open_damaged(const char *path, const struct db_schema *schema, struct db **db,
                                  struct err_text *why);
void db_close(struct db *db); /* NULL is fine; finalises what db_prepare() made */

/* A statement that lives as long as the connection. NULL only for memory or a bug in the SQL: text in `why`.
 */
MUST_USE enum err db_prepare(struct db *db, const char *sql, sqlite3_stmt **statement, struct err_text *why);
/* Steps a statement that returns no row, and resets it and its bindings in any case. */
MUST_USE enum err db_run(struct db *db, sqlite3_stmt *statement, struct err_text *why);
/* Steps to the next row: `*row` says whether there is one; at the end or on error the statement is reset. */
MUST_USE enum err db_step(struct db *db, sqlite3_stmt *statement, bool *row, struct err_text *why);
MUST_USE enum err db_exec(struct db *db, const char *sql, struct err_text *why);

MUST_USE enum err db_begin(struct db *db, struct err_text *why);
/*
 * ERR_DISK_FULL and ERR_BUSY: nothing was committed, all was rolled back. Any other failure, also of the
 * checkpoint that may follow: it is unknown what is on disk, so acknowledge nothing and stop.
 */
MUST_USE enum err db_commit(struct db *db, struct err_text *why);
void db_rollback(struct db *db);
/* From now on the owner calls db_checkpoint() when it has told what was committed: nobody need wait for the
 * syncs of a checkpoint that is due. */
void db_checkpoint_later(struct db *db);
/* If one is due. Errors: those of db_commit() for which to stop. */
MUST_USE enum err db_checkpoint(struct db *db, struct err_text *why);

sqlite3 *db_handle(struct db *db);
const char *db_path(const struct db *db);
int64_t db_last_insert_id(struct db *db);

/* A blob column as a slice valid until the next step; NULL and wrong sizes are told by the size. */
struct bytes db_column_bytes(sqlite3_stmt *statement, int column);

#endif
