/*
 * spool_schema: the tables of a bridge's spool, which the bridge writes (bridge/spool) and the command line
 * reads. Times are wall clock in µs since 1970, 0 = unknown.
 *
 *   identity    one row: bridge name, epoch (16 random bytes made with the file)
 *   state       one row: next sequence, and what the table batch holds: batches, readings, bytes;
 *               unsaved_since_us: what was taken since may have been in memory only when the bridge ended
 *   catalog     encoded catalogs that batches refer to
 *   batch       what is not yet acknowledged, with the encoded batch
 *   ack_log     one row an answered batch, as many of the newest as configured; result is an enum ack_result
 *   quarantine  what the server rejected (reason 1) and what failed its checksum (reason 2)
 *   peer_store  every store that ever acknowledged something, and the highest sequence it acknowledged
 *
 * `kind` is an enum batch_kind; a batch of gaps has no catalog and counts its gaps as readings.
 */
#ifndef BOURDON_STORE_SPOOL_SCHEMA_H
#define BOURDON_STORE_SPOOL_SCHEMA_H

#include "store/db.h"

enum { QUARANTINE_REJECTED = 1, QUARANTINE_DAMAGED = 2 };

extern const struct db_schema spool_schema;

#endif
