#include "front/roster.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 16384 };

struct known {
    struct roster_bridge bridge;
    struct known *next_in_bucket;
};

struct roster {
    pthread_mutex_t lock;
    struct known *buckets[BUCKETS];
    struct roster_bridge *oldest, *youngest;
    size_t count;
};

struct roster *roster_new(void)
{
    struct roster *roster = calloc(1, sizeof *roster);
    if (!roster) {
        return NULL;
    }
    pthread_mutex_init(&roster->lock, NULL);
    return roster;
}

void roster_free(struct roster *roster)
{
    if (!roster) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (roster->buckets[i]) {
            struct known *known = roster->buckets[i];
            roster->buckets[i] = known->next_in_bucket;
            free(known);
        }
    }
    pthread_mutex_destroy(&roster->lock);
    free(roster);
}

static size_t bucket_of(const char *name)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (; *name; name++) {
        hash = (hash ^ (uint8_t)*name) * 16777619U;
    }
    return hash % BUCKETS;
}

static struct roster_bridge *find(struct roster *roster, size_t bucket, const char *name)
{
    for (struct known *known = roster->buckets[bucket]; known; known = known->next_in_bucket) {
        if (strcmp(known->bridge.name, name) == 0) {
            return &known->bridge;
        }
    }
    return NULL;
}

static struct roster_bridge *make(struct roster *roster, size_t bucket, const char *name)
{
    struct known *known = roster->count < ROSTER_BRIDGES_MAX ? calloc(1, sizeof *known) : NULL;
    if (!known) {
        return NULL;
    }
    strncpy(known->bridge.name, name, sizeof known->bridge.name - 1);
    known->bridge.lines = (struct log_limit){.burst = ROSTER_LINES, .interval_us = 60 * CLOCK_US_PER_S};
    known->next_in_bucket = roster->buckets[bucket];
    roster->buckets[bucket] = known;
    if (roster->youngest) {
        roster->youngest->next = &known->bridge;
    } else {
        roster->oldest = &known->bridge;
    }
    roster->youngest = &known->bridge;
    roster->count++;
    return &known->bridge;
}

struct roster_bridge *roster_bridge(struct roster *roster, const char *name)
{
    size_t bucket = bucket_of(name);
    pthread_mutex_lock(&roster->lock);
    struct roster_bridge *bridge = find(roster, bucket, name);
    if (!bridge) {
        bridge = make(roster, bucket, name);
    }
    pthread_mutex_unlock(&roster->lock);
    return bridge;
}

/* With the lock held. */
static void take_out(struct roster_session *session)
{
    struct roster_session **link = &session->bridge->newest;
    while (*link != session) {
        link = &(*link)->next;
    }
    *link = session->next;
    metric_add(&session->bridge->sessions, -1);
    session->bridge = NULL;
}

static struct roster_session *session_of_epoch(const struct roster_bridge *bridge, const uint8_t *epoch)
{
    struct roster_session *session = bridge->newest;
    while (session && memcmp(session->epoch, epoch, BATCH_EPOCH_SIZE) != 0) {
        session = session->next;
    }
    return session;
}

/* With the lock held: who wanted this session's place, and now no longer does. NULL: nobody. */
static struct roster_session *call_off(struct roster_session *session)
{
    struct roster_session *challenger = session->challenger;
    if (challenger) {
        session->challenger = NULL;
        challenger->challenged = NULL;
    }
    return challenger;
}

/* With the lock held: the oldest session gives way, and who wanted its place with it. */
static void make_room(struct roster_bridge *bridge)
{
    struct roster_session *oldest = bridge->newest;
    while (oldest->next) {
        oldest = oldest->next;
    }
    struct roster_session *challenger = call_off(oldest);
    take_out(oldest);
    oldest->tell(oldest, ROSTER_CROWDED);
    if (challenger) {
        challenger->tell(challenger, ROSTER_CROWDED);
    }
}

/* With the lock held. */
static void admit(struct roster_bridge *bridge, struct roster_session *session)
{
    if (metric_get(&bridge->sessions) >= ROSTER_SESSIONS_MAX) {
        make_room(bridge);
    }
    session->bridge = bridge;
    session->next = bridge->newest;
    bridge->newest = session;
    metric_add(&bridge->sessions, 1);
}

/* With the lock held. */
static void challenge(struct roster_session *older, struct roster_session *session)
{
    struct roster_session *rival = call_off(older);
    if (rival) {
        rival->tell(rival, ROSTER_SUPERSEDED);
    }
    older->challenger = session;
    session->challenged = older;
    older->tell(older, ROSTER_CHALLENGED);
}

bool roster_enter(struct roster *roster, struct roster_bridge *bridge, struct roster_session *session)
{
    pthread_mutex_lock(&roster->lock);
    struct roster_session *older = session_of_epoch(bridge, session->epoch);
    if (older) {
        challenge(older, session);
    } else {
        admit(bridge, session);
    }
    pthread_mutex_unlock(&roster->lock);
    return older == NULL;
}

bool roster_defend(struct roster *roster, struct roster_session *session)
{
    pthread_mutex_lock(&roster->lock);
    struct roster_session *challenger = call_off(session);
    if (challenger) {
        challenger->tell(challenger, ROSTER_REFUSED);
    }
    pthread_mutex_unlock(&roster->lock);
    return challenger != NULL;
}

bool roster_take_over(struct roster *roster, struct roster_session *session)
{
    pthread_mutex_lock(&roster->lock);
    struct roster_session *older = session->challenged;
    if (older) {
        struct roster_bridge *bridge = older->bridge;
        (void)call_off(older);
        take_out(older);
        older->tell(older, ROSTER_SUPERSEDED);
        admit(bridge, session);
    }
    pthread_mutex_unlock(&roster->lock);
    return older != NULL;
}

void roster_leave(struct roster *roster, struct roster_session *session)
{
    pthread_mutex_lock(&roster->lock);
    struct roster_bridge *bridge = session->bridge;
    if (session->challenged) {
        (void)call_off(session->challenged);
    } else if (bridge) {
        struct roster_session *challenger = call_off(session);
        take_out(session);
        if (challenger) {
            admit(bridge, challenger);
            challenger->tell(challenger, ROSTER_ADMITTED);
        }
    }
    pthread_mutex_unlock(&roster->lock);
}

bool roster_may_log(struct roster *roster, struct roster_bridge *bridge, int64_t now_us, uint64_t *suppressed)
{
    pthread_mutex_lock(&roster->lock);
    bool allowed = log_limit_allow(&bridge->lines, now_us, suppressed);
    pthread_mutex_unlock(&roster->lock);
    return allowed;
}

void roster_walk(struct roster *roster, void (*visit)(void *owner, const struct roster_bridge *bridge),
                 void *owner)
{
    pthread_mutex_lock(&roster->lock);
    for (const struct roster_bridge *bridge = roster->oldest; bridge; bridge = bridge->next) {
        visit(owner, bridge);
    }
    pthread_mutex_unlock(&roster->lock);
}

size_t roster_count(struct roster *roster)
{
    pthread_mutex_lock(&roster->lock);
    size_t count = roster->count;
    pthread_mutex_unlock(&roster->lock);
    return count;
}
