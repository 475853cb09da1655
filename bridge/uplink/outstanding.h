/*
 * outstanding: the batches that were sent in this session and have no answer yet, with what the log and the
 * ack log want to know about them. Pure; one thread.
 */
#ifndef BOURDON_UPLINK_OUTSTANDING_H
#define BOURDON_UPLINK_OUTSTANDING_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTSTANDING_MAX = 1024 }; /* batches; a server may allow more, no more are sent */

struct sent_batch {
    uint64_t seq; /* 0 = empty */
    uint32_t readings;
    uint32_t bytes;
    int64_t last_us; /* wall: when its last reading was taken */
    int64_t sent_us; /* wall */
    int64_t sent_mono_us;
    bool backlog; /* read back from the spool, not handed over as it was committed */
};

struct outstanding;

MUST_USE struct outstanding *outstanding_new(void);     /* NULL: out of memory */
void outstanding_free(struct outstanding *outstanding); /* NULL is fine */
void outstanding_clear(struct outstanding *outstanding);

size_t outstanding_count(const struct outstanding *outstanding);
size_t outstanding_backlog(const struct outstanding *outstanding); /* how many of them are backlog */
bool outstanding_has(const struct outstanding *outstanding, uint64_t seq);

/* ERR_LIMIT: OUTSTANDING_MAX; ERR_CONFLICT: it is there already. */
MUST_USE enum err outstanding_add(struct outstanding *outstanding, const struct sent_batch *entry);
/* Removes it into `*entry`; false if it is not there. */
bool outstanding_take(struct outstanding *outstanding, uint64_t seq, struct sent_batch *entry);

#endif
