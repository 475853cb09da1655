#include "net/loop.h"

#include <assert.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { NS_PER_MS = 1000000 };

/* Work posted by loop_post(). */
struct task {
    struct task *next;
    void (*work)(void *owner);
    void *owner;
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    atomic_bool stopping;

    pthread_mutex_t lock; /* of the three below */
    struct task *first;
    struct task **last;
};

struct loop_job {
    uv_work_t uv;
    void (*work)(void *owner);
    void (*done)(void *owner);
    void *owner;
};

struct loop_timer {
    uv_timer_t uv;
    void (*expired)(void *owner);
    void *owner;
};

struct loop_signal {
    uv_signal_t uv;
    void (*arrived)(void *owner);
    void *owner;
};

struct loop_watch {
    uv_poll_t uv;
    unsigned wanted; /* LOOP_… that libuv watches for */
    void (*ready)(void *owner, unsigned events);
    void *owner;
};

struct loop_lookup {
    union {
        uv_getaddrinfo_t request; /* the resolver works */
        uv_timer_t later;         /* the answer is there already, and waits for the next round */
    } uv;
    void (*done)(void *owner, enum err result, const char *reason, const struct loop_addresses *addresses);
    void *owner;
    bool resolving; /* uv.request is in use, else uv.later */
    bool cancelled;
    int status;             /* of libuv, as in uv_getaddrinfo_cb; valid with uv.later */
    struct addrinfo *found; /* valid with uv.later */
    char host[256];
};

/* --- the loop ----------------------------------------------------------------------------------------- */

static struct task *take_tasks(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct task *first = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->lock);
    return first;
}

static void woken(uv_async_t *wake)
{
    struct loop *loop = wake->data;
    bool stopping = atomic_exchange(&loop->stopping, false);
    for (struct task *task = take_tasks(loop), *next; task; task = next) {
        next = task->next;
        task->work(task->owner);
        free(task);
    }
    if (stopping) {
        uv_stop(&loop->uv);
    }
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        return NULL;
    }
    if (uv_loop_init(&loop->uv) != 0) {
        free(loop);
        return NULL;
    }
    if (uv_async_init(&loop->uv, &loop->wake, woken) != 0) {
        uv_loop_close(&loop->uv);
        free(loop);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    loop->wake.data = loop;
    loop->last = &loop->first;
    pthread_mutex_init(&loop->lock, NULL);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop) {
        return;
    }
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT); // lets everything that was closed go
    int busy = uv_loop_close(&loop->uv);
    assert(busy == 0);
    (void)busy;
    for (struct task *task = take_tasks(loop), *next; task; task = next) {
        next = task->next;
        free(task);
    }
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    uv_async_send(&loop->wake);
}

enum err loop_post(struct loop *loop, void (*work)(void *owner), void *owner)
{
    struct task *task = malloc(sizeof *task);
    if (!task) {
        return ERR_NO_MEMORY;
    }
    *task = (struct task){.work = work, .owner = owner};
    pthread_mutex_lock(&loop->lock);
    *loop->last = task;
    loop->last = &task->next;
    pthread_mutex_unlock(&loop->lock);
    uv_async_send(&loop->wake);
    return ERR_OK;
}

/* Every handle is the first member of an object on the heap. */
static void release(uv_handle_t *handle)
{
    free(handle);
}

/* --- timers ------------------------------------------------------------------------------------------- */

static void timer_expired(uv_timer_t *handle)
{
    struct loop_timer *timer = (struct loop_timer *)handle;
    timer->expired(timer->owner);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*expired)(void *owner), void *owner)
{
    struct loop_timer *timer = calloc(1, sizeof *timer);
    if (!timer) {
        return NULL;
    }
    timer->expired = expired;
    timer->owner = owner;
    uv_timer_init(&loop->uv, &timer->uv);
    return timer;
}

void loop_timer_start_ms(struct loop_timer *timer, int64_t delay_ms)
{
    uint64_t delay = delay_ms > 0 ? (uint64_t)delay_ms : 0;
    // libuv counts from the time this round began, which may be a while ago: a timer would expire early, and
    // one that restarts itself at once would never let libuv go on to anything else.
    uint64_t now = uv_hrtime() / NS_PER_MS;
    uint64_t round = uv_now(timer->uv.loop);
    uv_timer_start(&timer->uv, timer_expired, delay + (now > round ? now - round : 0), 0);
}

void loop_timer_stop(struct loop_timer *timer)
{
    uv_timer_stop(&timer->uv);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer) {
        uv_close((uv_handle_t *)&timer->uv, release);
    }
}

/* --- signals ------------------------------------------------------------------------------------------ */

static void signal_arrived(uv_signal_t *handle, int number)
{
    (void)number;
    struct loop_signal *watched = (struct loop_signal *)handle;
    watched->arrived(watched->owner);
}

struct loop_signal *loop_signal_new(struct loop *loop, int number, void (*arrived)(void *owner), void *owner)
{
    struct loop_signal *watched = calloc(1, sizeof *watched);
    if (!watched) {
        return NULL;
    }
    watched->arrived = arrived;
    watched->owner = owner;
    if (uv_signal_init(&loop->uv, &watched->uv) != 0) {
        free(watched);
        return NULL;
    }
    if (uv_signal_start(&watched->uv, signal_arrived, number) != 0) {
        loop_signal_free(watched);
        return NULL;
    }
    return watched;
}

void loop_signal_free(struct loop_signal *watched)
{
    if (watched) {
        uv_close((uv_handle_t *)&watched->uv, release);
    }
}

/* --- descriptors -------------------------------------------------------------------------------------- */

