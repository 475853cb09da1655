/* ack_list: the server's answers that wait for the next commit. One thread. */
#ifndef BOURDON_SPOOL_ACK_LIST_H
#define BOURDON_SPOOL_ACK_LIST_H

#include "spool/spool.h"

/* Answers may wait for the next batch to share its commit, but not longer. */
#define ACK_LIST_DELAY_US INT64_C(100000)

struct ack_list {            /* all zero = empty */
    struct spool_ack *items; /* their texts are owned */
    size_t count, capacity;
    int64_t since_us; /* monotonic, of the first one */
};

/* Takes `text` (malloc or NULL) over, also on failure. ERR_NO_MEMORY. */
MUST_USE enum err ack_list_add(struct ack_list *list, const struct spool_ack *ack, char *text,
                               int64_t now_us);
void ack_list_clear(struct ack_list *list); /* keeps the memory */
void ack_list_fini(struct ack_list *list);

/* When they have waited long enough; monotonic, INT64_MAX = there is none. */
int64_t ack_list_deadline_us(const struct ack_list *list);

/* Inside a transaction: trims and logs them all. `*highest`: the highest sequence that was stored; 0 = none.
 */
MUST_USE enum err ack_list_write(const struct ack_list *list, struct spool *spool, uint64_t *highest,
                                 struct err_text *why);

#endif
