/*
 * outbox: the encoded batches of one run and what became of each. Batches are in order of sequence. One
 * thread.
 */
#ifndef BOURDON_CLIENT_SEND_OUTBOX_H
#define BOURDON_CLIENT_SEND_OUTBOX_H

#include "tunnel/frame.h"

enum outbox_state { OUTBOX_WAITING, OUTBOX_SENT, OUTBOX_ANSWERED };

struct outbox_batch {
    uint64_t seq;
    uint32_t readings;
    enum outbox_state state;
    int64_t not_before_us; /* monotonic: the server asked to wait */
    uint8_t digest[BATCH_DIGEST_SIZE];
    uint8_t *encoded; /* owned by the outbox */
    size_t size;
};

struct outbox {                   /* all zero = empty */
    struct outbox_batch *batches; /* owned */
    size_t count, capacity;
    size_t answered;
    size_t next; /* no batch in front of it is waiting */
};

/* Copies the batch; `owner` is the outbox: for series_batches(). */
MUST_USE enum err outbox_add(void *owner, const struct batch_view *view);
void outbox_fini(struct outbox *outbox);

/* The first batch that may be sent at `now_us`; NULL if none may, and `*when_us` is when the next one may
 * (INT64_MAX: all are on their way). Who sends it sets its state. */
struct outbox_batch *outbox_next(struct outbox *outbox, int64_t now_us, int64_t *when_us);

/* NULL: no such batch was sent and not answered. */
struct outbox_batch *outbox_find(const struct outbox *outbox, uint64_t seq);
void outbox_answered(struct outbox *outbox, struct outbox_batch *batch);
/* Back into the queue. */
void outbox_retry(struct outbox *outbox, struct outbox_batch *batch, int64_t not_before_us);

/* SHA-256 over the digests of all batches: whether two runs are the same. */
MUST_USE enum err outbox_digest(const struct outbox *outbox, uint8_t *digest);

#endif
