/*
 * Readings from a bourdon-web, page by page. What is too much for one answer is asked for in shorter times:
 * windows are halved when one is too long and grow again.
 */
#include "base/clock.h"
#include "json_tree.h"
#include "progress.h"
#include "readings/question.h"
#include "readings/view.h"
#include "terminal_text.h"
#include "tunnel/batch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 5, URL_MAX = 8192, HTTP_OK = 200, ANSWER_ROWS = 10000, FIRST_BUCKETS = 1000 };

struct server {
    const struct readings_question *question;
    struct https *https;
    struct buffer url, body;
    struct json_tree tree; /* of the last answer */
    char *next;            /* owned; where the next page begins; NULL = there is none */
    FILE *file;
    struct output output;
    bool started; /* the output: not before there is something to say */
    struct progress progress;
    bool shows_progress;
    bool too_much; /* the last refusal: less would do */
    uint64_t rows;
};

/* ---- asking ---- */

/* `every_us` 0: readings as they are. */
static enum err write_url(struct server *server, int64_t from_us, int64_t to_us, int64_t every_us,
                          unsigned limit)
{
    const struct readings_question *question = server->question;
    char from[CLOCK_TEXT_MAX];
    char to[CLOCK_TEXT_MAX];
    char every[32];
    size_t size = strlen(question->source);
    bool slash = size > 0 && question->source[size - 1] == '/';
    bool buckets = every_us > 0;
    snprintf(every, sizeof every, "%lldus", (long long)every_us);
    const struct {
        const char *name, *value;
    } parameters[] = {
        {"from", clock_format(from_us, from)},
        {"to", clock_format(to_us, to)},
        {"bridge", question->search.bridge},
        {"tag", question->search.tag},
        {"quality", question->search.quality},
        {"every", buckets ? every : NULL},
        {"agg", buckets ? aggregate_kind_name(question->kind) : NULL},
        {"after", server->next},
    };
    buffer_clear(&server->url);
    enum err result = buffer_format(&server->url, "%.*s/api/v1/readings?limit=%u",
                                    (int)(slash ? size - 1 : size), question->source, limit);
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0] && result == ERR_OK; i++) {
        result = https_add(server->https, &server->url, parameters[i].name, parameters[i].value);
    }
    return result == ERR_OK ? buffer_append(&server->url, "", 1) : result;
}

static enum err not_ours(struct err_text *why)
{
    return err_set(why, ERR_REFUSED, "it answers, but not as a bourdon-web does: is this its address?");
}

static const char *member_text(const struct server *server, const struct json_node *object, const char *key)
{
    const struct json_node *node = json_member(&server->tree, object, key);
    return node && (node->kind == JSON_STRING || node->kind == JSON_NUMBER) ? node->text : NULL;
}

/* A refusal in the server's words, which are made harmless. */
static enum err refused(struct server *server, long status, struct err_text *why)
{
    const char *error = member_text(server, server->tree.nodes, "error");
    const char *kind = member_text(server, server->tree.nodes, "kind");
    char words[256];
    if (!error || !kind) {
        return not_ours(why);
    }
    server->too_much = strcmp(kind, err_name(ERR_LIMIT)) == 0 || strcmp(kind, err_name(ERR_TIMEOUT)) == 0;
    enum err class = strcmp(kind, err_name(ERR_BUSY)) == 0 ? ERR_BUSY : ERR_REFUSED;
    return err_set(why, class, "it refused (status %ld): %s", status,
                   terminal_text_copy(error, words, sizeof words));
}

static enum err refused_plainly(struct server *server, long status, struct err_text *why)
{
    char words[256];
    struct bytes body = buffer_bytes(&server->body);
    char line[256] = "";
    size_t size = body.size < sizeof line - 1 ? body.size : sizeof line - 1;
    if (status < 400 || body.size == 0) {
        return not_ours(why);
    }
    memcpy(line, body.data, size);
    line[strcspn(line, "\n")] = '\0';
    return err_set(why, ERR_REFUSED, "it refused (status %ld): %s", status,
                   terminal_text_copy(line, words, sizeof words));
}

