/*
 * outbox: what the spool's thread hands to the loop: collected under a lock, posted once however much is in
 * it, and given to the events in the loop's thread. Bounded: live batches that wait beyond
 * SPOOL_HANDOVER_BYTES are dropped from memory, oldest first, and named as skipped.
 */
#ifndef BOURDON_SPOOL_OUTBOX_H
#define BOURDON_SPOOL_OUTBOX_H

#include "spool/spool_thread.h"

struct outbox;

MUST_USE struct outbox *outbox_new(struct loop *loop, const struct spool_events *events, void *owner);
void outbox_free(struct outbox *outbox); /* NULL is fine; the loop no longer runs */

/* The spool's thread. What one of these cannot post for want of memory goes with the next. */
void outbox_joined(struct outbox *outbox, const struct spool_joined *joined); /* forgets live batches */
void outbox_committed(struct outbox *outbox, struct spool_batches *batches);  /* takes them over */
void outbox_backlog(struct outbox *outbox, uint32_t session, struct spool_batches *batches, uint64_t next);
void outbox_flushed(struct outbox *outbox);
void outbox_failed(struct outbox *outbox, enum err code, const char *reason);

#endif
