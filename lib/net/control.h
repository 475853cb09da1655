/*
 * control: the local socket of a daemon (a Unix stream socket, mode 0660), for `bourdon status` and the like.
 *
 * One request a connection: a line of words ("status", "fault unit=1 delay=250ms") ended by LF, at most
 * CONTROL_REQUEST_MAX bytes; the answer is UTF-8 text, by convention one JSON document, ended by closing the
 * connection. Requests that are too long or not finished within CONTROL_TIMEOUT_MS are cut off.
 * At most CONTROL_CLIENTS_MAX connections at once. The server side lives in the loop's thread; the client
 * call blocks.
 */
#ifndef BOURDON_NET_CONTROL_H
#define BOURDON_NET_CONTROL_H

#include "base/buffer.h"
#include "net/loop.h"

enum {
    CONTROL_REQUEST_MAX = 4096,
    CONTROL_ANSWER_MAX = 16 * 1024 * 1024,
    CONTROL_CLIENTS_MAX = 16,
    CONTROL_TIMEOUT_MS = 5000,
};

struct control;

/*
 * Listens on `path` (replacing a dead socket, refusing a live one with ERR_CONFLICT). answer() appends the
 * answer to `out`; `request` has no line end. answer() does not call control_stop(). The path is removed by
 * control_stop().
 */
MUST_USE enum err control_start(struct loop *loop, const char *path,
                                void (*answer)(void *owner, const char *request, struct buffer *out),
                                void *owner, struct control **control, struct err_text *why);
void control_stop(struct control *control); /* NULL is fine */

/* Asks the daemon behind `path` and appends its whole answer to `answer`. Blocks up to CONTROL_TIMEOUT_MS. */
MUST_USE enum err control_ask(const char *path, const char *request, struct buffer *answer,
                              struct err_text *why);

#endif
