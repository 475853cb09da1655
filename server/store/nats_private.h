/* nats_private: what nats_link.c and nats_post.c share. */
#ifndef BOURDON_SERVER_STORE_NATS_PRIVATE_H
#define BOURDON_SERVER_STORE_NATS_PRIVATE_H

#include "store/memo.h"
#include "store/nats_link.h"

#include <nats/nats.h>
#include <pthread.h>

struct nats_link {
    natsConnection *connection;
    jsCtx *js;
    /* of the posting at hand; under the lock, which the library's threads take, too */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct memo *posts; /* subject → struct nats_post */
    size_t in_flight;
    bool full;
    const natsMsg *publishing; /* in the library's hands right now; NULL = none … */
    bool answered_early;       /* … and answered meanwhile */
    struct err_text why;       /* of the last refusal */
};

/* The library's answer to one publication, in a thread of its own. */
void nats_post_answered(jsCtx *js, natsMsg *message, jsPubAck *ack, jsPubAckErr *error, void *owner);

/* "NATS: <what>: <the library's words>" */
enum err nats_failed(struct err_text *why, enum err class, const char *what, natsStatus status);

#endif
