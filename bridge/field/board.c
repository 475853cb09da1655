#include "field/board.h"

#include "base/json.h"
#include "tunnel/value.h"

#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct cell {
    int64_t response_us;
    uint32_t first_word;
    uint8_t quality;
    bool seen;
};

struct board {
    const struct catalog *catalog;
    struct reading_sink next;
    pthread_mutex_t mutex; /* over cells and words */
    struct cell *cells;    /* owned; one a tag */
    uint16_t *words;       /* owned */
};

static size_t place_words(struct board *board)
{
    size_t words = 0;
    for (size_t i = 0; i < catalog_count(board->catalog); i++) {
        board->cells[i].first_word = (uint32_t)words;
        words += catalog_tag(board->catalog, i)->words;
    }
    return words;
}

enum err board_new(const struct catalog *catalog, const struct reading_sink *next, struct board **out)
{
    struct board *board = calloc(1, sizeof *board);
    if (!board) {
        return ERR_NO_MEMORY;
    }
    board->catalog = catalog;
    board->next = *next;
    board->cells = calloc(catalog_count(catalog) + 1, sizeof *board->cells);
    if (board->cells) {
        board->words = calloc(place_words(board) + 1, sizeof *board->words);
    }
    if (!board->words || pthread_mutex_init(&board->mutex, NULL) != 0) {
        free(board->words);
        free(board->cells);
        free(board);
        return ERR_NO_MEMORY;
    }
    *out = board;
    return ERR_OK;
}

void board_free(struct board *board)
{
    if (board) {
        pthread_mutex_destroy(&board->mutex);
        free(board->words);
        free(board->cells);
        free(board);
    }
}

static bool put(void *owner, const struct reading *readings, size_t count)
{
    struct board *board = owner;
    pthread_mutex_lock(&board->mutex);
    for (size_t i = 0; i < count; i++) {
        struct cell *cell = &board->cells[readings[i].tag];
        cell->response_us = readings[i].response_us;
        cell->quality = (uint8_t)readings[i].quality;
        cell->seen = true;
        memcpy(board->words + cell->first_word, readings[i].words,
               readings[i].word_count * sizeof *board->words);
    }
    pthread_mutex_unlock(&board->mutex);
    return board->next.put(board->next.owner, readings, count);
}

static void begin(void *owner, struct reading_promise *promise)
{
    struct board *board = owner;
    reading_sink_begin(&board->next, promise);
}

static void end(void *owner, struct reading_promise *promise)
{
    struct board *board = owner;
    reading_sink_end(&board->next, promise);
}

struct reading_sink board_sink(struct board *board)
{
    return (struct reading_sink){.owner = board, .put = put, .begin = begin, .end = end};
}

/* Digits and one blank, or the end. */
static bool parse_number(const char **text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(*text, &end, 10);
    bool digits = **text >= '0' && **text <= '9' && errno == 0 && (*end == ' ' || *end == '\0');
    *text = *end == ' ' ? end + 1 : end;
    return digits;
}

bool board_query_parse(const char *text, struct board_query *query)
{
    if (!parse_number(&text, &query->skip) || !parse_number(&text, &query->rows)) {
        return false;
    }
    query->rows = query->rows < BOARD_ROWS_MAX ? query->rows : BOARD_ROWS_MAX;
    query->pattern = text;
    return true;
}

static const char *text_of(const struct board *board, size_t index, const struct cell *cell, char *text)
{
    const struct catalog_tag *tag = catalog_tag(board->catalog, index);
    struct value value;
    bool has_value = cell->seen && quality_has_value((enum quality)cell->quality);
    if (!has_value || value_decode(tag, board->words + cell->first_word, tag->words, &value) != ERR_OK) {
        return NULL;
    }
    return value_text(&value, text);
}

static void write_row(struct board *board, size_t index, struct json *json)
{
    const struct catalog_tag *tag = catalog_tag(board->catalog, index);
    char text[VALUE_TEXT_MAX];
    pthread_mutex_lock(&board->mutex);
    const struct cell cell = board->cells[index];
    const char *value = text_of(board, index, &cell, text);
    pthread_mutex_unlock(&board->mutex);
    json_object(json, NULL);
    json_string(json, "tag", tag->name);
    json_string(json, "value", value);
    json_string(json, "unit", tag->unit);
    json_string(json, "quality", cell.seen ? quality_token((enum quality)cell.quality) : "none");
    json_i64(json, "time_us", cell.response_us);
    json_object_end(json);
}

void board_answer(struct board *board, const struct board_query *query, struct json *json)
{
    uint64_t matching = 0;
    json_array(json, "tags");
    for (size_t i = 0; i < catalog_count(board->catalog); i++) {
        if (*query->pattern && fnmatch(query->pattern, catalog_tag(board->catalog, i)->name, 0) != 0) {
            continue;
        }
        if (matching >= query->skip && matching - query->skip < query->rows) {
            write_row(board, i, json);
        }
        matching++;
    }
    json_array_end(json);
    json_u64(json, "matching", matching);
}
