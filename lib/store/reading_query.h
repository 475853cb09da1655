/*
 * reading_query: what a query on the virtual table `reading` asks for, and the SQL that finds its batches.
 *
 * SQLite plans first (which comparisons can we use?) and runs later (with these values): the plan travels
 * between the two as a short text, two letters a comparison, column and operator: "b=t=T>T<".
 */
#ifndef BOURDON_STORE_READING_QUERY_H
#define BOURDON_STORE_READING_QUERY_H

#include "store/sqlite_api.h"

#include <stdbool.h>
#include <stdint.h>

enum reading_column {
    READING_BRIDGE,
    READING_EPOCH,
    READING_SEQ,
    READING_TAG,
    READING_UNIT,
    READING_TIME_US,
    READING_TIME,
    READING_REQUEST_US,
    READING_RESPONSE_US,
    READING_QUALITY,
    READING_VALUE,
    READING_TEXT,
    READING_HISTORICAL,
    READING_COLUMNS
};

/* For xBestIndex: chooses the usable comparisons, sets their places, plan and cost. */
int reading_query_plan(sqlite3_index_info *info);

/* Bounds are inclusive. Texts are borrowed from the values. */
struct reading_query {
    const char *bridge, *epoch, *tag; /* NULL = any */
    int64_t from_us, to_us;           /* of the response */
    int64_t first_seq, last_seq;
    bool without_one; /* leave out `without_seq` */
    int64_t without_seq;
};

/* For xFilter: the plan with its values. */
struct reading_query reading_query_read(const char *plan, int count, sqlite3_value **values);

/* Prepares "bridge, epoch, seq, historical, catalog, encoded" of the batches that may have such readings. */
int reading_query_prepare(sqlite3 *handle, const struct reading_query *query, sqlite3_stmt **statement);

#endif
