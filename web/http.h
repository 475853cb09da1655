/*
 * http: HTTP/1.1, GET and HEAD only, a thread a connection, bounded in number, size and time. The only file
 * here that knows libmicrohttpd. What is asked for is a name to look up, never a path of the file system.
 *
 * Every answer carries a content security policy that allows this origin alone.
 */
#ifndef BOURDON_WEB_HTTP_H
#define BOURDON_WEB_HTTP_H

#include "base/buffer.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HTTP_TIMEOUT_S = 15,          /* of a connection that neither sends nor takes anything */
    HTTP_REQUEST_S = 10,          /* from the end of the last answer to that of a whole request */
    HTTP_ANSWER_S = 120,          /* for taking an answer that is no stream */
    HTTP_REQUEST_MAX = 16 * 1024, /* of line and header fields */
    HTTP_URI_MAX = 4096,
    HTTP_BODY_MAX = 32 * 1024 * 1024,
    HTTP_STREAM_MAX = 256 * 1024, /* bytes of one piece of a stream */
};

struct http_request {
    const char *path;       /* as it came, without the query */
    const char *query;      /* as it came, "" = none */
    const char *host;       /* header field; NULL = none */
    const char *fetch_site; /* Sec-Fetch-Site: whose page asks, as browsers say; NULL = not said */
};

/* An answer that goes on: read() waits for some more bytes; false: the end. leave() ends it in any case. */
struct http_stream {
    void *owner; /* NULL = no stream */
    bool (*read)(void *owner, struct buffer *out);
    void (*leave)(void *owner);
};

struct http_answer {
    unsigned status;
    const char *type;
    bool cacheable;     /* for a while; else it is not to be stored */
    struct bytes fixed; /* lives for ever; or */
    struct buffer body; /* taken over; or */
    struct http_stream stream;
};

/* Called in the connections' threads, several at once. The answer starts as 200 with an empty body. */
struct http_site {
    void *owner;
    void (*answer)(void *owner, const struct http_request *request, struct http_answer *answer);
};

struct http;

/* Listens nowhere: connections come by http_serve(), at most so many at once. */
MUST_USE enum err http_start(unsigned connections, const struct http_site *site, struct http **http,
                             struct err_text *why);
/* Takes over a connected socket, in any case. ERR_BUSY: there are too many. One thread. */
MUST_USE enum err http_serve(struct http *http, int fd);
/* Cuts off who takes too long; to be called about once a second. Any thread. */
void http_enforce_deadlines(struct http *http);
/* Waits for the requests in progress; streams must have been told to end. NULL is fine. */
void http_stop(struct http *http);

#endif
