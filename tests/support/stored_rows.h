/*
 * stored_rows: fills a server's store row by row, for tests of what reads one. `db` is open with
 * store_schema; what cannot be written ends the test.
 */
#ifndef BOURDON_TESTS_STORED_ROWS_H
#define BOURDON_TESTS_STORED_ROWS_H

#include "store/db.h"
#include "tunnel/batch_builder.h"

/* Bridges and streams 1 (cell-3) and 2 (cell-4); the epoch of a stream is 16 bytes of its number. */
void stored_rows_bridges(struct db *db, int64_t span_us);
/* The catalog of every batch. */
void stored_rows_catalog(struct db *db, const struct catalog *catalog);

struct stored_row {
    int64_t stream;
    uint64_t sequence;
    bool historical;
};
/* What the builder holds, received 10 ms and committed 12 ms after its last reading. */
void stored_rows_batch(struct db *db, struct batch_builder *builder, const struct stored_row *row);

#endif
