/*
 * postgresql_retention: how the ledger of a PostgreSQL store is bounded by the operator's limits of age and
 * size. Part of postgresql.c, with the same connection and thread.
 *
 * A step is a transaction of its own and small, whichever of several servers takes it. The oldest rows of the
 * table `batch`, but for the highest one of each stream, become ranges in the table `settled`: their
 * sequences stay known as stored, their digests do not. Readings and gap records are not touched.
 */
#ifndef BOURDON_SERVER_STORE_POSTGRESQL_RETENTION_H
#define BOURDON_SERVER_STORE_POSTGRESQL_RETENTION_H

#include "store/pg.h"
#include "store/store.h"

enum { POSTGRESQL_RETENTION_STEP = 4096 /* rows settled in one step */ };

/* `*cursor`: where the last step has stopped; 0 at first. */
MUST_USE enum err postgresql_retention_step(struct pg *pg, int64_t *cursor,
                                            const struct store_retention *limits, int64_t now_us,
                                            struct store_expired *expired, struct err_text *why);

#endif
