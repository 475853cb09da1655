/*
 * jetstream_marks: which sequences of each epoch are stored, kept in memory and in a stream. Several servers
 * write it: each write is refused if the mark has changed since it was read; then the two are united. Part of
 * jetstream.c, with the same link and thread.
 */
#ifndef BOURDON_SERVER_STORE_JETSTREAM_MARKS_H
#define BOURDON_SERVER_STORE_JETSTREAM_MARKS_H

#include "store/nats_link.h"
#include "store/store.h"

struct jetstream_marks;

/* `name` is borrowed. NULL: out of memory. */
MUST_USE struct jetstream_marks *jetstream_marks_new(struct nats_link *link, const char *name,
                                                     const char *stream);
void jetstream_marks_free(struct jetstream_marks *marks); /* NULL is fine */

/* Between groups: bounds the memory. */
void jetstream_marks_settle(struct jetstream_marks *marks);

/* The batch is stored. In memory, until jetstream_marks_write(). */
MUST_USE enum err jetstream_marks_note(struct jetstream_marks *marks, const char *bridge,
                                       const struct batch_view *view, struct err_text *why);
/* Stores the marks that have changed. After a failure they are still to be stored. */
MUST_USE enum err jetstream_marks_write(struct jetstream_marks *marks, struct err_text *why);

/* As they are in the stream now. */
MUST_USE enum err jetstream_marks_look_up(struct jetstream_marks *marks, const char *bridge,
                                          const uint8_t *epoch, struct store_watermarks *watermarks,
                                          struct err_text *why);

#endif
