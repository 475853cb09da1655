#include "api.h"

#include "base/argument_value.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/options.h"
#include "net/control.h"

#include <string.h>

static const struct api_path paths[] = {
    {"/api/v1/server", {NULL}, false, api_server},
    {"/api/v1/bridges", {"after", "limit", NULL}, true, api_bridges},
    {"/api/v1/tags", {"bridge", "limit", NULL}, true, api_tags},
    {"/api/v1/readings",
     {"bridge", "tag", "quality", "from", "to", "every", "agg", "limit", "after", NULL},
     true,
     api_readings},
    {"/api/v1/acks", {"after", "limit", NULL}, true, api_acks},
    {"/api/v1/gaps", {"bridge", "limit", NULL}, true, api_gaps},
    {"/api/v1/quarantine", {NULL}, false, api_quarantine},
    {"/api/v1/alarms", {"standing", NULL}, false, api_alarms},
};

const struct api_path *api_paths(size_t *count)
{
    *count = ARRAY_LENGTH(paths);
    return paths;
}

const struct api_path *api_find(const char *path)
{
    for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
        if (strcmp(paths[i].path, path) == 0) {
            return &paths[i];
        }
    }
    return NULL;
}

/* ---- parameters ---- */

enum err api_time(const struct api_call *call, const char *name, int64_t fallback_us, int64_t *us)
{
    const char *text = query_string_get(call->query, name);
    *us = fallback_us;
    if (text && !argument_time(text, clock_wall_us(), us)) {
        return err_set(call->why, ERR_CONFIG,
                       "%s: a time such as 2026-01-31T23:59:59Z, seconds since 1970, or -15m", name);
    }
    return ERR_OK;
}

enum err api_count(const struct api_call *call, const char *name, uint64_t max, uint64_t fallback,
                   uint64_t *count)
{
    const char *text = query_string_get(call->query, name);
    *count = fallback;
    if (text && !argument_count(text, 1, max, count)) {
        return err_set(call->why, ERR_CONFIG, "%s: a whole number from 1 to %llu", name,
                       (unsigned long long)max);
    }
    return ERR_OK;
}

enum err api_duration(const struct api_call *call, const char *name, int64_t *us)
{
    const char *text = query_string_get(call->query, name);
    *us = 0;
    if (text && (!option_parse_duration(text, us) || *us < CLOCK_US_PER_MS)) {
        return err_set(call->why, ERR_CONFIG, "%s: a duration from 1ms such as 250ms, 1m or 2h", name);
    }
    return ERR_OK;
}

static enum err check_names(const struct api_path *path, const struct query_string *query,
                            struct err_text *why)
{
    for (size_t i = 0; i < query->count; i++) {
        size_t at = 0;
        while (path->parameters[at] && strcmp(path->parameters[at], query->items[i].name) != 0) {
            at++;
        }
        if (!path->parameters[at]) {
            return err_set(why, ERR_CONFIG, "%.64s: no parameter of %s", query->items[i].name, path->path);
        }
    }
    return ERR_OK;
}

/* ---- members ---- */

const char *api_column_text(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text ? (const char *)text : "";
}

enum err api_ask(const struct api_call *call, const char *request, struct buffer *answer)
{
    if (call->api->watch[0] == '\0') {
        return err_set(call->why, ERR_NOT_FOUND, "the configuration names no watch socket of the server");
    }
    static const char complaint[] = "{\"error\":";
    enum err result = control_ask(call->api->watch, request, answer, call->why);
    struct bytes text = buffer_bytes(answer);
    bool refused = text.size >= sizeof complaint && memcmp(text.data, complaint, sizeof complaint - 1) == 0;
    if (result == ERR_OK && refused) {
        return err_set(call->why, ERR_NOT_FOUND, "the server does not answer \"%s\": %.*s", request,
                       (int)(text.size < 64 ? text.size : 64), (const char *)text.data);
    }
    return result == ERR_OK ? ERR_OK : ERR_NOT_FOUND;
}

void api_json_lines(struct json *json, const char *key, struct bytes lines)
{
    const uint8_t *end;
    json_array(json, key);
    while (lines.size > 0 && (end = memchr(lines.data, '\n', lines.size))) {
        size_t size = (size_t)(end - lines.data);
        json_raw(json, NULL, (struct bytes){lines.data, size});
        lines = (struct bytes){end + 1, lines.size - size - 1};
    }
    json_array_end(json);
}

/* ---- answering ---- */

static unsigned status_of(enum err result)
{
    if (result == ERR_OK) {
        return 200;
    }
    return result == ERR_CONFIG || result == ERR_LIMIT || result == ERR_MALFORMED ? 400 : 503;
}

static enum err call_answer(const struct api_path *path, struct api_call *call)
{
    struct reader *reader;
    if (!path->needs_store) {
        return path->answer(call);
    }
    enum err result = readers_take(call->api->readers, &reader, call->why);
    if (result != ERR_OK) {
        return result == ERR_CONFIG ? ERR_IO : result;
    }
    call->db = reader->db;
    return readers_give(call->api->readers, reader, path->answer(call), call->why);
}

static enum err write_answer(const struct api *api, const struct api_path *path, const char *raw_query,
                             struct buffer *out, struct err_text *why)
{
    struct query_string query;
    enum err result = query_string_read(raw_query, &query, why);
    if (result == ERR_OK) {
        result = check_names(path, &query, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    struct json json = json_start(out);
    struct api_call call = {.api = api, .query = &query, .json = &json, .why = why};
    json_object(&json, NULL);
    result = call_answer(path, &call);
    if (result != ERR_OK) {
        return result;
    }
    json_object_end(&json);
    result = json_finish(&json);
    return result == ERR_OK ? ERR_OK : err_set(why, result, "the answer is too long: ask for less");
}

unsigned api_answer(const struct api *api, const struct api_path *path, const char *raw_query,
                    struct buffer *out)
{
    struct err_text why = {""};
    enum err result = write_answer(api, path, raw_query, out, &why);
    if (result == ERR_OK) {
        return status_of(ERR_OK);
    }
    buffer_clear(out);
    struct json json = json_start(out);
    json_object(&json, NULL);
    json_string(&json, "error", why.text[0] != '\0' ? why.text : err_name(result));
    json_string(&json, "kind", err_name(result));
    json_object_end(&json);
    (void)!json_finish(&json); // without memory the status says enough
    return status_of(result);
}
