#include "requests.h"

#include "base/array.h"

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

static const struct {
    const char *word;
    enum err (*answer)(struct requests *requests, const char *rest, struct buffer *out);
} table[] = {
    {"status", answer_status},   {"summary", answer_summary},   {"metrics", answer_metrics},
    {"bridges", answer_bridges}, {"rejected", answer_rejected}, {"follow", answer_follow},
};

static const char *rest_behind(const char *request, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(request, word, size) != 0) {
        return NULL;
    }
    return request[size] == '\0' ? request + size : request[size] == ' ' ? request + size + 1 : NULL;
}

static enum err answer(struct requests *requests, const char *request, struct buffer *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
        const char *rest = rest_behind(request, table[i].word);
        if (rest) {
            return table[i].answer(requests, rest, out);
        }
    }
    return ERR_NOT_FOUND;
}

static void complain(enum err result, struct buffer *out)
{
    buffer_clear(out);
    enum err said = buffer_format(out, "{\"error\":\"%s\",\"requests\":[", err_name(result));
    for (size_t i = 0; i < ARRAY_LENGTH(table) && said == ERR_OK; i++) {
        said = buffer_format(out, "%s\"%s\"", i > 0 ? "," : "", table[i].word);
    }
    (void)!(said == ERR_OK ? buffer_format(out, "]}\n") : said); // who asked sees that there is no answer
}

void requests_answer(struct requests *requests, const char *request, struct buffer *out)
{
    enum err result = answer(requests, request, out);
    if (result != ERR_OK) {
        complain(result, out);
    }
}