static void watch_ready(uv_poll_t *handle, int status, int events)
{
    struct loop_watch *watch = (struct loop_watch *)handle;
    unsigned ready = 0;
    if (status < 0) {
        watch->wanted = 0; // libuv has stopped watching
    }
    if (status < 0 || events & UV_READABLE) {
        ready |= LOOP_READABLE;
    }
    if (status < 0 || events & UV_WRITABLE) {
        ready |= LOOP_WRITABLE;
    }
    watch->ready(watch->owner, ready);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, void (*ready)(void *owner, unsigned events),
                                  void *owner)
{
    struct loop_watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return NULL;
    }
    watch->ready = ready;
    watch->owner = owner;
    if (uv_poll_init(&loop->uv, &watch->uv, fd) != 0) {
        free(watch);
        return NULL;
    }
    return watch;
}

void loop_watch_set(struct loop_watch *watch, unsigned events)
{
    if (events == watch->wanted) {
        return; // libuv would make two system calls of it
    }
    watch->wanted = events;
    int wanted = (events & LOOP_READABLE ? UV_READABLE : 0) | (events & LOOP_WRITABLE ? UV_WRITABLE : 0);
    if (wanted == 0) {
        uv_poll_stop(&watch->uv);
    } else {
        uv_poll_start(&watch->uv, wanted, watch_ready);
    }
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch) {
        uv_close((uv_handle_t *)&watch->uv, release);
    }
}

/* --- work in other threads ---------------------------------------------------------------------------- */

static void job_runs(uv_work_t *uv)
{
    struct loop_job *job = (struct loop_job *)uv;
    job->work(job->owner);
}

static void job_is_done(uv_work_t *uv, int status)
{
    struct loop_job *job = (struct loop_job *)uv;
    (void)status; // done or cancelled: the owner knows
    job->done(job->owner);
    free(job);
}

struct loop_job *loop_work(struct loop *loop, void (*work)(void *owner), void (*done)(void *owner),
                           void *owner)
{
    struct loop_job *job = malloc(sizeof *job);
    if (!job) {
        return NULL;
    }
    *job = (struct loop_job){.work = work, .done = done, .owner = owner};
    if (uv_queue_work(&loop->uv, &job->uv, job_runs, job_is_done) != 0) {
        free(job);
        return NULL;
    }
    return job;
}

void loop_job_cancel(struct loop_job *job)
{
    (void)uv_cancel((uv_req_t *)&job->uv); // too late is fine
}

/* --- name look-up ------------------------------------------------------------------------------------- */

static void copy_addresses(const struct addrinfo *found, struct loop_addresses *addresses)
{
    *addresses = (struct loop_addresses){0};
    for (; found && addresses->count < LOOP_ADDRESSES_MAX; found = found->ai_next) {
        if (found->ai_addrlen <= sizeof addresses->items[0]) {
            memcpy(&addresses->items[addresses->count], found->ai_addr, found->ai_addrlen);
            addresses->sizes[addresses->count++] = found->ai_addrlen;
        }
    }
}

/* Tells the owner, if it still wants to know. */
static void answer(const struct loop_lookup *lookup, int status, struct addrinfo *found)
{
    struct loop_addresses addresses;
    copy_addresses(found, &addresses);
    uv_freeaddrinfo(found);
    if (lookup->cancelled) {
        return;
    }
    if (status == 0 && addresses.count > 0) {
        lookup->done(lookup->owner, ERR_OK, "", &addresses);
        return;
    }
    char reason[512];
    snprintf(reason, sizeof reason, "no address for %s: %s", lookup->host,
             status != 0 ? uv_strerror(status) : "the resolver gave none we can use");
    lookup->done(lookup->owner, ERR_NOT_FOUND, reason, &addresses);
}

static void resolver_answered(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct loop_lookup *lookup = (struct loop_lookup *)request;
    answer(lookup, status, found);
    free(lookup);
}

static void answer_was_there(uv_timer_t *later)
{
    struct loop_lookup *lookup = (struct loop_lookup *)later;
    uv_close((uv_handle_t *)later, release);
    answer(lookup, lookup->status, lookup->found);
}

static void answer_later(struct loop *loop, struct loop_lookup *lookup)
{
    enum { NEXT_ROUND_MS = 1 }; // with 0, look-ups that start look-ups would never let libuv go on
    uv_timer_init(&loop->uv, &lookup->uv.later);
    uv_timer_start(&lookup->uv.later, answer_was_there, NEXT_ROUND_MS, 0);
}

struct loop_lookup *loop_lookup_start(struct loop *loop, const char *host, const char *port,
                                      void (*done)(void *owner, enum err result, const char *reason,
                                                   const struct loop_addresses *addresses),
                                      void *owner)
{
    struct loop_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup) {
        return NULL;
    }
    lookup->done = done;
    lookup->owner = owner;
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    // A numeric address needs no resolver, and must not wait behind names whose servers are silent.
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    if (getaddrinfo(host, port, &hints, &lookup->found) == 0) {
        answer_later(loop, lookup);
        return lookup;
    }
    hints.ai_flags = AI_ADDRCONFIG;
    lookup->found = NULL;
    lookup->status = uv_getaddrinfo(&loop->uv, &lookup->uv.request, resolver_answered, host, port, &hints);
    lookup->resolving = lookup->status == 0;
    if (!lookup->resolving) {
        answer_later(loop, lookup);
    }
    return lookup;
}

void loop_lookup_cancel(struct loop_lookup *lookup)
{
    if (!lookup) {
        return;
    }
    lookup->cancelled = true;
    if (lookup->resolving) {
        uv_cancel((uv_req_t *)&lookup->uv.request); // too late is fine: the answer is thrown away
        return;
    }
    uv_freeaddrinfo(lookup->found);
    uv_close((uv_handle_t *)&lookup->uv.later, release);
}
