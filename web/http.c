#include "http.h"

#include "base/array.h"
#include "base/clock.h"
#include "deadlines.h"

#include <ctype.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_CONNECTIONS = 16, THREAD_STACK = 512 * 1024 };

struct http {
    struct http_site site;
    struct MHD_Daemon *daemon;
    struct deadlines *deadlines;
    size_t connections_max;
    atomic_size_t
        connections; /* taken over and not yet closed; the daemon counts them too late for a limit */
};

static const struct {
    const char *name, *value;
} fields[] = {
    {"Content-Security-Policy",
     "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
};

/* ---- time ---- */

static int64_t in_s(int64_t seconds)
{
    return clock_mono_us() + seconds * CLOCK_US_PER_S;
}

static void set_deadline(struct MHD_Connection *connection, int64_t until_us)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    deadline_set(info ? info->socket_context : NULL, until_us);
}

void http_enforce_deadlines(struct http *http)
{
    deadlines_enforce(http->deadlines, clock_mono_us());
}

/* ---- streams ---- */

struct stream {
    struct http_stream source;
    struct buffer waiting; /* read and not yet sent */
};

static ssize_t stream_read(void *owner, uint64_t position, char *space, size_t size)
{
    (void)position;
    struct stream *stream = owner;
    if (stream->waiting.size == 0 && !stream->source.read(stream->source.owner, &stream->waiting)) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    struct bytes bytes = buffer_bytes(&stream->waiting);
    size_t taken = bytes.size < size ? bytes.size : size;
    if (taken > 0) {
        memcpy(space, bytes.data, taken);
        buffer_consume(&stream->waiting, taken);
    }
    return (ssize_t)taken;
}

static void stream_free(void *owner)
{
    struct stream *stream = owner;
    stream->source.leave(stream->source.owner);
    buffer_fini(&stream->waiting);
    free(stream);
}

static struct MHD_Response *stream_response(const struct http_stream *source)
{
    struct stream *stream = malloc(sizeof *stream);
    if (!stream) {
        source->leave(source->owner);
        return NULL;
    }
    *stream = (struct stream){.source = *source};
    buffer_init(&stream->waiting, HTTP_STREAM_MAX);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 * 1024, stream_read, stream, stream_free);
    if (!response) {
        stream_free(stream);
    }
    return response;
}

/* ---- answers ---- */

static struct MHD_Response *make_response(struct http_answer *answer)
{
    union {
        const uint8_t *fixed;
        void *open; /* libmicrohttpd wants it writable and leaves it alone */
    } bytes = {.fixed = answer->fixed.data};
    if (answer->stream.owner) {
        return stream_response(&answer->stream);
    }
    if (answer->fixed.data) {
        return MHD_create_response_from_buffer(answer->fixed.size, bytes.open, MHD_RESPMEM_PERSISTENT);
    }
    // The response takes the memory over; nothing was consumed, so it begins where the content does.
    struct buffer body = answer->body;
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(body.size, body.data, free);
    if (!response) {
        buffer_fini(&body);
    }
    return response;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct http_answer *answer)
{
    struct MHD_Response *response = make_response(answer);
    if (!response) {
        return MHD_NO;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        MHD_add_response_header(response, fields[i].name, fields[i].value);
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
                            answer->cacheable ? "max-age=300" : "no-store");
    if (answer->status == MHD_HTTP_BAD_REQUEST && !answer->body.data) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "5");
    }
    set_deadline(connection, answer->stream.owner ? 0 : in_s(HTTP_ANSWER_S));
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
    struct http_answer answer = {.status = status,
                                 .type = "text/plain; charset=utf-8",
                                 .fixed = {(const uint8_t *)text, strlen(text)}};
    return send_answer(connection, &answer);
}

/* ---- requests ---- */

/* What arrived between the method and the version, before anybody has decoded it. */
struct noted {
    bool announced; /* requested() was called once, before the rest of the request was read */
    bool too_long;
    char uri[];
};

static void *note_uri(void *owner, const char *uri, struct MHD_Connection *connection)
{
    (void)owner;
    (void)connection;
    bool too_long = strlen(uri) > HTTP_URI_MAX;
    size_t size = too_long ? 1 : strlen(uri) + 1;
    struct noted *noted = malloc(sizeof *noted + size);
    if (noted) {
        noted->announced = false;
        noted->too_long = too_long;
        memcpy(noted->uri, too_long ? "" : uri, size);
    }
    return noted;
}

static void completed(void *owner, struct MHD_Connection *connection, void **noted,
                      enum MHD_RequestTerminationCode code)
{
    (void)owner;
    (void)code;
    set_deadline(connection, in_s(HTTP_REQUEST_S));
    free(*noted);
    *noted = NULL;
}

static enum MHD_Result ask_site(struct http *http, struct MHD_Connection *connection, char *uri)
{
    char *query = strchr(uri, '?');
    if (query) {
        *query++ = '\0';
    }
    const struct http_request request = {
        .path = uri,
        .query = query ? query : "",
        .host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST),
        .fetch_site = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Sec-Fetch-Site"),
    };
    struct http_answer answer = {.status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};
    set_deadline(connection, 0); // the site has its own
    buffer_init(&answer.body, HTTP_BODY_MAX);
    http->site.answer(http->site.owner, &request, &answer);
    return send_answer(connection, &answer);
}

