/*
 * control: the local socket of a daemon (a Unix stream socket, mode 0660), for `bourdon status` and the like.
 *
 * One request a connection: a line of words ("status", "fault unit=1 delay=250ms") ended by LF, at most
 * CONTROL_REQUEST_MAX bytes; the answer is UTF-8 text, by convention one JSON document, ended by closing the
 * connection. Requests that are too long or not finished within CONTROL_TIMEOUT_MS are cut off.
 * At most CONTROL_CLIENTS_MAX connections at once. The server side lives in the loop's thread; the client
 * call blocks.
 *
 * A request may also ask to follow: its connection stays open, and control_publish() writes to all of them. A
 * follower that does not read is dropped once CONTROL_FOLLOWER_BACKLOG bytes wait for it.
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
    CONTROL_FOLLOWERS_MAX = 8, /* of the clients */
    CONTROL_FOLLOWER_BACKLOG = 1024 * 1024,
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

/* For answer(): the connection that asks follows from now on, after what was appended to `out`. False:
 * CONTROL_FOLLOWERS_MAX do already. */
MUST_USE bool control_follow(struct control *control);
/* To every follower; returns how many there still are. */
size_t control_publish(struct control *control, struct bytes bytes);

/* Connects and sends the request: `*fd` is the caller's to read what is published, and to close. Sending and
 * each read give up after CONTROL_TIMEOUT_MS. */
MUST_USE enum err control_connect(const char *path, const char *request, int *fd, struct err_text *why);

/* Asks the daemon behind `path` and appends its whole answer to `answer`. Blocks up to CONTROL_TIMEOUT_MS. */
MUST_USE enum err control_ask(const char *path, const char *request, struct buffer *answer,
                              struct err_text *why);

#endif
