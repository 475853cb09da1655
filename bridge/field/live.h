/*
 * live: requests of others than the schedule for a link: those of the gateway's clients. They queue up here
 * for the thread of the link, which alone speaks to the PLC, and go back answered.
 *
 * A request belongs to whoever put it until live_queue_put() took it, then to the queue until `answered`
 * gives it back; each request taken comes back exactly once, also when the link is down or its poller stops.
 * Queue and answers pass in batches, so that a busy line costs few wake-ups.
 */
#ifndef BOURDON_FIELD_LIVE_H
#define BOURDON_FIELD_LIVE_H

#include "gateway/policy_guard.h"
#include "modbus/pdu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LIVE_QUEUE_MAX = 1024, /* requests that wait for one link; what passes it is not taken */
    LIVE_VALUES_MAX = 2 * PDU_WRITE_REGISTERS_MAX,
};

enum live_result {
    LIVE_ANSWERED,   /* `answer` is the PLC's */
    LIVE_NO_ANSWER,  /* the link is down, the PLC was silent, or the request waited too long */
    LIVE_DENIED,     /* the guard: nothing was written */
    LIVE_UNVERIFIED, /* written and answered, but what was read back differs, or could not be read */
};

struct live_request {
    struct live_request *next;
    uint8_t unit; /* behind the link */
    struct pdu_request request;
    struct policy_guard guard;
    bool wants_old;        /* reads what a write will replace, for the record */
    int64_t deadline_us;   /* monotonic: afterwards it is not sent any more */
    atomic_bool cancelled; /* by who put it, while the link has it: if it has not begun, it is not sent */

    enum live_result result;
    bool cached;               /* a poll had just read it */
    bool shared;               /* the same read of another brought the answer */
    struct live_request *same; /* of live_run, while it runs */
    bool sent;                 /* a write may have reached the PLC, whatever the result */
    uint8_t answer[PDU_SIZE_MAX];
    uint8_t answer_size; /* LIVE_ANSWERED, LIVE_UNVERIFIED */
    uint8_t old[LIVE_VALUES_MAX];
    uint8_t old_size; /* 0 = not known */
};

_Static_assert(PDU_SIZE_MAX <= UINT8_MAX && LIVE_VALUES_MAX <= UINT8_MAX, "sizes are bytes");

/* First to last, by `next`; empty = all zero but for `end`. */
struct live_list {
    struct live_request *first;
    struct live_request **end;
    size_t count;
};

void live_list_init(struct live_list *list);
void live_list_append(struct live_list *list, struct live_request *request);
/* Moves all of `from` behind what is in `list`. */
void live_list_move(struct live_list *list, struct live_list *from);
struct live_request *live_list_take(struct live_list *list); /* NULL: it is empty */

struct live_events {
    /* In the thread of the link; takes all of the list. */
    void (*answered)(void *owner, struct live_list *answered);
};

struct live_queue {
    pthread_mutex_t *mutex; /* of the poller; guards what follows */
    pthread_cond_t *woken;
    struct live_list waiting;
    bool sleeping; /* the link's thread waits on `woken` */
    bool closed;
    const struct live_events *events; /* set before the first request is put */
    void *owner;
    atomic_size_t count; /* of `waiting`, to look at without the lock */
};

/* Borrows both. */
void live_queue_init(struct live_queue *queue, pthread_mutex_t *mutex, pthread_cond_t *woken);
/* Who gets the answers. Nothing may be queued or under way. */
void live_queue_serve(struct live_queue *queue, const struct live_events *events, void *owner);

/* Any thread. Takes from the front of `requests` what there is room for; the rest stays in it. All stays if
 * the queue is closed. */
void live_queue_put(struct live_queue *queue, struct live_list *requests);

/* The thread of the link: moves everything that waits behind `list`, unless there would be more than
 * LIVE_QUEUE_MAX in it: so with those that wait there are at most twice as many. */
void live_queue_take(struct live_queue *queue, struct live_list *list);
bool live_queue_is_empty(const struct live_queue *queue);
/* Nothing is taken any more. The caller holds the mutex. */
void live_queue_close(struct live_queue *queue);

#endif
