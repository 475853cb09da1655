/*
 * api: the JSON API: a table of paths, their parameters and what answers them. docs/openapi.yaml describes it
 * for others; a test holds the two together. Read-only. Any thread, several at once.
 */
#ifndef BOURDON_WEB_API_H
#define BOURDON_WEB_API_H

#include "base/json.h"
#include "query_string.h"
#include "readers.h"

enum {
    API_LIMIT_DEFAULT = 1000, /* rows of one answer */
    API_LIMIT_MAX = 10000,
};

/* What the answers come from; borrowed. */
struct api {
    struct readers *readers;
    const char *watch; /* "" = none */
    const struct live *live;
};

/* One request while it is answered. */
struct api_call {
    const struct api *api;
    const struct query_string *query;
    struct db *db;     /* where the path needs the store */
    struct json *json; /* the members of the answer's object go here */
    struct err_text *why;
};

enum { API_PARAMETERS_MAX = 10 };

struct api_path {
    const char *path;
    const char *parameters[API_PARAMETERS_MAX + 1]; /* that it knows; NULL ends them */
    bool needs_store;
    enum err (*answer)(struct api_call *call);
};

/* NULL: there is no such path. */
const struct api_path *api_find(const char *path);
const struct api_path *api_paths(size_t *count);

/* Writes the answer and its HTTP status: also an error is a JSON object. */
unsigned api_answer(const struct api *api, const struct api_path *path, const char *raw_query,
                    struct buffer *out);

/* ---- what answers, a file a subject ---- */

enum err api_server(struct api_call *call);
enum err api_bridges(struct api_call *call);
enum err api_tags(struct api_call *call);
enum err api_readings(struct api_call *call);
enum err api_acks(struct api_call *call);
enum err api_gaps(struct api_call *call);
enum err api_quarantine(struct api_call *call);
enum err api_alarms(struct api_call *call);

/* ---- parameters: ERR_CONFIG with what they must be ---- */

MUST_USE enum err api_time(const struct api_call *call, const char *name, int64_t fallback_us, int64_t *us);
MUST_USE enum err api_count(const struct api_call *call, const char *name, uint64_t max, uint64_t fallback,
                            uint64_t *count);
MUST_USE enum err api_duration(const struct api_call *call, const char *name,
                               int64_t *us); /* 0 = not given */

/* ---- members ---- */

const char *api_column_text(sqlite3_stmt *row, int column);
/* The server's answer to a request, ERR_NOT_FOUND with the reason where it cannot be asked. */
MUST_USE enum err api_ask(const struct api_call *call, const char *request, struct buffer *answer);
/* Members of the array `key`, each line of `lines` one value as it is. */
void api_json_lines(struct json *json, const char *key, struct bytes lines);

#endif
