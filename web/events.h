/*
 * events: lines of JSON as they come, for any number of readers up to a limit: server-sent events.
 *
 *   one publisher ──▶ ring of the newest lines ──▶ readers, each at its own place
 *
 * Nobody waits for a reader: one that falls behind the ring, or is given more than EVENTS_CHUNK_LINES within
 * EVENTS_PACE_MS, skips lines and is told how many. Any thread.
 */
#ifndef BOURDON_WEB_EVENTS_H
#define BOURDON_WEB_EVENTS_H

#include "base/buffer.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

enum {
    EVENTS_RING = 512,           /* lines kept */
    EVENTS_LINE_MAX = 4096,      /* a longer one is not published */
    EVENTS_CHUNK_LINES = 32,     /* given at once … */
    EVENTS_PACE_MS = 250,        /* … and not again before this */
    EVENTS_KEEP_ALIVE_MS = 5000, /* a silent stream says so much as a comment */
};

struct events;
struct events_reader;

MUST_USE struct events *events_new(size_t readers_max); /* NULL: out of memory */
void events_free(struct events *events);                /* after every reader has left; NULL is fine */

/* `line`: {"type":"NAME",…} without its end. Nothing if it is not that. */
void events_publish(struct events *events, struct bytes line);
/* Every reader's next read is its end. */
void events_close(struct events *events);

/* Begins with the next line. NULL: closed, out of memory, or there are as many as allowed. */
MUST_USE struct events_reader *events_enter(struct events *events);
void events_leave(struct events_reader *reader);

/* Waits for lines and appends them in the form of an event stream. False: the end. */
bool events_read(struct events_reader *reader, struct buffer *out);

#endif
