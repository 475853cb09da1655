/*
 * delivery: carries an outbox to a server through mutual TLS and waits until every batch is answered. Blocks,
 * with a loop of its own; Ctrl-C and SIGTERM end it.
 */
#ifndef BOURDON_CLIENT_SEND_DELIVERY_H
#define BOURDON_CLIENT_SEND_DELIVERY_H

#include "net/io.h"
#include "send/outbox.h"

struct delivery_options {
    const char *host, *port;
    struct tls_context *tls;
    const uint8_t *epoch; /* BATCH_EPOCH_SIZE bytes */
    struct bytes catalog; /* encoded */
    struct outbox *outbox;
    bool repeated;      /* a run that was begun before: the server may have batches of it */
    int64_t timeout_us; /* how long nothing may be heard: no connection, no answer */
    /* Called for each answer that is final; rtt_us since it was sent. */
    void (*answered)(void *owner, const struct outbox_batch *batch, const struct ack_range *range,
                     int64_t rtt_us);
    void *owner;
};

/*
 * ERR_OK: every batch has its answer, which may be a rejection. ERR_CONFLICT: the server has batches of this
 * epoch that this run does not know of. Otherwise what went wrong on the way; batches may have been answered
 * before.
 */
MUST_USE enum err delivery_run(const struct delivery_options *options, struct err_text *why);

#endif
