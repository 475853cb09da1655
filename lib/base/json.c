#include "base/json.h"

#include "base/clock.h"
#include "base/decimal.h"
#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct json json_start(struct buffer *out)
{
    return (struct json){.out = out, .start = out->size};
}

enum err json_finish(struct json *json)
{
    assert(json->depth == 0);
    if (json->err != ERR_OK) {
        json->out->size = json->start;
    }
    return json->err;
}

void json_fail(struct json *json, enum err err)
{
    if (json->err == ERR_OK) {
        json->err = err;
    }
}

static void put(struct json *json, const void *data, size_t size)
{
    if (json->err == ERR_OK) {
        json->err = buffer_append(json->out, data, size);
    }
}

static void put_text(struct json *json, const char *text)
{
    put(json, text, strlen(text));
}

static void put_escape(struct json *json, uint32_t code_point)
{
    char text[8];
    if (code_point == '"' || code_point == '\\') {
        snprintf(text, sizeof text, "\\%c", (int)code_point);
    } else if (code_point == '\n') {
        snprintf(text, sizeof text, "\\n");
    } else {
        snprintf(text, sizeof text, "\\u%04x", (unsigned)(code_point & 0xffff));
    }
    put_text(json, text);
}

/* Control characters of both ranges: a terminal acts on the upper one too. */
static bool needs_escape(uint32_t code_point)
{
    return code_point < 0x20 || code_point == '"' || code_point == '\\' ||
           (code_point >= 0x7f && code_point < 0xa0);
}

static void put_string(struct json *json, const uint8_t *text, size_t size)
{
    size_t plain = 0; /* bytes in front of `at` that go out as they are */
    put_text(json, "\"");
    for (size_t at = 0; at < size;) {
        uint32_t code_point = 0;
        size_t length = utf8_next(text + at, size - at, &code_point);
        if (length > 0 && !needs_escape(code_point)) {
            plain += length;
            at += length;
            continue;
        }
        put(json, text + at - plain, plain);
        plain = 0;
        if (length == 0) {
            put_text(json, UTF8_REPLACEMENT);
        } else {
            put_escape(json, code_point);
        }
        at += length ? length : 1;
    }
    put(json, text + size - plain, plain);
    put_text(json, "\"");
}

void json_key(struct json *json, const char *key)
{
    if (json->comma) {
        put_text(json, ",");
    }
    json->comma = true;
    if (key) {
        put_string(json, (const uint8_t *)key, strlen(key));
        put_text(json, ":");
    }
}

static void open_with(struct json *json, const char *key, const char *bracket)
{
    json_key(json, key);
    put_text(json, bracket);
    json->comma = false;
    json->depth++;
}

static void close_with(struct json *json, const char *bracket)
{
    assert(json->depth > 0);
    json->depth--;
    put_text(json, bracket);
    json->comma = true;
}

void json_object(struct json *json, const char *key)
{
    open_with(json, key, "{");
}

void json_object_end(struct json *json)
{
    close_with(json, "}");
}

void json_array(struct json *json, const char *key)
{
    open_with(json, key, "[");
}

void json_array_end(struct json *json)
{
    close_with(json, "]");
}

void json_string_of(struct json *json, const char *key, struct bytes text)
{
    json_key(json, key);
    put_string(json, text.size > 0 ? text.data : (const uint8_t *)"", text.size);
}

void json_string(struct json *json, const char *key, const char *text)
{
    if (!text) {
        json_null(json, key);
        return;
    }
    json_string_of(json, key, (struct bytes){.data = (const uint8_t *)text, .size = strlen(text)});
}

void json_i64(struct json *json, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    json_key(json, key);
    put_text(json, text);
}

void json_raw(struct json *json, const char *key, struct bytes value)
{
    json_key(json, key);
    put(json, value.data, value.size);
}

void json_u64(struct json *json, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    json_key(json, key);
    put_text(json, text);
}

void json_bool(struct json *json, const char *key, bool value)
{
    json_key(json, key);
    put_text(json, value ? "true" : "false");
}

void json_double(struct json *json, const char *key, double value)
{
    if (!isfinite(value)) {
        json_null(json, key);
        return;
    }
    char text[DECIMAL_MAX];
    json_key(json, key);
    put_text(json, decimal_format(value, text));
}

void json_null(struct json *json, const char *key)
{
    json_key(json, key);
    put_text(json, "null");
}

void json_time(struct json *json, const char *key, int64_t wall_us)
{
    char text[CLOCK_TEXT_MAX];
    json_string(json, key, wall_us > 0 ? clock_format(wall_us, text) : NULL);
}

void json_hex(struct json *json, const char *key, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = data;
    json_key(json, key);
    put_text(json, "\"");
    for (size_t i = 0; i < size; i++) {
        put(json, (const char[]){digits[at[i] >> 4], digits[at[i] & 15]}, 2);
    }
    put_text(json, "\"");
}