static enum err read_answer(struct server *server, long status, bool json, struct err_text *why)
{
    if (!json) {
        return refused_plainly(server, status, why);
    }
    size_t size = server->body.size;
    enum err result = buffer_append(&server->body, "", 1); // the tree wants a NUL behind the text
    if (result == ERR_OK) {
        char *text = (char *)server->body.data + server->body.start;
        result = json_tree_read(&server->tree, text, size, why);
    }
    if (result != ERR_OK) {
        return err_prefix(why, result, "its answer is no JSON");
    }
    return status == HTTP_OK ? ERR_OK : refused(server, status, why);
}

/* What the URL says. */
static enum err ask(struct server *server, struct err_text *why)
{
    long status = 0;
    bool json = false;
    enum err result = ERR_OK;
    server->too_much = false;
    for (int i = 0; i < TRIES; i++) { // the server itself waits a while before it says that it is busy
        result = https_get(server->https, (const char *)buffer_bytes(&server->url).data, &server->body,
                           &status, &json, why);
        result = result == ERR_OK ? read_answer(server, status, json, why) : result;
        if (result != ERR_BUSY) {
            break;
        }
    }
    return result;
}

/* ---- rows ---- */

static bool read_time(const struct server *server, const struct json_node *row, const char *key, int64_t *us)
{
    const char *text = member_text(server, row, key);
    *us = 0;
    return text ? clock_parse(text, us) : json_member(&server->tree, row, key) != NULL;
}

static uint64_t read_count(const struct server *server, const struct json_node *row, const char *key)
{
    const char *text = member_text(server, row, key);
    return text ? strtoull(text, NULL, 10) : 0;
}

static bool show_reading(struct server *server, const struct json_node *row)
{
    struct reading_line line = {
        .bridge = member_text(server, row, "bridge"),
        .tag = member_text(server, row, "tag"),
        .unit = member_text(server, row, "unit"),
        .quality = member_text(server, row, "quality"),
        .epoch = member_text(server, row, "epoch"),
        .text = member_text(server, row, "text"),
        .is_number = member_text(server, row, "value") != NULL,
        .seq = read_count(server, row, "seq"),
    };
    if (!line.bridge || !line.tag || !line.unit || !line.quality || !line.epoch ||
        !read_time(server, row, "time", &line.response_us) ||
        !read_time(server, row, "request_time", &line.request_us)) {
        return false;
    }
    reading_view_show(&server->output, &line);
    return true;
}

static bool show_bucket(struct server *server, const struct json_node *row)
{
    struct bucket_line line = {
        .bridge = member_text(server, row, "bridge"),
        .tag = member_text(server, row, "tag"),
        .unit = member_text(server, row, "unit"),
        .number = member_text(server, row, "value"),
        .readings = read_count(server, row, "count"),
        .without_value = read_count(server, row, "without"),
    };
    if (!line.bridge || !line.tag || !line.unit || !read_time(server, row, "time", &line.start_us)) {
        return false;
    }
    bucket_view_show(&server->output, &line);
    return true;
}

static void start_output(struct server *server)
{
    if (!server->started) {
        enum output_format format = server->question->format;
        server->output = server->question->every_us > 0 ? bucket_view(server->file, format)
                                                        : reading_view(server->file, format);
        server->started = true;
    }
}

static enum err show_rows(struct server *server, uint64_t *shown, struct err_text *why)
{
    const struct json_node *rows = json_member(&server->tree, server->tree.nodes, "readings");
    if (!rows || rows->kind != JSON_ARRAY) {
        return not_ours(why);
    }
    *shown = 0;
    start_output(server);
    for (const struct json_node *row = json_first(&server->tree, rows); row;
         row = json_next(&server->tree, row)) {
        bool fits = server->question->every_us > 0 ? show_bucket(server, row) : show_reading(server, row);
        if (!fits) {
            return err_set(why, ERR_MALFORMED,
                           "a reading in its answer lacks something: is it as new as "
                           "this program?");
        }
        ++*shown;
    }
    server->rows += *shown;
    if (server->shows_progress) {
        progress_show(&server->progress, "received", server->rows, 0, "rows", clock_mono_us());
    }
    return ERR_OK;
}

static enum err note_next(struct server *server, struct err_text *why)
{
    const char *next = member_text(server, server->tree.nodes, "next");
    free(server->next);
    server->next = next ? strdup(next) : NULL;
    return next && !server->next ? err_set(why, ERR_NO_MEMORY, "out of memory") : ERR_OK;
}

/* ---- windows ---- */

