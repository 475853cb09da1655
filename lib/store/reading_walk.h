/*
 * reading_walk: the readings of a search in the order of their time, however many there are: for the command
 * line and for pages of bourdon-web. One thread a connection.
 *
 * Sorting everything at once would need everything at once: it goes window by window of time, each sorted by
 * itself, and makes windows longer or shorter so that each holds some READING_WALK_WINDOW readings. Readings
 * of one time are ordered by bridge, tag, epoch and sequence, then as they lie in their batch, so the order
 * is always the same, and a walk can go on where another ended.
 */
#ifndef BOURDON_STORE_READING_WALK_H
#define BOURDON_STORE_READING_WALK_H

#include "store/reading_search.h"
#include "tunnel/catalog.h"

enum { READING_WALK_WINDOW = 50000, READING_PLACE_TEXT_MAX = 512 };

/* Columns of a row. */
enum reading_walk_column {
    READING_WALK_TIME, /* of the response, µs */
    READING_WALK_BRIDGE,
    READING_WALK_TAG,
    READING_WALK_EPOCH,
    READING_WALK_SEQ,
    READING_WALK_VALUE,
    READING_WALK_TEXT,
    READING_WALK_UNIT,
    READING_WALK_QUALITY,
    READING_WALK_HISTORICAL,
    READING_WALK_REQUEST, /* µs */
};

/* Behind which reading to go on: its key, and how many readings of that very key were given. */
struct reading_place {
    int64_t time_us, seq;
    uint64_t given; /* 0 = no place: from the start */
    char bridge[64], epoch[33], tag[CATALOG_NAME_MAX + 1];
};

struct reading_walk {
    struct db *db;
    struct reading_search search;
    struct reading_place place; /* of the row at hand, or where to go on */
    struct reading_place start; /* where this walk goes on */
    uint64_t to_skip;
    uint64_t limit; /* rows the caller will take of it at most */
    int64_t at_us, end_us, window_us;
    uint64_t found; /* in this window */
    sqlite3_stmt *statement;
};

/* Where a page ended, as text and back: "TIME GIVEN BRIDGE EPOCH SEQ TAG". False: it is no such text. */
bool reading_place_read(const char *text, struct reading_place *place);
char *reading_place_write(const struct reading_place *place, char *text); /* text[READING_PLACE_TEXT_MAX] */

/* The search's texts are borrowed. `after`: NULL = from the start. `limit`: 0 = all. */
MUST_USE enum err reading_walk_start(struct reading_walk *walk, struct db *db,
                                     const struct reading_search *search, const struct reading_place *after,
                                     uint64_t limit, struct err_text *why);
/* `*row` is valid until the next call; NULL: the end. walk->place is that of the row. */
MUST_USE enum err reading_walk_next(struct reading_walk *walk, sqlite3_stmt **row, struct err_text *why);
void reading_walk_end(struct reading_walk *walk);

#endif
