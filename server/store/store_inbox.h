/*
 * store_inbox: where the answers for one loop arrive: the store thread puts, the loop's thread takes. The
 * loop is woken once for all the answers of a group.
 */
#ifndef BOURDON_SERVER_STORE_STORE_INBOX_H
#define BOURDON_SERVER_STORE_STORE_INBOX_H

#include "net/loop.h"
#include "store/store_request.h"

/* In the loop's thread: what was answered, in order of submission. The callee takes and frees all of it. */
typedef void store_answered(void *owner, struct store_queue *answered);

/* NULL: out of memory. */
MUST_USE struct store_inbox *store_inbox_new(struct loop *loop, store_answered *answered, void *owner);
/* After the store thread has stopped and the loop has ended: calls answered() with what was not delivered. */
void store_inbox_deliver_rest(struct store_inbox *inbox);
/* Then, too; frees what was not delivered. NULL is fine. */
void store_inbox_free(struct store_inbox *inbox);

/*
 * For the store thread: gathers the answers of a group, then hands them over, waking each loop once.
 * `*touched` links the inboxes that have gathered something; it starts as NULL.
 */
void store_inbox_put(struct store_inbox **touched, struct store_request *request);
void store_inbox_flush(struct store_inbox *touched);

#endif
