/*
 * listener: one loop thread of the front: its listening sockets (shared with the other threads by
 * SO_REUSEPORT), its peers, and what they share.
 *
 * Made and freed by the main thread; between listener_start() and listener_stop() everything but the
 * listener_post_*() functions happens in its own thread.
 */
#ifndef BOURDON_SERVER_FRONT_LISTENER_H
#define BOURDON_SERVER_FRONT_LISTENER_H

#include "base/log.h"
#include "front/admission.h"
#include "front/catalogs.h"
#include "front/observer.h"
#include "front/policy.h"
#include "front/roster.h"
#include "net/io.h"
#include "store/store_thread.h"
#include "tunnel/batch_decoder.h"

#include <pthread.h>

enum {
    LISTENER_TICK_MS = 500,       /* how exactly the sessions' timers are kept */
    LISTENER_PAUSE_MAX_MS = 2000, /* a peer is not read for this long at most: it must not seem dead */
    LISTENER_LINGER_MS = 2000,    /* for a goodbye to arrive */
    ROUNDS_SLOTS = 512,           /* ticks that a look at a session can be planned ahead, and one */
};

/* What all listeners share; borrowed from the server, outlives them. */
struct front_context {
    struct admission *admission;
    struct roster *roster;
    struct store_thread *store;
    struct server_metrics *metrics;
    atomic_size_t handshakes; /* places of each listener */
    struct front_observer observer;
    void (*drained)(void *owner); /* the listener's thread: no peer is left after listener_post_drain() */
    void *owner;
};

struct peer;

/* In progress; see front/handshakes.h. */
struct handshakes {
    struct peer *oldest, *newest;
    size_t count;
};

/* Sessions by when they are to be looked at; see front/rounds.h. */
struct rounds {
    struct peer *slots[ROUNDS_SLOTS];
    int64_t turn; /* that was looked at last, counted in ticks of the monotonic clock */
};

struct listener {
    struct front_context *front;
    struct loop *loop;
    struct policy *policy; /* of new connections */
    uint32_t generation;   /* of the policy: counts reloads */
    struct store_inbox *inbox;
    struct batch_decoder *decoder;
    struct catalogs *catalogs;
    struct loop_timer *tick;
    struct io_listener **sockets;
    size_t socket_count;
    struct peer *peers; /* newest first */
    struct handshakes handshakes;
    struct rounds rounds;
    atomic_bool missed; /* a session was not told of news, for want of memory: all are looked at */
    bool draining;
    struct log_limit limit_turned_away, limit_dropped, limit_refused, limit_malformed, limit_conflict;
    pthread_t thread;
    bool running; /* the thread was started */
};

/* Binds each "host:port" of `addresses`; port 0 takes a free one and writes it into `ports[i]`, which is used
 * where it is not 0. */
MUST_USE enum err listener_new(struct front_context *front, struct policy *policy,
                               const struct option_list *addresses, uint16_t *ports,
                               struct listener **listener, struct err_text *why);
MUST_USE enum err listener_start(struct listener *listener, struct err_text *why);

/* Main thread, at any time: new connections are judged by this policy, and open ones once more. */
MUST_USE enum err listener_post_policy(struct listener *listener, struct policy *policy);
/* Accepts nothing more, answers what was received, says goodbye to all, then calls front.drained(). */
MUST_USE enum err listener_post_drain(struct listener *listener);

/* From a peer of this listener: it is gone. */
void listener_peer_left(struct listener *listener);

/* Ends the thread; connections that are still open are closed. */
void listener_stop(struct listener *listener);
/* After the store thread has stopped. NULL is fine. */
void listener_free(struct listener *listener);

#endif
