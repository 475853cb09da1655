#include "send/input.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/did_you_mean.h"
#include "csv_line.h"
#include "json_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum field {
    FIELD_TAG,
    FIELD_VALUE,
    FIELD_TIME,
    FIELD_UNIT,
    FIELD_QUALITY,
    FIELD_COUNT,
    FIELD_IGNORED = FIELD_COUNT
};
static const char *const field_names[] = {
    [FIELD_TAG] = "tag",   [FIELD_VALUE] = "value",     [FIELD_TIME] = "time",
    [FIELD_UNIT] = "unit", [FIELD_QUALITY] = "quality",
};
/* What `bourdon readings` writes and nobody can choose. */
static const char *const ignored_names[] = {"bridge", "request_time", "epoch", "seq"};

enum { PROGRESS_LINES = 4096 };

/* One reading as texts; NULL = not given. */
struct texts {
    const char *field[FIELD_COUNT];
    bool value_is_text; /* a JSON string: no quotes within */
};

struct reader {
    struct input *input;
    struct line_reader lines;
    struct json_tree tree;
    enum field columns[CSV_FIELDS_MAX];
    size_t column_count;
};

static bool find_field(const char *name, enum field *field)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(name, field_names[i]) == 0) {
            *field = (enum field)i;
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(ignored_names); i++) {
        if (strcmp(name, ignored_names[i]) == 0) {
            *field = FIELD_IGNORED;
            return true;
        }
    }
    return false;
}

static enum err unknown_field(const char *what, const char *name, struct err_text *why)
{
    const char *near = did_you_mean(name, field_names, FIELD_COUNT);
    return near ? err_set(why, ERR_MALFORMED, "unknown %s \"%.64s\"; did you mean \"%s\"?", what, name, near)
                : err_set(why, ERR_MALFORMED,
                          "unknown %s \"%.64s\"; there are tag, value, time, unit, quality", what, name);
}

static bool given(const char *text)
{
    return text && *text;
}

/* ---- texts to a reading ---- */

static enum err item_from_texts(const struct texts *texts, struct item *item, struct err_text *why)
{
    const char *quality = texts->field[FIELD_QUALITY];
    const char *time = texts->field[FIELD_TIME];
    const char *value = texts->field[FIELD_VALUE];
    *item = (struct item){.tag = texts->field[FIELD_TAG], .unit = texts->field[FIELD_UNIT]};
    item->unit = item->unit ? item->unit : "";
    if (!given(item->tag)) {
        return err_set(why, ERR_MALFORMED, "tag: it is missing");
    }
    if (given(quality) && !item_quality(quality, &item->quality)) {
        return err_set(why, ERR_MALFORMED, "quality: \"%.64s\" is none; the usual one is \"good\"", quality);
    }
    if (given(time) && !clock_parse(time, &item->time_us)) {
        return err_set(why, ERR_MALFORMED,
                       "time: \"%.64s\" is not like 2026-01-31T23:59:59.5Z or seconds since 1970", time);
    }
    if (!quality_has_value(item->quality) && !given(value)) {
        return ERR_OK;
    }
    if (texts->value_is_text) {
        return item_text_value(value, &item->value, why);
    }
    if (!given(value)) {
        return err_set(why, ERR_MALFORMED, "value: it is missing");
    }
    enum err result = item_value(value, &item->value, why);
    return result == ERR_OK ? ERR_OK : err_prefix(why, result, "value");
}

/* ---- CSV ---- */

static enum err read_head(struct reader *reader, struct err_text *why)
{
    char *names[CSV_FIELDS_MAX];
    bool seen[FIELD_COUNT + 1] = {false};
    enum err result = csv_line_split(reader->lines.text, names, &reader->column_count, why);
    for (size_t i = 0; i < reader->column_count && result == ERR_OK; i++) {
        if (!find_field(names[i], &reader->columns[i])) {
            result = unknown_field("column", names[i], why);
        } else if (seen[reader->columns[i]] && reader->columns[i] != FIELD_IGNORED) {
            result = err_set(why, ERR_MALFORMED, "the column \"%s\" is there twice", names[i]);
        } else {
            seen[reader->columns[i]] = true;
        }
    }
    if (result == ERR_OK && !(seen[FIELD_TAG] && seen[FIELD_VALUE])) {
        result = err_set(why, ERR_MALFORMED, "the first line must name the columns tag and value");
    }
    return result;
}

static enum err csv_texts(struct reader *reader, struct texts *texts, struct err_text *why)
{
    char *fields[CSV_FIELDS_MAX];
    size_t count;
    enum err result = csv_line_split(reader->lines.text, fields, &count, why);
    if (result != ERR_OK) {
        return result;
    }
    if (count != reader->column_count) {
        return err_set(why, ERR_MALFORMED, "%zu fields, the first line has %zu", count, reader->column_count);
    }
    for (size_t i = 0; i < count; i++) {
        if (reader->columns[i] != FIELD_IGNORED) {
            texts->field[reader->columns[i]] = fields[i];
        }
    }
    return ERR_OK;
}

/* ---- JSON ---- */

