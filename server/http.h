/*
 * http: /healthz and /metrics for the machines that watch us. Plain HTTP/1.1, GET and HEAD only, read only,
 * bounded connections and time-outs, in a thread of its own. The only file that knows libmicrohttpd.
 */
#ifndef BOURDON_SERVER_HTTP_H
#define BOURDON_SERVER_HTTP_H

#include "base/buffer.h"
#include "base/err.h"

#include <stdint.h>

enum {
    HTTP_CONNECTIONS_MAX = 32,
    HTTP_CONNECTIONS_PER_ADDRESS_MAX = 16,
    HTTP_TIMEOUT_S = 10,
    HTTP_REQUEST_MAX = 8 * 1024,         /* of line and header fields */
    HTTP_ANSWER_MAX = 256 * 1024 * 1024, /* of a body */
};

/* What is served. Called in the thread of http, one after the other. */
struct http_source {
    void *owner;
    /* ERR_OK: 200 "ok"; else 503 with the reason. */
    enum err (*health)(void *owner, struct err_text *why);
    /* Appends Prometheus text. */
    enum err (*metrics)(void *owner, struct buffer *out);
};

struct http;

/* Listens on the first address that host and port mean; port "0" takes a free one. `source` is copied. */
MUST_USE enum err http_start(const char *host, const char *port, const struct http_source *source,
                             struct http **http, struct err_text *why);
uint16_t http_port(const struct http *http);
void http_stop(struct http *http); /* NULL is fine */

#endif
