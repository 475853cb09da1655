/*
 * store_schema: the tables of the control server's SQLite store, which the server writes (server/store) and
 * the command line reads. Times are wall clock in µs since 1970.
 *
 *   meta        'store_id': 16 random bytes made with the file
 *   bridge      names, as their certificates say
 *   stream      one row an epoch of a bridge. `contiguous`: every sequence up to it is stored or accounted
 *               for by a gap (it may lag behind, usually by less than STORE_CONTIGUOUS_STEP); `span_us`: no
 *               batch of the stream covers more time
 *   catalog     encoded catalogs that batches refer to
 *   batch       every committed batch with its bytes exactly as they came; unique on (stream, seq)
 *   gap_record  what batches of gaps say, a row a gap; both sequences 0: no batch was ever made
 *   expired     ranges of sequences that were stored and that the operator's limits have removed
 *
 * and for people, with the bridge's name and the epoch in hexadecimal:
 *
 *   gap         readings that are lost, and why
 *   hole        sequences below the highest one that are neither stored nor accounted for (yet)
 *
 * `kind` is an enum batch_kind; a batch of gaps has no catalog and counts its gaps as readings. A batch that
 * touches the time range [from, to] has first_us between from - span_us and to: that is what the index
 * batch_by_time is for.
 */
#ifndef BOURDON_STORE_STORE_SCHEMA_H
#define BOURDON_STORE_STORE_SCHEMA_H

#include "store/db.h"

enum { STORE_CONTIGUOUS_STEP = 256, STORE_ID_SIZE = 16 };

extern const struct db_schema store_schema;

#endif