/* Every page of a stretch of time. `*shown`: rows; 0 after a failure: nothing of it was shown. */
static enum err show_window(struct server *server, int64_t from_us, int64_t to_us, uint64_t *shown,
                            struct err_text *why)
{
    *shown = 0;
    do {
        uint64_t rows = 0;
        enum err result = write_url(server, from_us, to_us, server->question->every_us, ANSWER_ROWS);
        result = result == ERR_OK ? ask(server, why) : err_set(why, result, "the question is too long");
        if (result == ERR_OK) {
            result = show_rows(server, &rows, why);
        }
        if (result == ERR_OK) {
            result = note_next(server, why);
        }
        if (result != ERR_OK) {
            return result;
        }
        *shown += rows;
    } while (server->next && !ferror(server->file));
    return ERR_OK;
}

/* Where a window ends that begins at `from_us`: buckets are not cut. */
static int64_t window_end(const struct server *server, int64_t from_us, int64_t length_us, int64_t last_us)
{
    int64_t every_us = server->question->every_us > 0 ? server->question->every_us : 1;
    if (length_us > last_us - from_us) {
        return last_us;
    }
    int64_t end_us = (from_us + length_us) / every_us * every_us - 1;
    end_us = end_us >= from_us ? end_us : (from_us / every_us + 1) * every_us - 1;
    return end_us < last_us ? end_us : last_us;
}

/* Moves `from_us` to the first reading, so that no time is spent on years before; behind `last_us` if there
 * is none. */
static enum err skip_to_first(struct server *server, int64_t *from_us, int64_t last_us, struct err_text *why)
{
    enum err result = write_url(server, *from_us, last_us, 0, 1);
    result = result == ERR_OK ? ask(server, why) : err_set(why, result, "the question is too long");
    if (result != ERR_OK) {
        return server->too_much ? ERR_OK : result;
    }
    const struct json_node *rows = json_member(&server->tree, server->tree.nodes, "readings");
    if (!rows || rows->kind != JSON_ARRAY) {
        return not_ours(why);
    }
    start_output(server);
    const struct json_node *row = json_first(&server->tree, rows);
    *from_us = last_us + 1;
    return !row || read_time(server, row, "time", from_us) ? ERR_OK : not_ours(why);
}

static enum err show_all(struct server *server, struct err_text *why)
{
    const struct reading_search *search = &server->question->search;
    int64_t from_us = search->from_us > 0 ? search->from_us : 0;
    int64_t last_us = search->to_us < BATCH_TIME_MAX_US ? search->to_us : BATCH_TIME_MAX_US;
    int64_t length_us = last_us;
    if (server->question->every_us > 0) {
        enum err result = skip_to_first(server, &from_us, last_us, why);
        if (result != ERR_OK) {
            return result;
        }
        bool fits = server->question->every_us < last_us / FIRST_BUCKETS;
        length_us = fits ? server->question->every_us * FIRST_BUCKETS : last_us;
    }
    while (from_us <= last_us && !ferror(server->file)) {
        uint64_t shown;
        int64_t end_us = window_end(server, from_us, length_us, last_us);
        enum err result = show_window(server, from_us, end_us, &shown, why);
        bool shorter = length_us > 1 && window_end(server, from_us, length_us / 2, last_us) < end_us;
        if (result != ERR_OK && server->too_much && shown == 0 && shorter) {
            length_us /= 2;
            continue;
        }
        if (result != ERR_OK) {
            return result;
        }
        from_us = end_us + 1;
        if (shown < ANSWER_ROWS / 4 && length_us < last_us / 2) {
            length_us *= 2;
        }
    }
    return ERR_OK;
}

enum err readings_from_server(const struct readings_question *question, FILE *file, struct err_text *why)
{
    struct server server = {.question = question, .file = file, .shows_progress = isatty(fileno(file)) != 1};
    buffer_init(&server.url, URL_MAX);
    buffer_init(&server.body, HTTPS_BODY_MAX);
    enum err result = https_open(&question->tls, &server.https, why);
    if (result == ERR_OK) {
        result = show_all(&server, why);
    }
    progress_clear(&server.progress);
    if (server.started && !output_finish(&server.output) && result == ERR_OK) {
        result = err_set(why, ERR_IO, "standard output was closed");
    }
    https_close(server.https);
    json_tree_fini(&server.tree);
    buffer_fini(&server.url);
    buffer_fini(&server.body);
    free(server.next);
    return result == ERR_OK ? ERR_OK : err_prefix(why, result, "%s", question->source);
}
