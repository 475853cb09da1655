#include "base/diagnostics.h"

#include "base/log.h"
#include "base/source.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUOTE_MAX = 160,   /* bytes of a line that are shown */
    QUOTE_BEFORE = 60, /* of these, in front of the place, when the line is longer */
};

struct item {
    struct place place;
    bool warning;
    char *message;
    char *hint; /* NULL = none */
};

struct key_note {
    struct place mapping;
    struct place place;
    const char *key; /* borrowed from the option table; NULL ends the mapping */
};

struct diagnostics {
    struct source *files;
    uint32_t file_count;
    struct item *items; /* sorted by place */
    size_t item_count;
    size_t errors;
    size_t warnings;
    struct key_note *notes;
    size_t note_count;
    size_t note_capacity;
};

struct diagnostics *diagnostics_new(void)
{
    return calloc(1, sizeof(struct diagnostics));
}

void diagnostics_free(struct diagnostics *diagnostics)
{
    if (!diagnostics) {
        return;
    }
    for (uint32_t i = 0; i < diagnostics->file_count; i++) {
        source_fini(&diagnostics->files[i]);
    }
    for (size_t i = 0; i < diagnostics->item_count; i++) {
        free(diagnostics->items[i].message);
        free(diagnostics->items[i].hint);
    }
    free(diagnostics->files);
    free(diagnostics->items);
    free(diagnostics->notes);
    free(diagnostics);
}

uint32_t diagnostics_add_file(struct diagnostics *diagnostics, const char *name, const char *text,
                              size_t size)
{
    struct source *files = realloc(diagnostics->files, (diagnostics->file_count + 1) * sizeof *files);
    if (!files) {
        return 0;
    }
    diagnostics->files = files;
    if (source_init(&files[diagnostics->file_count], name, text, size) != ERR_OK) {
        return 0;
    }
    return ++diagnostics->file_count;
}

static const struct source *find_file(const struct diagnostics *diagnostics, uint32_t number)
{
    return number > 0 && number <= diagnostics->file_count ? &diagnostics->files[number - 1] : NULL;
}

const char *diagnostics_file_name(const struct diagnostics *diagnostics, uint32_t file)
{
    const struct source *source = find_file(diagnostics, file);
    return source ? source->name : NULL;
}

struct place diagnostics_place(const struct diagnostics *diagnostics, uint32_t file, size_t offset,
                               size_t length)
{
    const struct source *source = find_file(diagnostics, file);
    if (!source) {
        return (struct place){0};
    }
    struct source_position at = source_position(source, offset);
    return (struct place){
        .file = file,
        .line = at.line,
        .column = at.column,
        .length = length < UINT32_MAX ? (uint32_t)length : UINT32_MAX,
    };
}

static int compare_places(struct place a, struct place b)
{
    if (a.file != b.file) {
        return a.file < b.file ? -1 : 1;
    }
    if (a.line != b.line) {
        return a.line < b.line ? -1 : 1;
    }
    return a.column < b.column ? -1 : a.column > b.column;
}

void diagnostics_note_key(struct diagnostics *diagnostics, struct place mapping, const char *key,
                          struct place place)
{
    if (diagnostics->note_count == diagnostics->note_capacity) {
        size_t capacity = diagnostics->note_capacity ? diagnostics->note_capacity * 2 : 64;
        struct key_note *notes = realloc(diagnostics->notes, capacity * sizeof *notes);
        if (!notes) {
            return;
        }
        diagnostics->notes = notes;
        diagnostics->note_capacity = capacity;
    }
    diagnostics->notes[diagnostics->note_count++] =
        (struct key_note){.mapping = mapping, .place = place, .key = key};
}

/* The first note that is not in front of `place`; notes are in the order of the file. */
static size_t first_note_from(const struct diagnostics *diagnostics, struct place place)
{
    size_t low = 0;
    size_t high = diagnostics->note_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_places(diagnostics->notes[middle].place, place) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct place diagnostics_find_key(const struct diagnostics *diagnostics, struct place mapping,
                                  const char *key)
{
    for (size_t i = first_note_from(diagnostics, mapping); i < diagnostics->note_count; i++) {
        const struct key_note *note = &diagnostics->notes[i];
        if (compare_places(note->mapping, mapping) != 0) {
            continue;
        }
        if (!note->key) {
            break;
        }
        if (strcmp(note->key, key) == 0) {
            return note->place;
        }
    }
    return mapping;
}

/* Keeps the items in the order of their places. At most 2 * DIAGNOSTICS_MAX. */
static void keep_item(struct diagnostics *diagnostics, struct item item)
{
    size_t size = (diagnostics->item_count + 1) * sizeof item;
    struct item *items = item.message ? realloc(diagnostics->items, size) : NULL;
    if (!items) {
        free(item.message);
        free(item.hint);
        return;
    }
    diagnostics->items = items;
    size_t at = diagnostics->item_count++;
    for (; at > 0 && compare_places(items[at - 1].place, item.place) > 0; at--) {
        items[at] = items[at - 1];
    }
    items[at] = item;
}

PRINTF_LIKE(4, 0)
static void collect(struct diagnostics *diagnostics, struct item item, const char *hint, const char *format,
                    va_list args)
{
    if (vasprintf(&item.message, format, args) < 0) {
        item.message = NULL;
    }
    item.hint = hint ? strdup(hint) : NULL;
    keep_item(diagnostics, item);
}

void diagnostics_add(struct diagnostics *diagnostics, struct place place, const char *hint,
                     const char *format, ...)
{
    if (diagnostics->errors++ >= DIAGNOSTICS_MAX) {
        return;
    }
    va_list args;
    va_start(args, format);
    collect(diagnostics, (struct item){.place = place}, hint, format, args);
    va_end(args);
}

void diagnostics_warn(struct diagnostics *diagnostics, struct place place, const char *hint,
                      const char *format, ...)
{
    if (diagnostics->warnings++ >= DIAGNOSTICS_MAX) {
        return;
    }
    va_list args;
    va_start(args, format);
    collect(diagnostics, (struct item){.place = place, .warning = true}, hint, format, args);
    va_end(args);
}

size_t diagnostics_count(const struct diagnostics *diagnostics)
{
    return diagnostics->errors;
}

/* Writes text on one line: what a terminal would act on, and what is not UTF-8, shows as U+FFFD. */
static void print_clean(FILE *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint32_t code_point;
        size_t length = utf8_next(text + i, size - i, &code_point);
        bool control = code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
        if (length == 0 || (control && code_point != '\t')) {
            fputs(UTF8_REPLACEMENT, out);
        } else {
            fwrite(text + i, 1, length, out);
        }
        i += length ? length : 1;
    }
}

