/*
 * store_thread: the one thread that works with the store, by group commit: everything that waits, of all
 * bridges and loops, goes into one transaction; one fsync acknowledges it all.
 *
 *   peers ──store_thread_submit()──▶ bounded queue ──▶ begin, put…, commit ──▶ inbox of each loop ──▶
 * answered()
 *
 * No request is answered as stored before the commit of its group returned. A group that the store cannot
 * take for now (disk full, busy) is rolled back as a whole and every request of it answered so. Any other
 * failure is the end: from then on nothing is answered as stored, and `failed` tells the owner to stop.
 *
 * A store that is away at the start is tried again and again; until it is there every request is ERR_BUSY.
 * What no waiting heals (ERR_CONFIG, ERR_VERSION, ERR_CORRUPT …) is the end then, too.
 */
#ifndef BOURDON_SERVER_STORE_STORE_THREAD_H
#define BOURDON_SERVER_STORE_STORE_THREAD_H

#include "server_metrics.h"
#include "store/store_inbox.h"

enum {
    STORE_GROUP_MAX = 8192,               /* requests in one group */
    STORE_GROUP_BYTES = 32 * 1024 * 1024, /* a group that has this many bytes takes no more */
    STORE_STALLED_MS = 20000,             /* a group that takes longer makes the store unhealthy */
    STORE_EXPIRE_MS = 5000,               /* between two looks at what may be forgotten */
    STORE_OPEN_MS = 1000,                 /* between two tries to open a store that is away */
};

struct store_thread_options {
    struct store *store; /* used by the thread alone until store_thread_stop(); NULL: it is away … */
    struct err_text
        away; /* … for this reason, and this opens it, in the store thread; it stays the owner's */
    enum err (*open)(void *opening, struct store **store, struct err_text *why);
    void *opening;
    struct server_metrics *metrics;
    struct store_retention retention;
    size_t queue_bytes;          /* limit of what waits or is being stored */
    void (*failed)(void *owner); /* once, in the store thread */
    void *owner;
};

struct store_thread;
MUST_USE enum err store_thread_start(const struct store_thread_options *options, struct store_thread **thread,
                                     struct err_text *why);
/* Stores what still waits, then ends the thread. NULL is fine. */
void store_thread_stop(struct store_thread *thread);

/* Any thread. ERR_OK: the request is the store thread's, which may have answered it already; do not touch it.
 * ERR_BUSY: the queue is full, the request still belongs to the caller. */
MUST_USE enum err store_thread_submit(struct store_thread *thread, struct store_request *request);

/* Whether more than half of the queue is taken: time to read less. Any thread. */
bool store_thread_is_behind(const struct store_thread *thread);

/* Whether an error of a store may pass by itself. */
bool store_may_recover(enum err result);

/* ERR_OK if the store is there, the thread works and the last commit did not fail. Any thread. */
MUST_USE enum err store_thread_health(struct store_thread *thread, struct err_text *why);

#endif
