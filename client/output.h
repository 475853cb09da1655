/*
 * output: rows of typed cells as a table for people, as CSV (RFC 4180) or as JSON lines.
 *
 *   struct output output = output_start(stdout, format, columns, ARRAY_LENGTH(columns));
 *   output_text(&output, name);          one call a column, in their order
 *   output_time(&output, when_us);
 *   output_end_row(&output);
 *
 * A row is written when it ends, so that a reader who follows sees it at once. Columns may be meant for
 * people or for machines only; their cells are given all the same. Texts may come from anywhere: a table
 * shows control characters as '?', so that nothing stored can command a terminal. One thread.
 */
#ifndef BOURDON_CLIENT_OUTPUT_H
#define BOURDON_CLIENT_OUTPUT_H

#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum output_format { OUTPUT_TABLE, OUTPUT_CSV, OUTPUT_JSON };
enum output_audience { OUTPUT_ALL, OUTPUT_PEOPLE, OUTPUT_MACHINES };
enum output_tone { OUTPUT_PLAIN, OUTPUT_GOOD, OUTPUT_NOTE, OUTPUT_ALARM }; /* colours on a terminal */

struct output_column {
    const char *name; /* as in the CSV head and the JSON keys; a table shows it in capitals */
    int width;        /* of a table's cell; a longer one pushes the rest of its row */
    bool right;       /* aligned to the right */
    enum output_audience audience;
};

struct output {
    FILE *file;
    enum output_format format;
    const struct output_column *columns;
    size_t count;
    size_t column; /* of the next cell */
    size_t cells;  /* shown in this row so far */
    uint64_t rows;
    bool colour;
    struct buffer line;
    struct json json;
};

/* `table`, `csv`, `jsonl` and `json`, which is the same; false if it is none of them. NULL is a table. */
bool output_format_parse(const char *text, enum output_format *format);

/* Borrows the columns. CSV gets its head at once; a table with its first row. */
struct output output_start(FILE *file, enum output_format format, const struct output_column *columns,
                           size_t count);

void output_text(struct output *output, const char *text);
void output_toned(struct output *output, const char *text, enum output_tone tone);
void output_u64(struct output *output, uint64_t value);
void output_i64(struct output *output, int64_t value);
void output_bool(struct output *output, bool value);
/* The text is a number as decimal_format() or value_text() write it: bare in JSON. */
void output_number(struct output *output, const char *text);
/* Wall time in µs; 0 = unknown: nothing, null in JSON. */
void output_time(struct output *output, int64_t wall_us);
/* A duration in µs: "1.2 ms" for people, milliseconds for machines; INT64_MIN = unknown. */
void output_duration(struct output *output, int64_t us);
void output_none(struct output *output);
void output_end_row(struct output *output);

/* Flushes and releases. False: something could not be written. */
bool output_finish(struct output *output);

/* "850 us", "1.2 ms", "34.5 s", "2.1 h" into text[OUTPUT_DURATION_MAX]; returns `text`. */
enum { OUTPUT_DURATION_MAX = 32 };
char *output_duration_text(int64_t us, char *text);

#endif