/* The number of columns `text` takes; as many characters as print_clean() writes. */
static size_t count_columns(const char *text, size_t size)
{
    size_t columns = 0;
    for (size_t i = 0; i < size; columns++) {
        size_t length = utf8_next(text + i, size - i, NULL);
        i += length ? length : 1;
    }
    return columns;
}

/* As wide as print_clean() of the same text. */
static void print_blank(FILE *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        fputc(text[i] == '\t' ? '\t' : ' ', out);
        size_t length = utf8_next(text + i, size - i, NULL);
        i += length ? length : 1;
    }
}

/* A long line shows as a window around the place. */
static struct bytes visible_part(struct bytes line, size_t at)
{
    size_t start = 0;
    size_t end = line.size;
    if (line.size > QUOTE_MAX) {
        start = at > QUOTE_BEFORE ? at - QUOTE_BEFORE : 0;
        end = start + QUOTE_MAX < line.size ? start + QUOTE_MAX : line.size;
    }
    while (start < at && utf8_is_tail(line.data[start])) {
        start++;
    }
    while (end > at && end < line.size && utf8_is_tail(line.data[end])) {
        end--;
    }
    return (struct bytes){.data = line.data + start, .size = end - start};
}

static void print_quote(FILE *out, const struct source *source, struct place place)
{
    struct bytes line = source_line(source, place.line);
    size_t at = place.column - 1 < line.size ? place.column - 1 : line.size;
    struct bytes part = visible_part(line, at);
    const char *text = (const char *)part.data;
    bool starts_late = part.data > line.data;
    bool ends_early = part.data + part.size < line.data + line.size;
    fprintf(out, "%5" PRIu32 " | %s", place.line, starts_late ? "..." : "");
    print_clean(out, text, part.size);
    fprintf(out, "%s\n      | %s", ends_early ? "..." : "", starts_late ? "   " : "");

    size_t before = at - (size_t)(part.data - line.data);
    size_t marked = part.size - before < place.length ? part.size - before : place.length;
    print_blank(out, text, before);
    fputc('^', out);
    for (size_t columns = count_columns(text + before, marked); columns > 1; columns--) {
        fputc('~', out);
    }
    fputc('\n', out);
}

static void print_item(FILE *out, const struct source *source, const struct item *item)
{
    if (source) {
        print_clean(out, source->name, strlen(source->name));
        fputc(':', out);
    }
    if (source && item->place.line > 0) {
        fprintf(out, "%" PRIu32 ":%" PRIu32 ":", item->place.line, item->place.column);
    }
    fprintf(out, "%s%s: ", source ? " " : "", item->warning ? "warning" : "error");
    print_clean(out, item->message, strlen(item->message));
    fputc('\n', out);
    if (source && item->place.line > 0) {
        print_quote(out, source, item->place);
    }
    if (item->hint) {
        fputs("      = hint: ", out);
        print_clean(out, item->hint, strlen(item->hint));
        fputc('\n', out);
    }
}

static void print_count(FILE *out, size_t count, const char *what)
{
    fprintf(out, "%zu %s%s", count, what, count == 1 ? "" : "s");
    if (count > DIAGNOSTICS_MAX) {
        fprintf(out, " (the first %d are shown)", DIAGNOSTICS_MAX);
    }
}

void diagnostics_print(const struct diagnostics *diagnostics, FILE *out)
{
    for (size_t i = 0; i < diagnostics->item_count; i++) {
        const struct item *item = &diagnostics->items[i];
        print_item(out, find_file(diagnostics, item->place.file), item);
    }
    if (diagnostics->errors > 0) {
        print_count(out, diagnostics->errors, "error");
    }
    if (diagnostics->warnings > 0) {
        fputs(diagnostics->errors > 0 ? ", " : "", out);
        print_count(out, diagnostics->warnings, "warning");
    }
    if (diagnostics->errors + diagnostics->warnings > 0) {
        fputc('\n', out);
    }
}

static void log_item(const char *subsystem, const struct source *source, const struct item *item)
{
    enum log_level level = item->warning ? LOG_WARN : LOG_ERROR;
    LOG_AT(level, subsystem, log_event(item->warning ? "config_warning" : "config_error"),
           log_str("file", source ? source->name : NULL), log_u64("line", item->place.line),
           log_u64("column", item->place.column), log_str("text", item->message),
           log_str("hint", item->hint));
}

void diagnostics_log(const struct diagnostics *diagnostics, const char *subsystem)
{
    for (size_t i = 0; i < diagnostics->item_count; i++) {
        const struct item *item = &diagnostics->items[i];
        log_item(subsystem, find_file(diagnostics, item->place.file), item);
    }
}
