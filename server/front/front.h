/*
 * front: where bridges connect to: the listeners, one a thread, and what they share. Main thread only; what
 * happens at the connections happens in the listeners' threads.
 */
#ifndef BOURDON_SERVER_FRONT_FRONT_H
#define BOURDON_SERVER_FRONT_FRONT_H

#include "front/observer.h"
#include "front/policy.h"
#include "front/roster.h"
#include "server_metrics.h"
#include "store/store_thread.h"

enum { FRONT_THREADS_MAX = 64 };

struct front_options {
    const struct server_options *configuration; /* used during front_new() only */
    struct policy *policy;                      /* the front takes its own reference */
    struct store_thread *store;                 /* borrowed, as is what follows */
    struct server_metrics *metrics;
    struct front_observer observer;
    void (*drained)(void *owner); /* once after front_drain(), in a listener's thread: nobody is left */
    void *owner;
};

struct front;

/* Binds the sockets; nobody is served before front_start(). */
MUST_USE enum err front_new(const struct front_options *options, struct front **front, struct err_text *why);
MUST_USE enum err front_start(struct front *front, struct err_text *why);

/* New connections and limits follow these from now on; open connections are judged once more. */
void front_use(struct front *front, const struct server_options *configuration, struct policy *policy);

/* Accepts nobody, answers what was received, says goodbye to all, then drained(). */
void front_drain(struct front *front);
/* Ends the threads; who is still connected is cut off. */
void front_stop(struct front *front);
/* After the store thread has stopped. NULL is fine. */
void front_free(struct front *front);

struct roster *front_roster(struct front *front);
size_t front_threads(const struct front *front);
uint16_t front_port(const struct front *front, size_t index); /* bound for the address `index` of listen */

#endif
