/*
 * json: appends one JSON value (RFC 8259) to a buffer, for control socket answers and --json output.
 *
 *   struct json json = json_start(&out);
 *   json_object(&json, NULL);
 *   json_string(&json, "state", "connected");
 *   json_u64(&json, "backlog", 812);
 *   json_object_end(&json);
 *   return json_finish(&json);
 *
 * The first error sticks; after it nothing more is written, and json_finish() takes back what was. `key` is
 * the name of a member of an object, and NULL in an array and for the outermost value. The buffer's limit
 * bounds the text. One thread.
 */
#ifndef BOURDON_BASE_JSON_H
#define BOURDON_BASE_JSON_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    struct buffer *out; /* borrowed */
    size_t start;       /* bytes that were in `out` before */
    size_t depth;       /* objects and arrays that are open */
    bool comma;         /* the next value is not the first of its object or array */
    enum err err;
};

struct json json_start(struct buffer *out);

/* ERR_LIMIT or ERR_NO_MEMORY, and then `out` is as before; everything opened must have been ended. */
MUST_USE enum err json_finish(struct json *json);

void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array(struct json *json, const char *key);
void json_array_end(struct json *json);

/* Bytes that are not UTF-8 become U+FFFD. A NULL text is null. */
void json_string(struct json *json, const char *key, const char *text);
void json_string_of(struct json *json, const char *key, struct bytes text);
void json_i64(struct json *json, const char *key, int64_t value);
void json_u64(struct json *json, const char *key, uint64_t value);
void json_bool(struct json *json, const char *key, bool value);
/* With the digits it takes to read back the same; null if it is not finite. */
void json_double(struct json *json, const char *key, double value);
void json_null(struct json *json, const char *key);
/* Wall time in µs as RFC 3339 in UTC; null for 0, which is unknown. */
void json_time(struct json *json, const char *key, int64_t wall_us);
/* Lower-case hexadecimal in a string. */
void json_hex(struct json *json, const char *key, const void *data, size_t size);

/* One value that is JSON already, as it is: the caller vouches for it. */
void json_raw(struct json *json, const char *key, struct bytes value);
/* Writes only the key: the caller then appends one value of its own to `out`, and its failure, if any, with
 * json_fail(). */
void json_key(struct json *json, const char *key);
void json_fail(struct json *json, enum err err);

#endif
