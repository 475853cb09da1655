/*
 * loop: events in one thread: timers, signals, readiness of descriptors, name look-up, and work posted from
 * other threads. The only header of ours behind which libuv stands; none of its types shows.
 *
 * Everything but loop_post() and loop_stop() is called in the thread that runs the loop (or before it runs).
 * Callbacks run one after the other; an object is never freed inside its own callback: the *_free() functions
 * may be called there all the same, they put the release off until the callback has returned.
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
void loop_free(
    struct loop *loop); /* after loop_run() returned and all timers, signals and watches were freed */

void loop_run(struct loop *loop);  /* until loop_stop() */
void loop_stop(struct loop *loop); /* any thread; the loop ends after the current round */

/* Runs work(owner) in the loop's thread, in the order of posting. Any thread. ERR_NO_MEMORY: not posted. */
MUST_USE enum err loop_post(struct loop *loop, void (*work)(void *owner), void *owner);

/* A timer that is not running yet. */
MUST_USE struct loop_timer *loop_timer_new(struct loop *loop, void (*expired)(void *owner), void *owner);
void loop_timer_start_ms(struct loop_timer *timer,
                         int64_t delay_ms); /* restarts a running one; < 0 counts as 0 */
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

/* Calls arrived(owner) for each signal `number`. */
MUST_USE struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*arrived)(void *owner),
                                             void *owner);
void loop_signal_free(struct loop_signal *signal);

/* Readiness of a descriptor the caller owns. */
enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2 };
MUST_USE struct loop_watch *loop_watch_new(struct loop *loop, int fd,
                                           void (*ready)(void *owner, unsigned events), void *owner);
void loop_watch_set(struct loop_watch *watch, unsigned events); /* 0 = pause */
void loop_watch_free(struct loop_watch *watch);                 /* before the descriptor is closed */

/* Resolves host and port off the loop's thread; calls done() once, with an error or at least one address. */
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
