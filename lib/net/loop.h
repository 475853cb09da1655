/*
 * loop: events in one thread: timers, signals, readiness of descriptors, name look-up, and work posted from
 * other threads. The only header of ours behind which libuv stands; none of its types shows.
 *
 * Everything but loop_post() and loop_stop() is called in the thread that runs the loop (or before it runs).
 * Callbacks run one after the other; an object is never freed inside its own callback: the *_free() functions
 * may be called there all the same, they put the release off until the callback has returned.
 *
 * Making a loop sets the process to ignore SIGPIPE: a write to a peer that left is an error, not our death.
 */
#ifndef BOURDON_NET_LOOP_H
#define BOURDON_NET_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct loop;
struct loop_timer;
struct loop_signal;
struct loop_watch;
struct loop_lookup;

MUST_USE struct loop *loop_new(void); /* NULL: out of memory or descriptors */

/*
 * After loop_run() returned and all timers, signals and watches were freed. Work still posted is dropped.
 * Waits for the system's resolver if it still works for a look-up, cancelled or not, and for loop_work().
 * NULL is fine.
 */
void loop_free(struct loop *loop);

/* Runs until loop_stop(). May be called again after that. */
void loop_run(struct loop *loop);

/* Any thread. What was posted before runs before the loop ends. */
void loop_stop(struct loop *loop);

/* Runs work(owner) in the loop's thread, in the order of posting. Any thread. ERR_NO_MEMORY: not posted. */
MUST_USE enum err loop_post(struct loop *loop, void (*work)(void *owner), void *owner);

/*
 * Runs work(owner) in one of some threads that the whole process shares, then done(owner) in the loop's. What
 * is not finished when the loop ends is waited for by loop_free(), which then calls done(). The job is the
 * loop's, and gone after done(). NULL: out of memory, neither will run.
 */
MUST_USE struct loop_job *loop_work(struct loop *loop, void (*work)(void *owner), void (*done)(void *owner),
                                    void *owner);
/* Work that no thread has begun is left undone, and done() comes in a next round of the loop; what has begun
 * goes on. Only before done(), in the loop's thread. */
void loop_job_cancel(struct loop_job *job);

/* A timer that is not running yet; NULL: out of memory. It expires once for each start. */
MUST_USE struct loop_timer *loop_timer_new(struct loop *loop, void (*expired)(void *owner), void *owner);
/* Restarts a running one. < 0 counts as 0: as soon as possible, after what else is due. */
void loop_timer_start_ms(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

/* Calls arrived(owner) for each signal `number`. NULL: out of memory, or no such signal. */
MUST_USE struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*arrived)(void *owner),
                                             void *owner);
void loop_signal_free(struct loop_signal *signal);

/*
 * Readiness of a descriptor the caller owns; it becomes non-blocking, and nothing is watched for at first.
 * An error on the descriptor shows as readable and writable: reading it tells. NULL: out of memory, or the
 * descriptor is closed, a file, or already watched.
 */
enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2 };
MUST_USE struct loop_watch *loop_watch_new(struct loop *loop, int fd,
                                           void (*ready)(void *owner, unsigned events), void *owner);
void loop_watch_set(struct loop_watch *watch, unsigned events); /* 0 = pause */
void loop_watch_free(struct loop_watch *watch);                 /* before the descriptor is closed */

/*
 * Resolves host and port off the loop's thread; calls done() once, later, with an error or at least one
 * address. The look-up is gone when done() is called. NULL: out of memory.
 */
enum { LOOP_ADDRESSES_MAX = 16 };
struct loop_addresses {
    size_t count;
    struct sockaddr_storage items[LOOP_ADDRESSES_MAX];
    socklen_t sizes[LOOP_ADDRESSES_MAX];
};
MUST_USE struct loop_lookup *loop_lookup_start(struct loop *loop, const char *host, const char *port,
                                               void (*done)(void *owner, enum err result, const char *reason,
                                                            const struct loop_addresses *addresses),
                                               void *owner);
void loop_lookup_cancel(struct loop_lookup *lookup); /* done() will not be called; NULL is fine */

#endif
