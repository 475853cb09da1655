/*
 * poller: the thread of one link. Waits for the next turn, sends its request, turns the outcome into
 * readings, and brings the link up again for as long as it lives. Between polls it serves the live requests
 * that others queue (field/live.h), by the rule of field/line_share.h.
 *
 * The thread owns units and ways; other threads may call poller_stop(), put live requests, and read the
 * counters and the state.
 */
#ifndef BOURDON_FIELD_POLLER_H
#define BOURDON_FIELD_POLLER_H

#include "base/backoff.h"
#include "base/metrics.h"
#include "field/line_share.h"
#include "field/live.h"
#include "field/poll_cache.h"
#include "field/poller_log.h"
#include "field/reading_sink.h"
#include "field/reading_space.h"
#include "field/unit.h"
#include "link/link.h"

#include <pthread.h>

enum {
    POLLER_WAYS_MAX = 2,
    POLLER_NAME_SIZE = CATALOG_LINK_MAX + 1,
    POLLER_STACK_SIZE = 128 * 1024,
    POLLER_RECONNECT_FIRST_MS = 200,
    POLLER_SINK_RETRY_MS = 200, /* how often a full sink is asked */
};

enum poller_counter {
    POLLER_UP,       /* 1 = connected, or has not needed to connect yet */
    POLLER_WAY,      /* index of the way in use */
    POLLER_READINGS, /* given to the sink */
    POLLER_PAUSED,   /* 1 = the sink is full */
    POLLER_LIVE,     /* live requests served */
    POLLER_COUNTERS,
};

/* What all pollers share. */
struct poller_context {
    const struct catalog *catalog;
    const struct reading_sink *sink;
    struct reading_space *space;
};

struct poller {
    char name[POLLER_NAME_SIZE];
    const struct poller_context *context;
    struct reading_promise promise;
    struct link *ways[POLLER_WAYS_MAX]; /* owned */
    size_t way_count;
    size_t way;         /* in use, or to be tried next */
    size_t outstanding; /* live reads on their way at once, at most … */
    size_t at_once;     /* … and now: fewer where that would keep polls waiting */
    struct unit *units; /* owned */
    size_t unit_count;
    struct backoff reconnect;
    int64_t reconnect_us; /* monotonic: not before */
    uint64_t answers;     /* on this connection */
    int64_t clock_checked_us;
    int64_t stale_checked_us;
    int64_t sink_asked_us; /* while the sink is full: when it was asked last */
    bool clock_synchronised;
    bool down_logged;
    struct poller_log log;
    struct line_share share;
    struct poll_cache cache;
    struct live_list live_taken; /* off the queue, not yet served */

    metric_value counters[POLLER_COUNTERS];
    metric_value link_counters[LINK_COUNTERS];

    pthread_t thread;
    bool started;
    atomic_bool stopping;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t woken;
    bool asking; /* a request is in flight */
    struct live_queue live;
    char reason[ERR_TEXT_MAX]; /* why the link is down; "" = it is not */
};

/* Zeroes and makes the lock; the caller then fills in ways, units and reconnect. It stays where it is. */
void poller_init(struct poller *poller, const struct poller_context *context, const char *name);
/* The polls are placed from now on; `*number` as in unit_start(). */
MUST_USE enum err poller_start(struct poller *poller, uint32_t *number, struct err_text *why);
/* Asks the thread to end, and interrupts what it waits for but an answer; live requests come back unanswered.
 */
void poller_stop(struct poller *poller);
/* After that: waits for the answer that is on its way, until the monotonic time at most, then interrupts. */
void poller_await_answer(struct poller *poller, int64_t until_us);
/* Waits for the thread and frees what the poller owns. Those two came before, if it was started. */
void poller_fini(struct poller *poller);

/* Why the link is down, "" if it is not. Writes text[ERR_TEXT_MAX] and returns it. Any thread. */
char *poller_reason(struct poller *poller, char *text);

#endif
