/*
 * requests: what the server's control socket can be asked, as a table. Each answer is documented in
 * docs/web.md. The main thread.
 */
#ifndef BOURDON_SERVER_REQUESTS_H
#define BOURDON_SERVER_REQUESTS_H

#include "feed.h"
#include "status.h"

/* Borrowed. */
struct requests {
    struct status *status;
    struct feed *feed;
};

/* Appends the answer to a line of words. */
void requests_answer(struct requests *requests, const char *request, struct buffer *out);

#endif
