/* The bridges: what the server says of them now, beside what the store has of them. */
#include "api.h"

#include "net/control.h"
#include "net/tls.h"

#include <stdlib.h>
#include <string.h>

/* What the server says: a line a bridge, "NAME {…}". */
struct said {
    const char *name;
    struct bytes object;
};

struct said_list {
    struct buffer text;
    struct said *items; /* sorted by name */
    size_t count;
};

static int compare_said(const void *a, const void *b)
{
    return strcmp(((const struct said *)a)->name, ((const struct said *)b)->name);
}

/* Takes the lines apart in place. */
static enum err split_lines(struct said_list *list)
{
    char *text = (char *)list->text.data;
    char *end = text ? text + list->text.size : NULL;
    size_t capacity = 0;
    for (char *at = text; at < end;) {
        char *line_end = memchr(at, '\n', (size_t)(end - at));
        char *space = line_end ? memchr(at, ' ', (size_t)(line_end - at)) : NULL;
        if (!space) {
            break;
        }
        if (list->count == capacity) {
            capacity = capacity > 0 ? capacity * 2 : 64;
            struct said *items = realloc(list->items, capacity * sizeof *items);
            if (!items) {
                return ERR_NO_MEMORY;
            }
            list->items = items;
        }
        *space = '\0';
        list->items[list->count++] =
            (struct said){.name = at, .object = {(const uint8_t *)space + 1, (size_t)(line_end - space - 1)}};
        at = line_end + 1;
    }
    if (list->count > 0) {
        qsort(list->items, list->count, sizeof *list->items, compare_said);
    }
    return ERR_OK;
}

static enum err ask_server(const struct api_call *call, struct said_list *list)
{
    *list = (struct said_list){0};
    buffer_init(&list->text, CONTROL_ANSWER_MAX);
    if (api_ask(call, "bridges", &list->text) != ERR_OK) {
        return ERR_OK; // the store tells of them all the same
    }
    return split_lines(list);
}

static const struct said *find_said(const struct said_list *list, const char *name)
{
    const struct said wanted = {.name = name};
    return list->count > 0 ? bsearch(&wanted, list->items, list->count, sizeof wanted, compare_said) : NULL;
}

/* ---- the store ---- */

static const char names_sql[] = "SELECT name FROM bridge WHERE name > ?1 ORDER BY name LIMIT ?2";
static const char newest_sql[] =
    "SELECT lower(hex(stream.epoch)), batch.seq, batch.last_us, batch.committed_us, batch.historical,"
    " (SELECT count(*) FROM gap_record JOIN stream AS own ON own.id = gap_record.stream"
    "  WHERE own.bridge = bridge.id)"
    " FROM bridge JOIN stream ON stream.bridge = bridge.id JOIN batch ON batch.id ="
    "  (SELECT id FROM batch WHERE stream = stream.id AND kind = 1 ORDER BY first_us DESC LIMIT 1)"
    " WHERE bridge.name = ?1 ORDER BY batch.last_us DESC LIMIT 1";
static const char quality_sql[] = "SELECT quality, count(*) FROM reading"
                                  " WHERE bridge = ?1 AND epoch = ?2 AND seq = ?3 GROUP BY quality";

struct statements {
    sqlite3_stmt *names, *newest, *quality;
};

static enum err prepare(struct api_call *call, struct statements *statements)
{
    *statements = (struct statements){0};
    enum err result = db_prepare(call->db, names_sql, &statements->names, call->why);
    if (result == ERR_OK) {
        result = db_prepare(call->db, newest_sql, &statements->newest, call->why);
    }
    return result == ERR_OK ? db_prepare(call->db, quality_sql, &statements->quality, call->why) : result;
}

static void finalize(struct statements *statements)
{
    sqlite3_finalize(statements->names);
    sqlite3_finalize(statements->newest);
    sqlite3_finalize(statements->quality);
}

