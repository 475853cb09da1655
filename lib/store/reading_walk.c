#include "store/reading_walk.h"

#include "base/argument_value.h"
#include "base/array.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define FIRST_WINDOW_US (10 * CLOCK_US_PER_S)

static const char columns[] =
    "time_us, bridge, tag, epoch, seq, value, text, unit, quality, historical, request_us";
static const char tail[] = "AND (?7 IS NULL OR (time_us, bridge, tag, epoch, seq) >= (?6, ?7, ?8, ?9, ?10))"
                           " ORDER BY time_us, bridge, tag, epoch, seq, rowid LIMIT ?11";

/* When the first and the last reading of the store can be, by its indices. */
static const char bounds_sql[] =
    "SELECT min((SELECT first_us FROM batch WHERE stream = s.id AND kind = 1 ORDER BY first_us LIMIT 1)),"
    " max((SELECT first_us FROM batch WHERE stream = s.id AND kind = 1 ORDER BY first_us DESC LIMIT 1)"
    "  + s.span_us) FROM stream AS s";

/* ---- places ---- */

static bool copy_word(char *to, size_t size, const char *word)
{
    size_t length = strlen(word);
    if (length >= size) {
        return false;
    }
    memcpy(to, word, length + 1);
    return true;
}

static bool read_number(const char *word, uint64_t min, int64_t *number)
{
    uint64_t value;
    bool fits = argument_count(word, min, INT64_MAX, &value);
    *number = fits ? (int64_t)value : 0;
    return fits;
}

bool reading_place_read(const char *text, struct reading_place *place)
{
    char copy[READING_PLACE_TEXT_MAX];
    char *words[5];
    char *rest = copy;
    if (!copy_word(copy, sizeof copy, text)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        words[i] = strsep(&rest, " ");
        if (!rest) {
            return false;
        }
    }
    *place = (struct reading_place){.time_us = 0};
    return read_number(words[0], 0, &place->time_us) &&
           argument_count(words[1], 1, INT64_MAX, &place->given) &&
           copy_word(place->bridge, sizeof place->bridge, words[2]) &&
           copy_word(place->epoch, sizeof place->epoch, words[3]) && read_number(words[4], 0, &place->seq) &&
           copy_word(place->tag, sizeof place->tag, rest);
}

char *reading_place_write(const struct reading_place *place, char *text)
{
    snprintf(text, READING_PLACE_TEXT_MAX, "%lld %llu %s %s %lld %s", (long long)place->time_us,
             (unsigned long long)place->given, place->bridge, place->epoch, (long long)place->seq,
             place->tag);
    return text;
}

