#include "truth/truth_file.h"

#include "base/array.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What an answer gave out. Sorted by place, then time. */
struct span {
    int64_t served_us;
    size_t words; /* index into the words of the file */
    uint16_t endpoint;
    uint8_t unit;
    uint8_t table;
    uint16_t address;
    uint16_t count;
    bool used;
};

struct truth_file {
    struct span *spans;
    size_t span_count, span_capacity;
    uint16_t *words;
    size_t word_count, word_capacity;
    char *endpoints[TRUTH_ENDPOINTS_MAX];
    size_t endpoint_count;
};

enum {
    FIELD_SERVED,
    FIELD_ENDPOINT,
    FIELD_UNIT,
    FIELD_WHAT,
    FIELD_TABLE,
    FIELD_ADDRESS,
    FIELD_SENT,
    FIELD_ITEMS,
    FIELDS
};

/* ---- one line ---- */

static bool split(char *line, char **fields)
{
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = strsep(&line, "\t");
        if (!fields[i]) {
            return false;
        }
    }
    return line == NULL;
}

static bool parse_number(const char *text, int base, uint64_t max, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, base);
    return errno == 0 && end != text && *end == '\0' && *text != '-' && *value <= max;
}

static bool parse_table(const char *text, uint8_t *table)
{
    static const char *const names[] = {[TABLE_COIL] = "coil",
                                        [TABLE_DISCRETE] = "discrete",
                                        [TABLE_INPUT] = "input",
                                        [TABLE_HOLDING] = "holding"};
    for (size_t i = TABLE_COIL; i < ARRAY_LENGTH(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *table = (uint8_t)i;
            return true;
        }
    }
    return false;
}

/* Room for `needed` items of `size` bytes: the moved array, or NULL and the old one stays. */
static void *grow(void *items, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) {
        return items;
    }
    size_t larger = *capacity > 0 ? 2 * *capacity : 4096;
    larger = larger < needed ? needed : larger;
    void *moved = realloc(items, larger * size);
    if (moved) {
        *capacity = larger;
    }
    return moved;
}

/* Appends the items of a span: bits are a digit each, registers four. */
static enum err parse_items(struct truth_file *truth, char *text, struct span *span)
{
    size_t digits = span->table == TABLE_COIL || span->table == TABLE_DISCRETE ? 1 : 4;
    size_t size = strlen(text);
    if (size == 0 || size % digits != 0 || span->address + size / digits > UINT16_MAX + 1) {
        return ERR_MALFORMED;
    }
    span->count = (uint16_t)(size / digits);
    span->words = truth->word_count;
    uint16_t *words =
        grow(truth->words, &truth->word_capacity, truth->word_count + span->count, sizeof *words);
    if (!words) {
        return ERR_NO_MEMORY;
    }
    truth->words = words;
    for (size_t i = 0; i < span->count; i++) {
        char item[5] = {0};
        uint64_t value;
        memcpy(item, text + i * digits, digits);
        if (!parse_number(item, 16, digits == 1 ? 1 : UINT16_MAX, &value)) {
            return ERR_MALFORMED;
        }
        truth->words[span->words + i] = (uint16_t)value;
    }
    truth->word_count += span->count;
    return ERR_OK;
}

static enum err intern_endpoint(struct truth_file *truth, const char *name, uint16_t *endpoint)
{
    size_t index = truth_file_endpoint(truth, name);
    if (index == TRUTH_NO_ENDPOINT) {
        if (truth->endpoint_count == TRUTH_ENDPOINTS_MAX) {
            return ERR_LIMIT;
        }
        index = truth->endpoint_count;
        truth->endpoints[index] = strdup(name);
        if (!truth->endpoints[index]) {
            return ERR_NO_MEMORY;
        }
        truth->endpoint_count++;
    }
    *endpoint = (uint16_t)index;
    return ERR_OK;
}

static enum err add_span(struct truth_file *truth, const struct span *span)
{
    struct span *spans = grow(truth->spans, &truth->span_capacity, truth->span_count + 1, sizeof *spans);
    if (!spans) {
        return ERR_NO_MEMORY;
    }
    truth->spans = spans;
    truth->spans[truth->span_count++] = *span;
    return ERR_OK;
}

static enum err add_line(struct truth_file *truth, char *line)
{
    char *fields[FIELDS];
    struct span span = {0};
    uint64_t served_us;
    uint64_t unit;
    uint64_t address;
    if (!split(line, fields) || !parse_number(fields[FIELD_SERVED], 10, INT64_MAX, &served_us) ||
        !parse_number(fields[FIELD_UNIT], 10, UINT8_MAX, &unit) ||
        !parse_table(fields[FIELD_TABLE], &span.table) ||
        !parse_number(fields[FIELD_ADDRESS], 10, UINT16_MAX, &address)) {
        return ERR_MALFORMED;
    }
    span.served_us = (int64_t)served_us;
    span.unit = (uint8_t)unit;
    span.address = (uint16_t)address;
    if (strcmp(fields[FIELD_WHAT], "read") != 0 || strcmp(fields[FIELD_SENT], "good") != 0) {
        return ERR_OK;
    }
    if (truth->span_count == TRUTH_SPANS_MAX) {
        return ERR_LIMIT;
    }
    enum err result = intern_endpoint(truth, fields[FIELD_ENDPOINT], &span.endpoint);
    if (result == ERR_OK) {
        result = parse_items(truth, fields[FIELD_ITEMS], &span);
    }
    return result == ERR_OK ? add_span(truth, &span) : result;
}

