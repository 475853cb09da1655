/*
 * deadlines: sockets that are cut off when their time is over, whoever is waiting for them: a peer that sends
 * a byte now and then keeps a connection for ever otherwise. Any thread.
 */
#ifndef BOURDON_WEB_DEADLINES_H
#define BOURDON_WEB_DEADLINES_H

#include "base/err.h"

#include <stdint.h>

struct deadlines;
struct deadline;

MUST_USE struct deadlines *deadlines_new(void);   /* NULL: out of memory */
void deadlines_free(struct deadlines *deadlines); /* after every deadline was removed; NULL is fine */

/* Times are monotonic; 0 = none. The descriptor is borrowed, and open until this is removed. NULL: out of
 * memory. */
MUST_USE struct deadline *deadlines_add(struct deadlines *deadlines, int fd, int64_t until_us);
void deadline_set(struct deadline *deadline, int64_t until_us); /* NULL is fine, and below */
void deadline_remove(struct deadline *deadline);

/* Shuts down both directions of those whose time is over. */
void deadlines_enforce(struct deadlines *deadlines, int64_t now_us);

#endif
