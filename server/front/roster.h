/*
 * roster: every bridge that was seen since the start, what it has got to, and its open sessions. For status,
 * metrics, and so that one (bridge, epoch) has one session: the newest.
 *
 * Shared by all loops; any thread. A bridge, once known, stays until the roster is freed, so its counters are
 * bumped without a lock.
 */
#ifndef BOURDON_SERVER_FRONT_ROSTER_H
#define BOURDON_SERVER_FRONT_ROSTER_H

#include "base/metrics.h"
#include "net/tls.h"
#include "tunnel/batch.h"

enum { ROSTER_BRIDGES_MAX = 100000 };

struct roster;
struct roster_session;

struct roster_bridge {
    char name[TLS_NAME_MAX];
    metric_value sessions;                 /* open now */
    metric_value batches, readings, bytes; /* committed */
    metric_value duplicates, rejected;
    metric_value last_sequence;      /* of the last batch committed … */
    metric_value last_ack_us;        /* … and when: wall clock; 0 = none yet */
    metric_value lag_us;             /* between its newest reading and its commit */
    metric_value certificate_end_us; /* of the last session: wall clock */
    /* private */
    struct roster_bridge *next;
    struct roster_session *newest;
};

/* Part of its owner. All zero: in no roster. */
struct roster_session {
    uint8_t epoch[BATCH_EPOCH_SIZE];
    /* Another session has taken its place: keeps the owner alive and tells it, in its own thread and later.
     * Called with the roster's lock held. */
    void (*superseded)(struct roster_session *session);
    /* private */
    struct roster_bridge *bridge;
    struct roster_session *next;
};

MUST_USE struct roster *roster_new(void); /* NULL: out of memory */
void roster_free(struct roster *roster);  /* after every session has left; NULL is fine */

/* The bridge of that name. NULL: out of memory, or ROSTER_BRIDGES_MAX names are known. */
struct roster_bridge *roster_bridge(struct roster *roster, const char *name);

/* Enters a session that has opened. An older one of the same bridge and epoch is superseded() and leaves;
 * returns whether there was one. */
bool roster_enter(struct roster *roster, struct roster_bridge *bridge, struct roster_session *session);
/* Nothing if it is not in the roster (any more). */
void roster_leave(struct roster *roster, struct roster_session *session);

/* Shows each bridge in turn, the first one seen first; who wants to enter meanwhile waits. */
void roster_walk(struct roster *roster, void (*visit)(void *owner, const struct roster_bridge *bridge),
                 void *owner);
size_t roster_count(struct roster *roster); /* names */

#endif