/* How often a field occurs that a request has once at most, the one that says a body follows, and whether
 * others could see another field. */
struct header_fields {
    unsigned hosts, lengths;
    bool body, malformed;
};

/* RFC 9110, 5.6.2. */
static bool is_token(const char *text, size_t size)
{
    static const char also[] = "!#$%&'*+-.^_`|~";
    bool token = size > 0;
    for (size_t i = 0; token && i < size; i++) {
        token = isalnum((unsigned char)text[i]) || (text[i] != '\0' && strchr(also, text[i]));
    }
    return token;
}

/* RFC 9110, 5.5. */
static bool has_control(const char *text, size_t size)
{
    bool found = false;
    for (size_t i = 0; !found && i < size; i++) {
        found = iscntrl((unsigned char)text[i]) && text[i] != '\t';
    }
    return found;
}

static enum MHD_Result look_at_field(void *owner, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                     const char *value, size_t value_size)
{
    (void)kind;
    struct header_fields *seen = owner;
    seen->malformed =
        seen->malformed || !is_token(name, name_size) || (value && has_control(value, value_size));
    seen->hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        seen->lengths++;
        seen->body = seen->body || !value || strcmp(value, "0") != 0;
    }
    seen->body = seen->body || strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0;
    return MHD_YES;
}

/*
 * What a proxy in front could read otherwise than we do, and so where the next request begins (RFC 9112, 2.2,
 * 3.2, 5.1 and 6.3). Answered before any of a body is read, which ends the connection. NULL: nothing is odd.
 */
static const char *oddity(struct MHD_Connection *connection)
{
    struct header_fields seen = {.hosts = 0};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, look_at_field, &seen);
    if (seen.malformed) {
        return "a header field is malformed\n";
    }
    if (seen.body || seen.lengths > 1) {
        return "a request has no body here\n";
    }
    return seen.hosts > 1 ? "a request is for one host\n" : NULL;
}

static enum MHD_Result requested(void *owner, struct MHD_Connection *connection, const char *path,
                                 const char *method, const char *version, const char *body, size_t *body_size,
                                 void **request)
{
    (void)path;
    (void)version;
    (void)body;
    struct noted *noted = *request;
    if (!noted || *body_size > 0) {
        return MHD_NO; // out of memory; or what was said not to come
    }
    bool known = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    const char *odd = oddity(connection);
    if (!noted->announced && !odd) {
        noted->announced = true; // an answer now would cost the connection
        return MHD_YES;
    }
    if (!known) {
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    if (odd) {
        return refuse(connection, MHD_HTTP_BAD_REQUEST, odd);
    }
    return noted->too_long ? refuse(connection, MHD_HTTP_URI_TOO_LONG, "the request is too long\n")
                           : ask_site(owner, connection, noted->uri);
}

/* ---- connections ---- */

static void connection_changed(void *owner, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode code)
{
    struct http *http = owner;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) { // before the descriptor is
        deadline_remove(*context);
        atomic_fetch_sub(&http->connections, 1);
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = info ? deadlines_add(http->deadlines, info->connect_fd, in_s(HTTP_REQUEST_S)) : NULL;
}

enum err http_serve(struct http *http, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (atomic_fetch_add(&http->connections, 1) >= http->connections_max) {
        atomic_fetch_sub(&http->connections, 1);
        close(fd);
        return ERR_BUSY;
    }
    (void)getpeername(fd, (struct sockaddr *)&address, &size);
    // On failure, too, libmicrohttpd closes the descriptor.
    if (MHD_add_connection(http->daemon, fd, (const struct sockaddr *)&address, size) != MHD_YES) {
        atomic_fetch_sub(&http->connections, 1);
        return ERR_BUSY;
    }
    return ERR_OK;
}

/* ---- starting and stopping ---- */

static void say_nothing(void *owner, const char *format, va_list arguments)
{
    (void)owner;
    (void)format;
    (void)arguments;
}

static struct MHD_Daemon *start_daemon(struct http *http)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
                     MHD_USE_ERROR_LOG | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET;
    return MHD_start_daemon(flags, 0, NULL, NULL, requested, http, MHD_OPTION_EXTERNAL_LOGGER, say_nothing,
                            NULL, MHD_OPTION_URI_LOG_CALLBACK, note_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                            completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, http,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)http->connections_max + SPARE_CONNECTIONS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_REQUEST_MAX,
                            MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_END);
}

enum err http_start(unsigned connections, const struct http_site *site, struct http **out,
                    struct err_text *why)
{
    *out = NULL;
    struct http *http = malloc(sizeof *http);
    if (!http) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *http = (struct http){.site = *site, .connections_max = connections};
    http->deadlines = deadlines_new();
    http->daemon = http->deadlines ? start_daemon(http) : NULL;
    if (!http->daemon) {
        deadlines_free(http->deadlines);
        free(http);
        return err_set(why, ERR_IO, "cannot start to serve HTTP");
    }
    *out = http;
    return ERR_OK;
}

void http_stop(struct http *http)
{
    if (http) {
        MHD_stop_daemon(http->daemon);
        deadlines_free(http->deadlines);
        free(http);
    }
}