static enum err take_member(const struct json_node *member, struct texts *texts, struct err_text *why)
{
    enum field field;
    if (!find_field(member->key, &field)) {
        return unknown_field("key", member->key, why);
    }
    if (field == FIELD_IGNORED || member->kind == JSON_NULL) {
        return ERR_OK;
    }
    bool plain = member->kind == JSON_STRING || member->kind == JSON_NUMBER || member->kind == JSON_BOOL;
    bool fits = field == FIELD_VALUE || member->kind == JSON_STRING ||
                (field == FIELD_TIME && member->kind == JSON_NUMBER);
    if (!plain || !fits) {
        return err_set(why, ERR_MALFORMED, "%s: it is of the wrong kind", member->key);
    }
    if (texts->field[field]) {
        return err_set(why, ERR_MALFORMED, "%s: it is there twice", member->key);
    }
    texts->field[field] = member->text;
    texts->value_is_text |= field == FIELD_VALUE && member->kind == JSON_STRING;
    return ERR_OK;
}

static enum err json_texts(struct reader *reader, struct texts *texts, struct err_text *why)
{
    enum err result = json_tree_read(&reader->tree, reader->lines.text, reader->lines.size, why);
    if (result != ERR_OK) {
        return result;
    }
    const struct json_node *root = &reader->tree.nodes[0];
    if (root->kind != JSON_OBJECT) {
        return err_set(why, ERR_MALFORMED, "not a JSON object");
    }
    for (const struct json_node *member = json_first(&reader->tree, root); member && result == ERR_OK;
         member = json_next(&reader->tree, member)) {
        result = take_member(member, texts, why);
    }
    return result;
}

/* ---- lines ---- */

static enum err check_line(const struct reader *reader, enum line_kind kind, struct err_text *why)
{
    if (kind == LINE_TOO_LONG) {
        return err_set(why, ERR_MALFORMED, "longer than %d bytes", LINE_READER_MAX);
    }
    if (kind == LINE_HAS_NUL) {
        return err_set(why, ERR_MALFORMED, "it has a NUL byte");
    }
    return reader->lines.size == 0 ? err_set(why, ERR_MALFORMED, "it is empty") : ERR_OK;
}

static enum err take_line(struct reader *reader, enum line_kind kind, struct err_text *why)
{
    struct texts texts = {{NULL}, false};
    struct item item;
    enum err result = check_line(reader, kind, why);
    if (result == ERR_OK) {
        result = reader->column_count > 0 ? csv_texts(reader, &texts, why) : json_texts(reader, &texts, why);
    }
    if (result == ERR_OK) {
        result = item_from_texts(&texts, &item, why);
    }
    if (result == ERR_OK) {
        result = series_add(reader->input->series, &item, why);
    }
    return result;
}

static void complain(struct input *input, uint64_t line, const char *text)
{
    if (input->bad++ < INPUT_COMPLAINTS_MAX) {
        fprintf(input->complaints, "%s:%" PRIu64 ": %s\n", input->name, line, text);
    }
}

/* Whether the error is about this line alone. */
static bool is_of_line(const struct reader *reader, enum err result)
{
    return result == ERR_MALFORMED ||
           (result == ERR_LIMIT && series_count(reader->input->series) < SERIES_READINGS_MAX);
}

/* The first line: a head, or a reading in JSON. */
static enum err begin(struct reader *reader, enum line_kind kind, struct err_text *why)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    struct line_reader *lines = &reader->lines;
    if (lines->size >= 3 && memcmp(lines->text, byte_order_mark, 3) == 0) {
        lines->size -= 3;
        memmove(lines->text, lines->text + 3, lines->size + 1);
    }
    if (lines->text[strspn(lines->text, " \t")] == '{') {
        return take_line(reader, kind, why);
    }
    enum err result = check_line(reader, kind, why);
    if (result == ERR_OK) {
        result = read_head(reader, why);
    }
    return result == ERR_OK ? ERR_OK : err_prefix(why, ERR_CONFIG, "%s:1", reader->input->name);
}

static enum err read_lines(struct reader *reader, struct err_text *why)
{
    struct input *input = reader->input;
    enum line_kind kind;
    while ((kind = line_reader_next(&reader->lines)) < LINE_END) {
        uint64_t number = reader->lines.number;
        enum err result = number == 1 ? begin(reader, kind, why) : take_line(reader, kind, why);
        if (result != ERR_OK && !is_of_line(reader, result)) {
            return result;
        }
        if (result != ERR_OK) {
            complain(input, number, why->text);
        }
        if (input->progress && number % PROGRESS_LINES == 0) {
            input->progress(input->owner, number);
        }
    }
    input->lines = reader->lines.number;
    return kind == LINE_FAILED ? err_errno(why, errno, "%s", input->name) : ERR_OK;
}

enum err input_read(struct input *input, struct err_text *why)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    reader->input = input;
    reader->lines.file = input->file;
    enum err result = read_lines(reader, why);
    if (input->bad > INPUT_COMPLAINTS_MAX) {
        fprintf(input->complaints, "%s: and %" PRIu64 " more bad lines\n", input->name,
                input->bad - INPUT_COMPLAINTS_MAX);
    }
    json_tree_fini(&reader->tree);
    free(reader);
    return result;
}
