/*
 * page: what a bridge says it read last, as rows, and how they look on a terminal. Pure; the rows point into
 * the answer they come from.
 */
#ifndef BOURDON_CLIENT_WATCH_PAGE_H
#define BOURDON_CLIENT_WATCH_PAGE_H

#include "json_tree.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    PAGE_ROWS_MAX = 500, /* as many as a bridge gives at once */
    PAGE_FURNITURE = 3,  /* lines that are no rows: title, heads, foot */
};

struct page_row {
    const char *tag;
    const char *value; /* NULL = none */
    const char *unit;
    const char *quality;
    int64_t time_us; /* wall clock, of the bridge; 0 = never */
};

struct page {
    const char *bridge;
    int64_t now_us;    /* wall clock, of the bridge */
    uint64_t matching; /* tags */
    uint64_t skipped;  /* of them, before the first row */
    size_t count;
    struct page_row rows[PAGE_ROWS_MAX];
};

/* Reads an answer to "values". ERR_MALFORMED if it is none. */
MUST_USE enum err page_read(struct page *page, const struct json_tree *answer, uint64_t skipped,
                            struct err_text *why);

/* Draws the page over what is there, from the upper left corner on, in so many lines and columns. */
void page_draw(FILE *out, const struct page *page, int lines, int columns);

/* Rows of a terminal of so many lines; at least one. */
uint64_t page_rows(int lines);

#endif
