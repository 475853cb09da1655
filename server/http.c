#include "http.h"

#include "base/array.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64, METRICS_FIRST_SIZE = 64 * 1024 };

struct http {
    struct http_source source;
    struct MHD_Daemon *daemon;
    uint16_t port;
};

/* ---- answers ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct MHD_Response *response)
{
    if (!response) {
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    char line[ERR_TEXT_MAX + 1];
    size_t size = strlen(text);
    memcpy(line, text, size);
    line[size] = '\n';
    return answer(connection, status, "text/plain; charset=utf-8",
                  MHD_create_response_from_buffer(size + 1, line, MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result serve_health(struct http *http, struct MHD_Connection *connection)
{
    struct err_text why = {""};
    enum err health = http->source.health(http->source.owner, &why);
    return health == ERR_OK ? answer_text(connection, MHD_HTTP_OK, "ok")
                            : answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE, why.text);
}

static enum MHD_Result serve_metrics(struct http *http, struct MHD_Connection *connection)
{
    struct buffer out;
    buffer_init(&out, HTTP_ANSWER_MAX);
    enum err result = http->source.metrics(http->source.owner, &out);
    if (result != ERR_OK) {
        buffer_fini(&out);
        return answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, err_name(result));
    }
    // The response takes the memory over; nothing was consumed, so it begins where the content does.
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                  MHD_create_response_from_buffer_with_free_callback(out.size, out.data, free));
}

static const struct {
    const char *path;
    enum MHD_Result (*serve)(struct http *http, struct MHD_Connection *connection);
} pages[] = {
    {"/healthz", serve_health},
    {"/metrics", serve_metrics},
};

static enum MHD_Result requested(void *owner, struct MHD_Connection *connection, const char *path,
                                 const char *method, const char *version, const char *body, size_t *body_size,
                                 void **request)
{
    (void)version;
    (void)body;
    (void)request;
    struct http *http = owner;
    if (*body_size > 0) {
        return MHD_NO; // nobody has to send us anything
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD");
    }
    for (size_t i = 0; i < ARRAY_LENGTH(pages); i++) {
        if (strcmp(path, pages[i].path) == 0) {
            return pages[i].serve(http, connection);
        }
    }
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "there are /healthz and /metrics");
}

/* ---- listening ---- */

static int bound_socket(const struct addrinfo *address, struct err_text *why)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;
    if (fd < 0) {
        (void)err_errno(why, errno, "cannot make a socket");
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        (void)err_errno(why, errno, "cannot listen");
        close(fd);
        return -1;
    }
    return fd;
}

static int listen_on(const char *host, const char *port, struct err_text *why)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses = NULL;
    int code = getaddrinfo(host, port, &hints, &addresses);
    if (code != 0) {
        (void)err_set(why, ERR_CONFIG, "%s", gai_strerror(code));
        return -1;
    }
    int fd = bound_socket(addresses, why);
    freeaddrinfo(addresses);
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    (void)getsockname(fd, (struct sockaddr *)&address, &size);
    memcpy(&v4, &address, sizeof v4);
    memcpy(&v6, &address, sizeof v6);
    return ntohs(address.ss_family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

static void say_nothing(void *owner, const char *format, va_list arguments)
{
    (void)owner;
    (void)format;
    (void)arguments;
}

static struct MHD_Daemon *start_daemon(struct http *http, int fd)
{
    return MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_USE_ITC, 0, NULL, NULL,
        requested, http, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS_PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_REQUEST_MAX, MHD_OPTION_END);
}

enum err http_start(const char *host, const char *port, const struct http_source *source, struct http **out,
                    struct err_text *why)
{
    *out = NULL;
    int fd = listen_on(host, port, why);
    if (fd < 0) {
        return err_prefix(why, ERR_IO, "http %s:%s", host, port);
    }
    struct http *http = malloc(sizeof *http);
    if (!http) {
        close(fd);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *http = (struct http){.source = *source, .port = port_of(fd)};
    http->daemon = start_daemon(http, fd);
    if (!http->daemon) {
        close(fd);
        free(http);
        return err_set(why, ERR_IO, "http %s:%s: cannot start", host, port);
    }
    *out = http;
    return ERR_OK;
}

uint16_t http_port(const struct http *http)
{
    return http->port;
}

void http_stop(struct http *http)
{
    if (http) {
        MHD_stop_daemon(http->daemon); // closes the listening socket, too
        free(http);
    }
}
