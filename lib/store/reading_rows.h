/*
 * reading_rows: the readings of one batch that somebody asked for, decoded and kept compactly.
 *
 * Memory grows to the largest batch so far, at most BATCH_READINGS_MAX readings. One thread.
 */
#ifndef BOURDON_STORE_READING_ROWS_H
#define BOURDON_STORE_READING_ROWS_H

#include "tunnel/batch_decoder.h"

/* Which readings. A reading is at the time of its response. */
struct reading_filter {
    bool one_tag;
    size_t tag;             /* index into the catalog */
    int64_t from_us, to_us; /* inclusive */
};

struct reading_row {
    uint32_t tag;
    enum quality quality;
    int64_t request_us, response_us;
    const uint16_t *words; /* valid until the next batch */
    size_t word_count;
};

struct reading_rows;

MUST_USE struct reading_rows *reading_rows_new(void); /* NULL: out of memory */
void reading_rows_free(struct reading_rows *rows);    /* NULL is fine */

/* Checks and decodes the batch and keeps what the filter lets through instead of what was kept before. */
MUST_USE enum err reading_rows_load(struct reading_rows *rows, const struct batch_view *view,
                                    const struct catalog *catalog, const struct reading_filter *filter,
                                    struct err_text *why);

void reading_rows_clear(struct reading_rows *rows);
size_t reading_rows_count(const struct reading_rows *rows);
struct reading_row reading_rows_get(const struct reading_rows *rows, size_t index); /* index < count */

#endif
