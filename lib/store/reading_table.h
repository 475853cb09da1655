/*
 * reading_table: the stored batches of a control server as rows of readings, for SQL.
 *
 *   SELECT time, value, unit FROM reading
 *   WHERE bridge = 'cell-3' AND tag = 'boiler-1/steam-pressure' AND time >= '2026-01-31T12:00';
 *
 *   bridge       name in its certificate
 *   epoch        of the bridge's spool, hexadecimal
 *   seq          of the batch
 *   tag          name; unit: UCUM
 *   time_us      when the response was there, wall clock in µs since 1970; time: the same as RFC 3339
 *   request_us   when the request was sent …
 *   response_us  … and when the response had been received: the value was true in between
 *   quality      'good', 'uncertain_clock', … see reading.h
 *   value        number (a bool is 0 or 1), scaled as the catalog says; NULL for text, bad quality and NaN
 *   text         the value for people, also of strings; NULL for bad quality
 *   historical   1 = came from the backlog
 *
 * A table-valued view on the tables of store_schema.h in the same database; it exists on every connection
 * after reading_table_register(), and in the shell after `.load libbourdon_reading`. Batches are decoded one
 * after the other, when the query gets there. Comparisons of bridge, epoch, seq, time_us and time with values
 * (and = of bridge and epoch) choose the batches through the indices; = of tag reads nothing
 * else of a batch, times save what follows the decoding.
 *
 * A damaged batch ends the query with an error that names it: `AND seq <> 812` goes on without it.
 */
#ifndef BOURDON_STORE_READING_TABLE_H
#define BOURDON_STORE_READING_TABLE_H

#include "store/sqlite_api.h"

/* Returns an SQLite result code. The connection must be one of store_schema. */
int reading_table_register(sqlite3 *handle);

#endif
