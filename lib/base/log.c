#include "base/log.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static atomic_int current_level = LOG_INFO;
static atomic_int current_format = LOG_LOGFMT;
static void (*line_sink)(void *owner, const char *line, size_t size);
static void *line_sink_owner;

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const format_names[] = {"logfmt", "json"};

enum { END_RESERVE = 32 }; /* closing quote, cut mark, brace and newline always fit */

struct line {
    char text[LOG_LINE_MAX];
    size_t size;
    bool cut;
};

static void put(struct line *line, const char *text, size_t size)
{
    if (line->cut || line->size + size > sizeof line->text - END_RESERVE) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void put_format(struct line *line, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_text(line, text);
}

static void put_quoted(struct line *line, const char *text)
{
    put_text(line, "\"");
    if (line->cut) {
        return;
    }
    const char *end = text + strlen(text);
    for (const char *at = text; at < end && !line->cut;) {
        uint32_t code_point;
        size_t length = utf8_next(at, (size_t)(end - at), &code_point);
        if (length == 0) {
            put_text(line, UTF8_REPLACEMENT);
            at++;
        } else if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0)) {
            put_format(line, "\\u%04x", code_point);
            at += length;
        } else if (*at == '"' || *at == '\\') {
            put_format(line, "\\%c", *at++);
        } else {
            put(line, at, length);
            at += length;
        }
    }
    line->text[line->size++] = '"';
}

static bool needs_quotes(const char *text)
{
    if (!*text) {
        return true;
    }
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at <= ' ' || *at >= 0x7f || *at == '"' || *at == '=' || *at == '\\') {
            return true;
        }
    }
    return false;
}

static void put_string(struct line *line, enum log_format format, const char *text)
{
    if (!text) {
        text = "";
    }
    if (format == LOG_JSON || needs_quotes(text)) {
        put_quoted(line, text);
    } else {
        put_text(line, text);
    }
}

static void put_hex(struct line *line, enum log_format format, const uint8_t *data, size_t size)
{
    const char *quote = format == LOG_JSON ? "\"" : "";
    put_text(line, quote);
    for (size_t i = 0; i < size; i++) {
        put_format(line, "%02x", data[i]);
    }
    put_text(line, quote);
}

static void put_key(struct line *line, enum log_format format, const char *key)
{
    if (format == LOG_JSON) {
        put_text(line, line->size > 1 ? ",\"" : "\"");
        put_text(line, key);
        put_text(line, "\":");
    } else {
        put_text(line, line->size > 0 ? " " : "");
        put_text(line, key);
        put_text(line, "=");
    }
}

static void put_field(struct line *line, enum log_format format, const struct log_field *field)
{
    size_t before = line->size;
    put_key(line, format, field->key);
    size_t value = line->size;
    switch (field->kind) {
    case LOG_KIND_STR:
        put_string(line, format, field->as.str);
        break;
    case LOG_KIND_I64:
        put_format(line, "%" PRId64, field->as.i64);
        break;
    case LOG_KIND_U64:
        put_format(line, "%" PRIu64, field->as.u64);
        break;
    case LOG_KIND_MS:
        put_format(line, "%.3f", (double)field->as.i64 / 1000.0);
        break;
    case LOG_KIND_BOOL:
        put_text(line, field->as.flag ? "true" : "false");
        break;
    case LOG_KIND_HEX:
        put_hex(line, format, field->as.hex.data, field->as.hex.size);
        break;
    }
    bool half_string = field->kind == LOG_KIND_STR && line->size > value;
    if (line->cut && !half_string) {
        line->size = before; /* half a number would be a wrong number */
    }
}

static void put_end(struct line *line, enum log_format format)
{
    if (line->cut) {
        const char *mark = format == LOG_JSON ? ",\"cut\":true" : " cut=true";
        size_t size = strlen(mark);
        memcpy(line->text + line->size, mark, size);
        line->size += size;
    }
    if (format == LOG_JSON) {
        line->text[line->size++] = '}';
    }
    line->text[line->size++] = '\n';
}

void log_write(enum log_level level, const char *subsystem, const struct log_field *fields, size_t count)
{
    if (!log_enabled(level)) {
        return;
    }
    enum log_format format = (enum log_format)atomic_load_explicit(&current_format, memory_order_relaxed);
    struct line line;
    line.size = 0;
    line.cut = false;
    if (format == LOG_JSON) {
        put_text(&line, "{");
    }
    char now[CLOCK_TEXT_MAX];
    const struct log_field head[] = {
        log_str("time", clock_format(clock_wall_us(), now)),
        log_str("level", level_names[level]),
        log_str("sub", subsystem),
    };
    for (size_t i = 0; i < ARRAY_LENGTH(head); i++) {
        put_field(&line, format, &head[i]);
    }
    for (size_t i = 0; i < count && !line.cut; i++) {
        put_field(&line, format, &fields[i]);
    }
    put_end(&line, format);
    if (line_sink) {
        line_sink(line_sink_owner, line.text, line.size);
        return;
    }
    /* A log that cannot be written has nowhere to say so. */
    ssize_t ignored = write(STDERR_FILENO, line.text, line.size);
    (void)ignored;
}

void log_configure(enum log_level level, enum log_format format)
{
    atomic_store(&current_level, (int)level);
    atomic_store(&current_format, (int)format);
}

void log_set_sink(void (*sink)(void *owner, const char *line, size_t size), void *owner)
{
    line_sink = sink;
    line_sink_owner = owner;
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

static bool find_name(const char *const *names, size_t count, const char *text, size_t *found)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], text) == 0) {
            *found = i;
            return true;
        }
    }
    return false;
}

bool log_level_parse(const char *text, enum log_level *level)
{
    size_t found;
    if (!find_name(level_names, ARRAY_LENGTH(level_names), text, &found)) {
        return false;
    }
    *level = (enum log_level)found;
    return true;
}

bool log_format_parse(const char *text, enum log_format *format)
{
    size_t found;
    if (!find_name(format_names, ARRAY_LENGTH(format_names), text, &found)) {
        return false;
    }
    *format = (enum log_format)found;
    return true;
}

bool log_limit_allow(struct log_limit *limit, int64_t now_us, uint64_t *suppressed)
{
    if (now_us - limit->window_start_us >= limit->interval_us || limit->window_start_us == 0) {
        limit->window_start_us = now_us;
        limit->used = 0;
    }
    if (limit->used >= limit->burst) {
        limit->suppressed++;
        return false;
    }
    limit->used++;
    *suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}
