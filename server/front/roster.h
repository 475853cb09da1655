/*
 * roster: every bridge that was seen since the start, what it has got to, and its open sessions. For status,
 * metrics, and so that one (bridge, epoch) has one session.
 *
 * Two sessions of one epoch are either a bridge that lost its connection and came back, or a bridge and a
 * clone of it. So the newcomer challenges the one that is in, and waits:
 *
 *   CHALLENGER ──the other left, or roster_take_over()──▶ in
 *        └──the other proved to be alive: roster_defend()──▶ REFUSED
 *
 * Shared by all loops; any thread. A bridge, once known, stays until the roster is freed, so its counters are
 * bumped without a lock.
 */
#ifndef BOURDON_SERVER_FRONT_ROSTER_H
#define BOURDON_SERVER_FRONT_ROSTER_H

#include "base/log.h"
#include "base/metrics.h"
#include "net/tls.h"
#include "tunnel/batch.h"

enum {
    ROSTER_BRIDGES_MAX = 100000,
    ROSTER_SESSIONS_MAX = 8, /* of one name, each of another epoch; one more supersedes the oldest */
    ROSTER_LINES = 20,       /* a minute, of what one name's connecting and leaving causes */
};

/* What a session hears of the others. Bits, so that several can be noted in one word. */
enum roster_news {
    ROSTER_SUPERSEDED = 1, /* another one of the same epoch has taken its place */
    ROSTER_CROWDED = 2,    /* it was the oldest of too many */
    ROSTER_CHALLENGED = 4, /* another one wants its place: roster_defend() if the bridge is still there */
    ROSTER_REFUSED = 8,    /* the one it challenged is still there */
    ROSTER_ADMITTED = 16,  /* the one it challenged has left: it is in */
};

struct roster;
struct roster_session;

struct roster_bridge {
    char name[TLS_NAME_MAX];
    metric_value sessions;                 /* open now */
    metric_value batches, readings, bytes; /* committed */
    metric_value duplicates, rejected;
    metric_value last_sequence; /* of the last batch committed … */
    metric_value last_ack_us;   /* … and when: wall clock; 0 = none yet */
    metric_value lag_us;        /* between its newest reading and its commit */
    /* Batches that its spool held when it connected and that have not come since: about, for what was
     * rejected stays in it. */
    metric_value backlog;
    metric_value certificate_end_us; /* of the last session: wall clock */
    /* private */
    struct roster_bridge *next;
    struct roster_session *newest;
    struct log_limit lines;
};

/* Part of its owner. All zero: in no roster. */
struct roster_session {
    uint8_t epoch[BATCH_EPOCH_SIZE];
    /* Keeps the owner alive and tells it, in its own thread and later. Called with the roster's lock held. */
    void (*tell)(struct roster_session *session, enum roster_news news);
    /* private */
    struct roster_bridge *bridge; /* NULL: it is not in */
    struct roster_session *next;
    struct roster_session *challenger; /* who wants its place */
    struct roster_session *challenged; /* whose place it wants */
};

MUST_USE struct roster *roster_new(void); /* NULL: out of memory */
void roster_free(struct roster *roster);  /* after every session has left; NULL is fine */

/* The bridge of that name. NULL: out of memory, or ROSTER_BRIDGES_MAX names are known. */
struct roster_bridge *roster_bridge(struct roster *roster, const char *name);

/* Enters a session. True: it is in. False: it challenges the one of the same epoch that is in; another
 * challenger is superseded. */
bool roster_enter(struct roster *roster, struct roster_bridge *bridge, struct roster_session *session);
/* The bridge of a challenged session has shown that it is there: its challenger is refused. Whether there was
 * one. */
bool roster_defend(struct roster *roster, struct roster_session *session);
/* A challenger has waited long enough: the other is superseded. False: it is no challenger (any more). */
bool roster_take_over(struct roster *roster, struct roster_session *session);
/* Nothing if it is not in the roster (any more). */
void roster_leave(struct roster *roster, struct roster_session *session);

/* Whether a line about another session of this bridge may be logged: ROSTER_LINES a minute. */
bool roster_may_log(struct roster *roster, struct roster_bridge *bridge, int64_t now_us,
                    uint64_t *suppressed);

/* Shows each bridge in turn, the first one seen first; who wants to enter meanwhile waits. */
void roster_walk(struct roster *roster, void (*visit)(void *owner, const struct roster_bridge *bridge),
                 void *owner);
size_t roster_count(struct roster *roster); /* names */

#endif
