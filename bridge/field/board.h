/*
 * board: the reading of each tag that was reported last, for who wants to look at them while they come.
 * Stands between the field and the sink that the readings go to: what passes is noted and passed on. The
 * threads of the links put, any thread asks; 16 bytes a tag and its words.
 */
#ifndef BOURDON_FIELD_BOARD_H
#define BOURDON_FIELD_BOARD_H

#include "base/buffer.h"
#include "base/err.h"
#include "field/reading_sink.h"
#include "tunnel/catalog.h"

enum { BOARD_ROWS_MAX = 500 }; /* of one answer */

struct board;
struct json;

/* Borrows the catalog. */
MUST_USE enum err board_new(const struct catalog *catalog, const struct reading_sink *next,
                            struct board **board);
void board_free(struct board *board); /* NULL is fine; nobody puts any more */

/* Readings that `next` refuses are seen all the same: they were read. */
struct reading_sink board_sink(struct board *board);

struct board_query {
    const char *pattern; /* of tags, as of file names; "" = all */
    uint64_t skip;       /* matching tags before the first row */
    uint64_t rows;       /* at most, and at most BOARD_ROWS_MAX */
};

/* "SKIP ROWS [PATTERN]"; the query borrows the text. */
bool board_query_parse(const char *text, struct board_query *query);

/*
 * Appends, as members of the JSON object that is open: "matching", how many tags match, and "tags", a list of
 * tag, value (as text), unit, quality and time_us of the response; a tag that nothing was reported of yet has
 * the quality "none" and time 0.
 */
void board_answer(struct board *board, const struct board_query *query, struct json *json);

#endif
