/*
 * ack_queue: the server's answers that wait to travel together. Answers to sequences in a row that say the
 * same become one range. Empty it holds no memory. One thread.
 */
#ifndef BOURDON_TUNNEL_ACK_QUEUE_H
#define BOURDON_TUNNEL_ACK_QUEUE_H

#include "tunnel/frame.h"

enum { ACK_QUEUE_MAX = 8 }; /* ranges; group commits mostly make one */

struct ack_queue {
    struct ack_range *ranges; /* owned; room for ACK_QUEUE_MAX */
    size_t count;
};

void ack_queue_init(struct ack_queue *queue);
void ack_queue_fini(struct ack_queue *queue);

/* ERR_LIMIT: full, write it first; ERR_NO_MEMORY. */
MUST_USE enum err ack_queue_add(struct ack_queue *queue, const struct ack_range *range);

/* Appends one ACK of all ranges to `out`, and empties the queue whether that succeeds or not. */
MUST_USE enum err ack_queue_write(struct ack_queue *queue, struct buffer *out);

#endif
