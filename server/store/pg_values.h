/*
 * pg_values: the parameters of a statement, and the fields of a row for COPY, in PostgreSQL's binary form.
 *
 *   struct pg_values values = {0};
 *   pg_array_begin(&values, PG_BIGINT);      $1: an array, for unnest($1::bigint[])
 *   pg_array_i64(&values, 812);              … an item
 *   pg_array_end(&values);
 *   pg_value_text(&values, "cell-3");        $2
 *   result = pg_query(pg, sql, &values, &rows, why);
 *   pg_values_free(&values);
 *
 * The first error sticks and is returned by whoever uses the values. Pure; one thread.
 */
#ifndef BOURDON_SERVER_STORE_PG_VALUES_H
#define BOURDON_SERVER_STORE_PG_VALUES_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PG_VALUES_MAX = 16, PG_VALUE_BYTES_MAX = 256 * 1024 * 1024 };

/* Object identifiers of the catalog pg_type; they never change. */
enum pg_type {
    PG_BOOLEAN = 16,
    PG_BYTEA = 17,
    PG_BIGINT = 20,
    PG_SMALLINT = 21,
    PG_INTEGER = 23,
    PG_TEXT = 25,
    PG_TIMESTAMPTZ = 1184,
};

struct pg_values { /* all zero is none */
    size_t count;
    enum pg_type types[PG_VALUES_MAX]; /* of the value, or of the items of the array */
    bool arrays[PG_VALUES_MAX];
    struct buffer bytes[PG_VALUES_MAX];
    uint32_t items; /* of the array at hand */
    enum err err;
};

void pg_values_free(struct pg_values *values);

void pg_value_i64(struct pg_values *values, int64_t value); /* bigint */
void pg_value_time(struct pg_values *values, int64_t time_us);
void pg_value_text(struct pg_values *values, const char *text);
void pg_value_bytes(struct pg_values *values, const void *data, size_t size);

/* An array of integers, times, texts or bytes. */
void pg_array_begin(struct pg_values *values, enum pg_type type);
void pg_array_i64(struct pg_values *values, int64_t value); /* in the size of the array's type; or a time */
void pg_array_bytes(struct pg_values *values, const void *data, size_t size);
void pg_array_text(struct pg_values *values, const char *text);
void pg_array_null(struct pg_values *values);
void pg_array_end(struct pg_values *values);

/* ---- rows for COPY (FORMAT binary) ---- */

struct pg_row_writer {
    struct buffer *out;
    enum err err; /* sticks */
};

void pg_rows_begin(struct pg_row_writer *writer);
void pg_rows_end(struct pg_row_writer *writer);
void pg_row(struct pg_row_writer *writer, uint16_t fields);
void pg_field_i16(struct pg_row_writer *writer, int16_t value);
void pg_field_i32(struct pg_row_writer *writer, int32_t value);
void pg_field_i64(struct pg_row_writer *writer, int64_t value);
void pg_field_time(struct pg_row_writer *writer, int64_t time_us);
void pg_field_double(struct pg_row_writer *writer, double value);
void pg_field_text(struct pg_row_writer *writer, const char *text);
void pg_field_null(struct pg_row_writer *writer);

/* Microseconds since 1970 as PostgreSQL counts them, and back. */
int64_t pg_time_of(int64_t time_us);
int64_t pg_time_back(int64_t pg_time);

#endif
