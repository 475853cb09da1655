/*
 * sqlite_retention: what a SQLite store forgets, oldest first, by the operator's limits of age and size. Part
 * of sqlite.c, with the same connection and thread.
 *
 * A step is a transaction of its own and small. Every range that goes is written down in the table `expired`.
 * Gap records stay, and so does the highest batch of each stream, from which bridges see that this store is
 * no older copy of itself.
 */
#ifndef BOURDON_SERVER_STORE_SQLITE_RETENTION_H
#define BOURDON_SERVER_STORE_SQLITE_RETENTION_H

#include "store/db.h"
#include "store/store.h"

enum { SQLITE_RETENTION_STEP = 512 /* batches looked at in one step */ };

struct sqlite_retention;

MUST_USE enum err sqlite_retention_new(struct db *db, struct sqlite_retention **retention,
                                       struct err_text *why);
void sqlite_retention_free(struct sqlite_retention *retention); /* before the connection; NULL is fine */

MUST_USE enum err sqlite_retention_step(struct sqlite_retention *retention,
                                        const struct store_retention *limits, int64_t now_us,
                                        struct store_expired *expired, struct err_text *why);

#endif