static const char *text_of(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

static bool is_at(const struct reading_place *place, sqlite3_stmt *row)
{
    return place->time_us == sqlite3_column_int64(row, READING_WALK_TIME) &&
           place->seq == sqlite3_column_int64(row, READING_WALK_SEQ) &&
           strcmp(place->tag, text_of(row, READING_WALK_TAG)) == 0 &&
           strcmp(place->bridge, text_of(row, READING_WALK_BRIDGE)) == 0 &&
           strcmp(place->epoch, text_of(row, READING_WALK_EPOCH)) == 0;
}

static void note_place(struct reading_place *place, sqlite3_stmt *row)
{
    if (place->given > 0 && is_at(place, row)) {
        place->given++;
        return;
    }
    place->given = 1;
    place->time_us = sqlite3_column_int64(row, READING_WALK_TIME);
    place->seq = sqlite3_column_int64(row, READING_WALK_SEQ);
    snprintf(place->bridge, sizeof place->bridge, "%s", text_of(row, READING_WALK_BRIDGE));
    snprintf(place->epoch, sizeof place->epoch, "%s", text_of(row, READING_WALK_EPOCH));
    snprintf(place->tag, sizeof place->tag, "%s", text_of(row, READING_WALK_TAG));
}

/* ---- windows ---- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t window_end(const struct reading_walk *walk)
{
    bool fits = walk->window_us <= walk->end_us - walk->at_us;
    return fits ? walk->at_us + walk->window_us - 1 : walk->end_us;
}

static void bind_tail(const struct reading_walk *walk)
{
    sqlite3_stmt *statement = walk->statement;
    const struct reading_place *start = &walk->start;
    if (start->given > 0) {
        sqlite3_bind_int64(statement, 6, start->time_us);
        sqlite3_bind_text(statement, 7, start->bridge, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 8, start->tag, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 9, start->epoch, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 10, start->seq);
    }
    // What is skipped, and the rows of earlier windows, are no more than a little waste.
    sqlite3_bind_int64(statement, 11, walk->limit > 0 ? (sqlite3_int64)(walk->limit + start->given) : -1);
}

static enum err open_window(struct reading_walk *walk, struct err_text *why)
{
    struct reading_search search = walk->search;
    search.from_us = walk->at_us;
    search.to_us = window_end(walk);
    walk->found = 0;
    enum err result = reading_search_prepare(walk->db, &search, columns, tail, &walk->statement, why);
    if (result == ERR_OK) {
        bind_tail(walk);
    }
    return result;
}

static void close_window(struct reading_walk *walk)
{
    sqlite3_finalize(walk->statement);
    walk->statement = NULL;
    walk->at_us = window_end(walk) + 1;
    if (walk->found < READING_WALK_WINDOW / 4 && walk->window_us < INT64_MAX / 4) {
        walk->window_us *= 4;
    } else if (walk->found > READING_WALK_WINDOW && walk->window_us >= 2) {
        walk->window_us /= 2;
    }
}

static enum err find_bounds(struct reading_walk *walk, struct err_text *why)
{
    sqlite3_stmt *statement;
    bool row = false;
    walk->at_us = walk->search.from_us;
    walk->end_us = -1;
    enum err result = db_prepare(walk->db, bounds_sql, &statement, why);
    if (result != ERR_OK) {
        return result;
    }
    result = db_step(walk->db, statement, &row, why);
    if (row && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
        int64_t last_us = sqlite3_column_int64(statement, 1);
        walk->at_us = later(walk->at_us, sqlite3_column_int64(statement, 0));
        walk->end_us = walk->search.to_us < last_us ? walk->search.to_us : last_us;
    }
    sqlite3_finalize(statement);
    return result;
}

/* ---- walking ---- */

enum err reading_walk_start(struct reading_walk *walk, struct db *db, const struct reading_search *search,
                            const struct reading_place *after, uint64_t limit, struct err_text *why)
{
    *walk = (struct reading_walk){.db = db, .search = *search, .limit = limit, .window_us = FIRST_WINDOW_US};
    enum err result = find_bounds(walk, why);
    if (after) {
        walk->place = *after;
        walk->start = *after;
        walk->to_skip = after->given;
        walk->at_us = later(walk->at_us, after->time_us);
    }
    return result;
}

static bool is_skipped(struct reading_walk *walk, sqlite3_stmt *row)
{
    if (walk->to_skip == 0 || !is_at(&walk->start, row)) {
        walk->to_skip = 0;
        return false;
    }
    walk->to_skip--;
    return true;
}

enum err reading_walk_next(struct reading_walk *walk, sqlite3_stmt **out, struct err_text *why)
{
    *out = NULL;
    while (walk->statement || walk->at_us <= walk->end_us) {
        bool row = false;
        enum err result = walk->statement ? ERR_OK : open_window(walk, why);
        if (result == ERR_OK) {
            result = db_step(walk->db, walk->statement, &row, why);
        }
        if (result != ERR_OK) {
            return result;
        }
        if (!row) {
            close_window(walk);
            continue;
        }
        walk->found++;
        if (!is_skipped(walk, walk->statement)) {
            note_place(&walk->place, walk->statement);
            *out = walk->statement;
            return ERR_OK;
        }
    }
    return ERR_OK;
}

void reading_walk_end(struct reading_walk *walk)
{
    sqlite3_finalize(walk->statement);
    walk->statement = NULL;
}