/* ---- the file ---- */

static int compare_place(const struct span *left, const struct span *right)
{
    if (left->endpoint != right->endpoint) {
        return left->endpoint < right->endpoint ? -1 : 1;
    }
    if (left->unit != right->unit) {
        return left->unit < right->unit ? -1 : 1;
    }
    return (left->table > right->table) - (left->table < right->table);
}

static int compare_spans(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;
    int place = compare_place(a, b);
    return place != 0 ? place : (a->served_us > b->served_us) - (a->served_us < b->served_us);
}

static enum err read_lines(FILE *file, const char *name, struct truth_file *truth, struct err_text *why)
{
    char line[TRUTH_LINE_MAX];
    for (uint64_t number = 1; fgets(line, sizeof line, file); number++) {
        size_t size = strcspn(line, "\n");
        if (line[size] != '\n') {
            return err_set(why, ERR_MALFORMED,
                           "%s:%" PRIu64 ": the line has no end: longer than %d bytes, or cut", name, number,
                           TRUTH_LINE_MAX);
        }
        line[size] = '\0';
        enum err result = line[0] == '#' ? ERR_OK : add_line(truth, line);
        if (result != ERR_OK) {
            return err_set(why, result, "%s:%" PRIu64 ": %s", name, number,
                           result == ERR_MALFORMED ? "not a line of a truth file" : err_name(result));
        }
    }
    return ferror(file) ? err_errno(why, errno, "%s", name) : ERR_OK;
}

enum err truth_file_read(FILE *file, const char *name, struct truth_file **out, struct err_text *why)
{
    *out = NULL;
    struct truth_file *truth = calloc(1, sizeof *truth);
    if (!truth) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = read_lines(file, name, truth, why);
    if (result != ERR_OK) {
        truth_file_free(truth);
        return result;
    }
    if (truth->span_count > 0) {
        qsort(truth->spans, truth->span_count, sizeof *truth->spans, compare_spans);
    }
    *out = truth;
    return ERR_OK;
}

void truth_file_free(struct truth_file *truth)
{
    if (!truth) {
        return;
    }
    for (size_t i = 0; i < truth->endpoint_count; i++) {
        free(truth->endpoints[i]);
    }
    free(truth->spans);
    free(truth->words);
    free(truth);
}

size_t truth_file_endpoint_count(const struct truth_file *truth)
{
    return truth->endpoint_count;
}

size_t truth_file_endpoint(const struct truth_file *truth, const char *name)
{
    for (size_t i = 0; i < truth->endpoint_count; i++) {
        if (strcmp(truth->endpoints[i], name) == 0) {
            return i;
        }
    }
    return TRUTH_NO_ENDPOINT;
}

/* ---- questions ---- */

/* The first span that is not before `key`. */
static size_t lower_bound(const struct truth_file *truth, const struct span *key)
{
    size_t low = 0;
    size_t high = truth->span_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_spans(&truth->spans[middle], key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool covers(const struct span *span, const struct truth_question *question)
{
    return question->address >= span->address &&
           question->address + question->count <= (size_t)span->address + span->count;
}

enum truth_answer truth_file_ask(struct truth_file *truth, const struct truth_question *question)
{
    struct span key = {
        .endpoint = (uint16_t)question->endpoint,
        .unit = question->unit,
        .table = (uint8_t)question->table,
        .served_us = question->from_us,
    };
    enum truth_answer answer = TRUTH_NEVER;
    for (size_t i = lower_bound(truth, &key); i < truth->span_count; i++) {
        struct span *span = &truth->spans[i];
        if (compare_place(span, &key) != 0 || span->served_us > question->to_us) {
            break;
        }
        if (!covers(span, question)) {
            continue;
        }
        const uint16_t *served = &truth->words[span->words + question->address - span->address];
        if (memcmp(served, question->words, question->count * sizeof *served) == 0) {
            span->used = true;
            return TRUTH_SERVED;
        }
        answer = TRUTH_DIFFERENT;
    }
    return answer;
}

size_t truth_file_reads(const struct truth_file *truth)
{
    return truth->span_count;
}

size_t truth_file_unused(const struct truth_file *truth)
{
    size_t unused = 0;
    for (size_t i = 0; i < truth->span_count; i++) {
        unused += !truth->spans[i].used;
    }
    return unused;
}
