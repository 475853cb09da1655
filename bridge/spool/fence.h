/*
 * fence: finds out, when the server says what its store has of our epoch, that the store or the spool came
 * back from an old copy, or that the spool was cloned; and sets it right with a counted gap.
 *
 *   the store lacks what it had acknowledged    store restored (or made anew): what it lost is a gap record.
 *                                               Live batches go before their backlog, so a copy of a store
 * can lack some below its highest: that is why it lists them the store has sequences we never made spool
 * restored, or cloned: go on above them; a batch whose number turns out to be taken is made anew under
 * another
 *
 * One thread, the one of the spool.
 */
#ifndef BOURDON_SPOOL_FENCE_H
#define BOURDON_SPOOL_FENCE_H

#include "spool/spool.h"
#include "tunnel/frame.h"

enum { FENCE_STORE_ID_SIZE = 16 };

struct fence_meeting {
    uint8_t store[FENCE_STORE_ID_SIZE];
    uint64_t highest;  /* the highest sequence of our epoch the store has; 0 = none */
    uint64_t next_seq; /* our next sequence when we told the server, before it answered */
    /* Of those below `highest`, some that the store neither has nor knows to be accounted for; borrowed. */
    size_t missing_count;
    const struct frame_range *missing;
};

struct fence_verdict {
    bool store_unknown;    /* never acknowledged anything to this spool, but another store has */
    bool store_restored;   /* has less than it had acknowledged */
    bool store_incomplete; /* the same, but there is another store that may have the rest */
    bool spool_restored;   /* has more than we ever made */
    uint64_t first, last;  /* the sequences in question; 0 = none; not all in between need be */
    uint64_t readings;     /* of them, as far as the ack log knows */
};

struct fence;

/* Borrows the spool. */
MUST_USE enum err fence_new(struct spool *spool, struct fence **fence, struct err_text *why);
void fence_free(struct fence *fence); /* NULL is fine */
/* This life began, and loses nothing it takes from now on. */
void fence_started(struct fence *fence, int64_t now_us);

/* Inside a transaction. A gap record goes behind `made`. `now_us`: wall. */
MUST_USE enum err fence_meet(struct fence *fence, const struct fence_meeting *meeting, int64_t now_us,
                             struct spool_batches *made, struct fence_verdict *verdict, struct err_text *why);

/* Inside a transaction: the store met last has acknowledged sequences up to `highest`. */
MUST_USE enum err fence_acked(struct fence *fence, uint64_t highest, struct err_text *why);

#endif
