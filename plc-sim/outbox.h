/*
 * outbox: the replies of a connection on their way out.
 *
 *   reply ─▶ [pending until due] ─▶ out ─▶ descriptor (the connection writes it)
 *
 * Replies leave in the order they were put in, each not before its time, but for late ones, which others
 * overtake. Pure: monotonic time in microseconds comes in. At most OUTBOX_PENDING_MAX replies wait for their
 * time and at most OUTBOX_MAX bytes for the descriptor. One thread.
 */
#ifndef BOURDON_PLCSIM_OUTBOX_H
#define BOURDON_PLCSIM_OUTBOX_H

#include "base/buffer.h"
#include "service.h"

enum {
    OUTBOX_PENDING_MAX = 16, /* NumberMaxOfServerTransaction of the messaging guide */
    OUTBOX_MAX = 512 * 1024,
};

struct outbox_reply; /* opaque */

struct outbox {
    struct buffer out;                                /* what is due and has not been written */
    struct outbox_reply *pending[OUTBOX_PENDING_MAX]; /* owned; in the order they were put in */
    size_t pending_count;
    int64_t busy_until_us; /* a reply in order is not due before this */
};

void outbox_init(struct outbox *outbox);
void outbox_fini(struct outbox *outbox);

/* Whether as many replies wait for their time as may. */
bool outbox_is_full(const struct outbox *outbox);

/* Whether nothing is left to be sent, now or later. */
bool outbox_is_empty(const struct outbox *outbox);

/* Takes a reply that was made at `now_us`; the outbox is not full. ERR_LIMIT, ERR_NO_MEMORY: it was not
 * taken. */
MUST_USE enum err outbox_put(struct outbox *outbox, const struct service_reply *reply, int64_t now_us);

/* Moves what is due to `out`. ERR_LIMIT, ERR_NO_MEMORY: bytes were lost, the connection must end. */
MUST_USE enum err outbox_release(struct outbox *outbox, int64_t now_us);

/* When outbox_release() will have something to do; INT64_MAX = never. */
int64_t outbox_due_us(const struct outbox *outbox);

#endif
