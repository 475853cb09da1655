#include "site.h"

#include "net/io.h"
#include "page.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static const char json_type[] = "application/json";

static void answer_text(struct http_answer *answer, unsigned status, const char *text)
{
    answer->status = status;
    answer->fixed = (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* ---- who is asked for ---- */

/* The name without the port: "[::1]:80" → "::1". False: it is no name. */
static bool host_name(const char *field, char *name)
{
    char port[IO_PORT_MAX];
    size_t size = strlen(field);
    if (size >= IO_HOST_MAX) {
        return false;
    }
    if (io_split_address(field, name, port)) {
        return true;
    }
    bool bracketed = size > 2 && field[0] == '[' && field[size - 1] == ']';
    size_t kept = bracketed ? size - 2 : size;
    memcpy(name, field + bracketed, kept);
    name[kept] = '\0';
    return true;
}

static bool is_address(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

/* A page of somebody else that has its own name point here (DNS rebinding) asks for that name. */
static bool is_for_us(const struct site *site, const char *field)
{
    char name[IO_HOST_MAX];
    if (!field || !host_name(field, name)) {
        return false;
    }
    bool ours = is_address(name) || strcasecmp(name, "localhost") == 0;
    for (size_t i = 0; i < site->host_count; i++) {
        ours = ours || strcasecmp(name, site->hosts[i]) == 0;
    }
    return ours;
}

/* A page of somebody else cannot read an answer, but it could keep the store busy with questions. */
static bool is_from_elsewhere(const struct http_request *request)
{
    const char *site = request->fetch_site;
    return site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

/* ---- events ---- */

static bool read_events(void *reader, struct buffer *out)
{
    return events_read(reader, out);
}

static void leave_events(void *reader)
{
    events_leave(reader);
}

static void answer_events(const struct site *site, struct http_answer *answer)
{
    struct events_reader *reader = events_enter(site->events);
    if (!reader) {
        answer_text(answer, 503, "as many streams of events are open as may be\n");
        return;
    }
    answer->type = "text/event-stream";
    answer->stream = (struct http_stream){.owner = reader, .read = read_events, .leave = leave_events};
}

/* ---- the rest ---- */

static const struct page_file *find_file(const char *path)
{
    const struct page_file *file = page_files;
    while (file->path && strcmp(file->path, path) != 0) {
        file++;
    }
    return file->path ? file : NULL;
}

static void answer_api(struct site *site, const struct http_request *request, struct http_answer *answer)
{
    const struct api_path *path = api_find(request->path);
    if (!path) {
        answer_text(answer, 404, "there is nothing; /api/v1/openapi.yaml says what there is\n");
        return;
    }
    answer->type = json_type;
    answer->status = api_answer(&site->api, path, request->query, &answer->body);
}

void site_answer(void *owner, const struct http_request *request, struct http_answer *answer)
{
    struct site *site = owner;
    if (!is_for_us(site, request->host)) {
        answer_text(answer, 421, "this name is not served here; the configuration's \"hosts\" names more\n");
        return;
    }
    const struct page_file *file = find_file(request->path);
    if (file) {
        answer->type = file->type;
        answer->cacheable = true;
        answer->fixed = file->content;
    } else if (is_from_elsewhere(request)) {
        answer_text(answer, 403, "another site asks; only this page and programs may\n");
    } else if (strcmp(request->path, "/api/v1/events") == 0) {
        answer_events(site, answer);
    } else {
        answer_api(site, request, answer);
    }
}
