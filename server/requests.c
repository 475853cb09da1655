#include "requests.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

static enum err answer_status(struct requests *requests, const char *rest, struct buffer *out)
{
    (void)rest;
    return status_json(requests->status, out);
}

static enum err answer_summary(struct requests *requests, const char *rest, struct buffer *out)
{
    (void)rest;
    return status_summary(requests->status, out);
}

static enum err answer_metrics(struct requests *requests, const char *rest, struct buffer *out)
{
    (void)rest;
    return status_metrics(requests->status, out);
}

static enum err answer_bridges(struct requests *requests, const char *rest, struct buffer *out)
{
    (void)rest;
    return status_bridges(requests->status, out);
}

static enum err answer_rejected(struct requests *requests, const char *rest, struct buffer *out)
{
    (void)rest;
    return feed_rejected(requests->feed, out);
}

static enum err answer_follow(struct requests *requests, const char *rest, struct buffer *out)
{
    (void)rest;
    return feed_follow(requests->feed, out) ? ERR_OK : ERR_BUSY;
}

static enum err answer_alarms(struct requests *requests, const char *rest, struct buffer *out)
{
    return alarms_list(requests->alarms, strcmp(rest, "standing") == 0, out);
}

/* ---- changing alarms: "LEVEL BRIDGE TAG", the tag to the end of the line ---- */

struct alarm_name {
    enum alarm_level level;
    char bridge[TLS_NAME_MAX];
    const char *tag; /* points into what was parsed */
};

static bool parse_alarm(const char *text, struct alarm_name *name)
{
    char level[16];
    int size = 0;
    if (sscanf(text, "%15s %63s %n", level, name->bridge, &size) != 2 || size == 0 || !text[size]) {
        return false;
    }
    name->tag = text + size;
    return alarm_level_parse(level, &name->level);
}

static enum err say_done(enum err result, const struct err_text *why, struct buffer *out)
{
    struct json json = json_start(out);
    json_object(&json, NULL);
    if (result == ERR_OK) {
        json_bool(&json, "done", true);
    } else {
        json_string(&json, "error", why->text);
    }
    json_object_end(&json);
    return json_finish(&json);
}

static enum err answer_shelve(struct requests *requests, const char *rest, struct buffer *out)
{
    struct alarm_name name;
    int64_t for_us = 0;
    char duration[32];
    int size = 0;
    struct err_text why;
    bool parsed = sscanf(rest, "%31s %n", duration, &size) == 1 && option_parse_duration(duration, &for_us) &&
                  parse_alarm(rest + size, &name);
    if (!parsed || for_us > REQUESTS_SHELVE_MAX_US) {
        return ERR_MALFORMED;
    }
    int64_t until_us = for_us > 0 ? clock_wall_us() + for_us : 0;
    enum err result = alarms_shelve(requests->alarms, name.bridge, name.tag, name.level, until_us, &why);
    return say_done(result, &why, out);
}

static enum err answer_acknowledge(struct requests *requests, const char *rest, struct buffer *out)
{
    struct alarm_name name;
    struct err_text why;
    if (!parse_alarm(rest, &name)) {
        return ERR_MALFORMED;
    }
    enum err result = alarms_acknowledge(requests->alarms, name.bridge, name.tag, name.level, &why);
    return say_done(result, &why, out);
}

enum { FOR_CONTROL = 1, FOR_WATCH = 2 };

static const struct {
    const char *word;
    unsigned sockets;
    enum err (*answer)(struct requests *requests, const char *rest, struct buffer *out);
} table[] = {
    {"status", FOR_CONTROL | FOR_WATCH, answer_status},
    {"summary", FOR_CONTROL | FOR_WATCH, answer_summary},
    {"metrics", FOR_CONTROL | FOR_WATCH, answer_metrics},
    {"bridges", FOR_CONTROL | FOR_WATCH, answer_bridges},
    {"rejected", FOR_CONTROL | FOR_WATCH, answer_rejected},
    {"alarms", FOR_CONTROL | FOR_WATCH, answer_alarms},
    {"follow", FOR_WATCH, answer_follow},
    {"shelve", FOR_CONTROL, answer_shelve},
    {"acknowledge", FOR_CONTROL, answer_acknowledge},
};

static const char *rest_behind(const char *request, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(request, word, size) != 0) {
        return NULL;
    }
    return request[size] == '\0' ? request + size : request[size] == ' ' ? request + size + 1 : NULL;
}

static enum err answer(struct requests *requests, unsigned socket, const char *request, struct buffer *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        const char *rest = (table[i].sockets & socket) ? rest_behind(request, table[i].word) : NULL;
        if (rest) {
            return table[i].answer(requests, rest, out);
        }
    }
    return ERR_NOT_FOUND;
}

static void complain(unsigned socket, enum err result, struct buffer *out)
{
    buffer_clear(out);
    struct json json = json_start(out);
    json_object(&json, NULL);
    json_string(&json, "error", err_name(result));
    json_array(&json, "requests");
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        if (table[i].sockets & socket) {
            json_string(&json, NULL, table[i].word);
        }
    }
    json_array_end(&json);
    json_object_end(&json);
    (void)!json_finish(&json); // without memory who asked sees that there is no answer
}

static void answer_or_complain(struct requests *requests, unsigned socket, const char *request,
                               struct buffer *out)
{
    enum err result = answer(requests, socket, request, out);
    if (result != ERR_OK) {
        complain(socket, result, out);
    }
}

void requests_control(struct requests *requests, const char *request, struct buffer *out)
{
    answer_or_complain(requests, FOR_CONTROL, request, out);
}

void requests_watch(struct requests *requests, const char *request, struct buffer *out)
{
    answer_or_complain(requests, FOR_WATCH, request, out);
}
