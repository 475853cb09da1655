/*
 * requests: what the server's local sockets can be asked, as a table. Each answer is documented in
 * docs/web.md. The control socket is for people; the watch socket, for bourdon-web, knows only what changes
 * nothing, and to follow. The main thread.
 */
#ifndef BOURDON_SERVER_REQUESTS_H
#define BOURDON_SERVER_REQUESTS_H

#include "alarm/alarms.h"
#include "feed.h"
#include "status.h"

/* An alarm may be on the shelf for 30 days at most. */
#define REQUESTS_SHELVE_MAX_US (INT64_C(30) * 24 * 3600 * 1000000)

/* Borrowed. */
struct requests {
    struct status *status;
    struct feed *feed;
    struct alarms *alarms;
};

/* Each appends the answer to a line of words. */
void requests_control(struct requests *requests, const char *request, struct buffer *out);
void requests_watch(struct requests *requests, const char *request, struct buffer *out);

#endif
