/*
 * feed: what happens, as lines of JSON for those who follow the control socket ("follow"): batches answered,
 * alarms changed. docs/web.md lists the lines.
 *
 * Any thread may publish: the line is copied into a bounded queue that the main loop empties. Without a
 * follower nothing is written; when the queue is full the line is dropped and the next one is preceded by
 * {"type":"lost"}. So nobody who publishes ever waits. The newest rejected batches are kept, as long as the
 * server lives, for who comes later.
 */
#ifndef BOURDON_SERVER_FEED_H
#define BOURDON_SERVER_FEED_H

#include "front/observer.h"
#include "net/control.h"

enum {
    FEED_QUEUE_MAX = 512 * 1024, /* bytes that wait for the loop */
    FEED_REJECTED_MAX = 256,     /* lines kept */
    FEED_LINE_MAX = 4096,
};

struct feed;

/* NULL: out of memory. Publishing may begin at once; `control` may come later. */
MUST_USE struct feed *feed_new(struct loop *loop);
void feed_free(struct feed *feed); /* after the loop has ended; NULL is fine */

/* The main thread; the control socket that is asked to follow. */
void feed_use(struct feed *feed, struct control *control);
/* Within the control socket's answer(): who asked follows from now on. False: there are too many. */
MUST_USE bool feed_follow(struct feed *feed, struct buffer *out);

/* A batch was answered. Any thread. */
void feed_batch(struct feed *feed, const struct observed_batch *batch);
/* A line of JSON, without its end. Any thread. */
void feed_line(struct feed *feed, struct bytes line);

/* Appends the rejected batches as lines, oldest first. Any thread. */
MUST_USE enum err feed_rejected(struct feed *feed, struct buffer *out);

#endif