/* The qualities of the newest batch; whether its clock was synchronised follows from them. */
static enum err write_qualities(struct api_call *call, sqlite3_stmt *quality, const char *name,
                                sqlite3_stmt *newest)
{
    bool row = true;
    bool certain = false;
    bool uncertain = false;
    enum err result = ERR_OK;
    sqlite3_bind_text(quality, 1, name, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(quality, 2, api_column_text(newest, 0), -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(quality, 3, sqlite3_column_int64(newest, 1));
    json_object(call->json, "qualities");
    while (result == ERR_OK && row) {
        result = db_step(call->db, quality, &row, call->why);
        if (result == ERR_OK && row) {
            const char *text = api_column_text(quality, 0);
            certain = certain || strcmp(text, "good") == 0;
            uncertain = uncertain || strcmp(text, "uncertain_clock") == 0;
            json_i64(call->json, text, sqlite3_column_int64(quality, 1));
        }
    }
    json_object_end(call->json);
    json_string(call->json, "clock", uncertain ? "not_synchronised" : certain ? "synchronised" : "unknown");
    return result;
}

static enum err write_stored(struct api_call *call, struct statements *statements, const char *name)
{
    bool row;
    sqlite3_stmt *newest = statements->newest;
    sqlite3_bind_text(newest, 1, name, -1, SQLITE_TRANSIENT);
    enum err result = db_step(call->db, newest, &row, call->why);
    if (result != ERR_OK || !row) {
        json_null(call->json, "stored");
        return result;
    }
    json_object(call->json, "stored");
    json_string(call->json, "epoch", api_column_text(newest, 0));
    json_i64(call->json, "seq", sqlite3_column_int64(newest, 1));
    json_time(call->json, "newest_reading", sqlite3_column_int64(newest, 2));
    json_time(call->json, "committed", sqlite3_column_int64(newest, 3));
    json_bool(call->json, "historical", sqlite3_column_int(newest, 4) != 0);
    json_i64(call->json, "gaps", sqlite3_column_int64(newest, 5));
    result = write_qualities(call, statements->quality, name, newest);
    json_object_end(call->json);
    sqlite3_reset(newest);
    return result;
}

static enum err write_bridge(struct api_call *call, struct statements *statements, const char *name,
                             const struct said_list *said)
{
    const struct said *own = find_said(said, name);
    json_object(call->json, NULL);
    json_string(call->json, "name", name);
    if (own) {
        json_raw(call->json, "live", own->object);
    } else {
        json_null(call->json, "live");
    }
    enum err result = write_stored(call, statements, name);
    json_object_end(call->json);
    return result;
}

/* ---- both ---- */

/* The next name behind `name`, of those in the store and those the server knows; false: there is none. */
static enum err next_name(struct api_call *call, sqlite3_stmt *names, const struct said_list *said,
                          size_t *at, char *name, bool *found)
{
    bool row;
    sqlite3_bind_text(names, 1, name, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(names, 2, 1);
    enum err result = db_step(call->db, names, &row, call->why);
    if (result != ERR_OK) {
        return result;
    }
    while (*at < said->count && strcmp(said->items[*at].name, name) <= 0) {
        ++*at;
    }
    const char *stored = row ? api_column_text(names, 0) : NULL;
    const char *alive = *at < said->count ? said->items[*at].name : NULL;
    const char *next = !stored || (alive && strcmp(alive, stored) < 0) ? alive : stored;
    *found = next != NULL;
    if (next) {
        char copy[TLS_NAME_MAX];
        strncpy(copy, next, sizeof copy - 1);
        copy[sizeof copy - 1] = '\0';
        memcpy(name, copy, sizeof copy);
    }
    sqlite3_reset(names);
    return ERR_OK;
}

static enum err write_bridges(struct api_call *call, const struct said_list *said, char *name, uint64_t limit)
{
    struct statements statements;
    enum err result = prepare(call, &statements);
    bool found = true;
    uint64_t written = 0;
    size_t at = 0;
    json_array(call->json, "bridges");
    while (result == ERR_OK && found && written < limit) {
        result = next_name(call, statements.names, said, &at, name, &found);
        if (result == ERR_OK && found) {
            result = write_bridge(call, &statements, name, said);
            written++;
        }
    }
    json_array_end(call->json);
    json_string(call->json, "next", found && written == limit ? name : NULL);
    finalize(&statements);
    return result;
}

enum err api_bridges(struct api_call *call)
{
    uint64_t limit;
    char name[TLS_NAME_MAX] = "";
    const char *after = query_string_get(call->query, "after");
    enum err result = api_count(call, "limit", API_LIMIT_DEFAULT, 200, &limit);
    if (result != ERR_OK) {
        return result;
    }
    if (after) {
        strncpy(name, after, sizeof name - 1);
    }
    struct said_list said;
    result = ask_server(call, &said);
    if (result == ERR_OK) {
        result = write_bridges(call, &said, name, limit);
    }
    free(said.items);
    buffer_fini(&said.text);
    return result;
}
