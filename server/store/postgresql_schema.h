/*
 * postgresql_schema: the tables of a store in PostgreSQL, in the schema `bourdon` of its database.
 *
 *   meta        one row: version of the schema, identity of the store
 *   bridge      names, as their certificates say
 *   stream      one row an epoch of a bridge. `contiguous`: as in lib/store/store_schema.h
 *   catalog     encoded catalogs, by their hash
 *   tag         names and units of bridges' tags, as catalogs name them
 *   batch       the ledger: one row a committed batch, unique on (stream, seq), with its digest
 *   settled     ranges of sequences that were rows of the ledger and by the operator's limits no longer are
 *   gap_record  what batches of gaps say
 *   reading     one row a reading: time (when the response was there), request, value (a number), text (of
 *               strings, and of integers that a double cannot hold), quality (see reading.h). Partitioned by
 *               day where TimescaleDB is absent; what lies far from today goes to `reading_stray`
 *
 * and for people: history (readings with names), gap, hole.
 *
 * Advisory locks 1112491332: 1 while migrating, 2 while making a day, 3 while settling, shared by groups.
 *
 * Its version is the number of migrations that were applied; each is applied once, in order, and never
 * changed after a release.
 */
#ifndef BOURDON_SERVER_STORE_POSTGRESQL_SCHEMA_H
#define BOURDON_SERVER_STORE_POSTGRESQL_SCHEMA_H

#include "store/pg.h"

/* Makes the schema or brings it up to date, whoever else tries at the same time. ERR_VERSION: it is newer
 * than this program; it was not touched. */
MUST_USE enum err postgresql_schema_prepare(struct pg *pg, struct err_text *why);

#endif
