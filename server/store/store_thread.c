#include "store/store_thread.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct store_thread {
    struct store_thread_options options;
    pthread_t id;
    _Atomic size_t bytes; /* waiting or being stored */
    pthread_mutex_t lock;
    pthread_cond_t work;
    /* under the lock */
    struct store_queue waiting;
    bool sleeping, stopping;
    int64_t busy_since_us; /* monotonic; 0 = no group is being stored */
    enum err health;       /* of the last group */
    struct err_text why;
    /* the thread's own */
    struct store *store; /* NULL: not there yet */
    bool looks;          /* now and then, for the store or for what may be forgotten … */
    int64_t look_us;     /* … monotonic: the next time */
};

static void count(struct store_thread *thread, enum server_metric which, int64_t amount)
{
    server_count(thread->options.metrics, which, amount);
}

bool store_may_recover(enum err result)
{
    return result == ERR_DISK_FULL || result == ERR_BUSY || result == ERR_NO_MEMORY;
}

/* ---- one group ---- */

static enum err put(struct store *store, struct store_request *request, struct err_text *why)
{
    switch (request->kind) {
    case STORE_REQUEST_CATALOG:
        return store_put_catalog(store, &request->catalog, why);
    case STORE_REQUEST_BATCH:
        request->batch.bridge = request->bridge;
        return store_put_batch(store, &request->batch, why);
    case STORE_REQUEST_LOOK_UP:
        break;
    }
    return ERR_OK;
}

static bool has_writes(const struct store_queue *group)
{
    const struct store_request *request = group->first;
    while (request && request->kind == STORE_REQUEST_LOOK_UP) {
        request = request->next;
    }
    return request != NULL;
}

static enum err write_group(struct store *store, const struct store_queue *group, struct err_text *why)
{
    enum err result = store_begin(store, clock_wall_us(), why);
    if (result != ERR_OK) {
        return result;
    }
    for (struct store_request *request = group->first; request && result == ERR_OK; request = request->next) {
        result = put(store, request, why);
    }
    if (result != ERR_OK) {
        store_rollback(store);
        return result;
    }
    return store_commit(store, why);
}

/* After the commit, so that a session that opens sees what its predecessor had sent. */
static enum err look_up_group(struct store *store, const struct store_queue *group, struct err_text *why)
{
    enum err result = ERR_OK;
    for (struct store_request *request = group->first; request && result == ERR_OK; request = request->next) {
        if (request->kind == STORE_REQUEST_LOOK_UP) {
            result =
                store_look_up(store, request->bridge, request->view.identity.epoch, request->watermarks, why);
        }
    }
    return result;
}

static enum err store_group(struct store_thread *thread, const struct store_queue *group,
                            struct err_text *why)
{
    struct store *store = thread->store;
    if (has_writes(group)) {
        int64_t begin_us = clock_mono_us();
        enum err result = write_group(store, group, why);
        if (result != ERR_OK) {
            return result;
        }
        histogram_add(&thread->options.metrics->commit, clock_mono_us() - begin_us);
        count(thread, SERVER_GROUPS, 1);
    }
    return look_up_group(store, group, why);
}

static void answer_group(struct store_thread *thread, struct store_queue *group, enum err outcome)
{
    struct store_inbox *touched = NULL;
    struct store_request *request;
    size_t bytes = 0;
    int64_t requests = 0;
    while ((request = store_queue_take(group))) {
        request->outcome = outcome;
        bytes += request->size;
        requests++;
        store_inbox_put(&touched, request);
    }
    atomic_fetch_sub(&thread->bytes, bytes);
    count(thread, SERVER_QUEUE_REQUESTS, -requests);
    count(thread, SERVER_QUEUE_BYTES, -(int64_t)bytes);
    store_inbox_flush(touched);
}

/* ---- health ---- */

static void tell_manager(enum err health, const char *text)
{
    char status[ERR_TEXT_MAX + 64];
    snprintf(status, sizeof status, "STATUS=%s%s",
             health == ERR_OK ? "" : "the store takes nothing: ", health == ERR_OK ? "" : text);
    notify_send(status);
}

static void log_change(enum err before, enum err now, const char *text)
{
    if (before == now) {
        return;
    }
    tell_manager(now, text);
    if (now == ERR_OK) {
        log_info("store", log_event("store_works_again"));
    } else if (store_may_recover(now)) {
        log_error("store", log_event("store_refuses"), log_str("reason", text),
                  log_str("consequence", "bridges keep their batches and try again"));
    } else {
        log_error("store", log_event("store_failed"), log_str("reason", text),
                  log_str("consequence", "nothing is acknowledged any more"));
    }
}

/* True if the store just failed for good. */
static bool note_health(struct store_thread *thread, enum err result, const struct err_text *why)
{
    pthread_mutex_lock(&thread->lock);
    enum err before = thread->health;
    thread->health = result;
    thread->why = *why;
    thread->busy_since_us = 0;
    pthread_mutex_unlock(&thread->lock);
    log_change(before, result, why->text);
    return result != ERR_OK && !store_may_recover(result);
}

enum err store_thread_health(struct store_thread *thread, struct err_text *why)
{
    pthread_mutex_lock(&thread->lock);
    enum err health = thread->health;
    int64_t busy_us = thread->busy_since_us > 0 ? clock_mono_us() - thread->busy_since_us : 0;
    if (why) {
        *why = thread->why;
    }
    pthread_mutex_unlock(&thread->lock);
    if (health == ERR_OK && busy_us > STORE_STALLED_MS * CLOCK_US_PER_MS) {
        return err_set(why, ERR_TIMEOUT, "the store has been busy with one group for %d s",
                       (int)(busy_us / CLOCK_US_PER_S));
    }
    return health;
}

/* ---- the thread ---- */

/* Moves a group's worth of what waits. With the lock held. */
static void take_some(struct store_thread *thread, struct store_queue *group)
{
    size_t bytes = 0;
    for (int taken = 0; taken < STORE_GROUP_MAX && bytes < STORE_GROUP_BYTES; taken++) {
        struct store_request *request = store_queue_take(&thread->waiting);
        if (!request) {
            return;
        }
        bytes += request->size;
        store_queue_append(group, request);
    }
}

static void wait_for_work(struct store_thread *thread)
{
    const struct timespec until = {.tv_sec = thread->look_us / CLOCK_US_PER_S,
                                   .tv_nsec = thread->look_us % CLOCK_US_PER_S * 1000};
    thread->sleeping = true;
    if (thread->looks) {
        pthread_cond_timedwait(&thread->work, &thread->lock, &until);
    } else {
        pthread_cond_wait(&thread->work, &thread->lock);
    }
    thread->sleeping = false;
}

static bool is_time_to_look(const struct store_thread *thread)
{
    return thread->looks && clock_mono_us() >= thread->look_us;
}

/* Waits for work; the group stays empty when it is time to look. False: there is none left, and
 * none will come. */
static bool take_group(struct store_thread *thread, struct store_queue *group)
{
    pthread_mutex_lock(&thread->lock);
    while (!thread->waiting.first && !thread->stopping && !is_time_to_look(thread)) {
        wait_for_work(thread);
    }
    take_some(thread, group);
    thread->busy_since_us = clock_mono_us();
    bool ends = !group->first && thread->stopping;
    pthread_mutex_unlock(&thread->lock);
    return !ends;
}

static void log_expired(const struct store_expired *expired)
{
    if (expired->batches > 0) {
        log_info("store", log_event("expired"), log_u64("batches", expired->batches),
                 log_u64("readings", expired->readings), log_u64("bytes", expired->bytes));
    }
}

static enum err expire(struct store_thread *thread, struct err_text *why)
{
    struct store_expired expired;
    enum err result = store_expire(thread->store, &thread->options.retention, clock_wall_us(), &expired, why);
    log_expired(&expired);
    count(thread, SERVER_EXPIRED_BATCHES, (int64_t)expired.batches);
    count(thread, SERVER_EXPIRED_READINGS, (int64_t)expired.readings);
    thread->look_us = expired.more ? 0 : clock_mono_us() + STORE_EXPIRE_MS * CLOCK_US_PER_MS;
    return result;
}

static void note_idle(struct store_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    thread->busy_since_us = 0;
    pthread_mutex_unlock(&thread->lock);
}

/* A failure ends the store; that there is nothing to forget says nothing of its health. */
static enum err forget_some(struct store_thread *thread)
{
    struct err_text why = {""};
    enum err result = expire(thread, &why);
    if (result == ERR_OK || store_may_recover(result)) {
        note_idle(thread);
        return ERR_OK;
    }
    (void)note_health(thread, result, &why);
    return result;
}

/* A failure ends the store. */
static enum err tidy(struct store_thread *thread)
{
    struct err_text why = {""};
    enum err result = store_tidy(thread->store, &why);
    if (result != ERR_OK) {
        (void)note_health(thread, result, &why);
    }
    return result;
}

/* ---- a store that is away ---- */

static void use(struct store_thread *thread, struct store *store)
{
    const struct store_retention *limits = &thread->options.retention;
    thread->store = store;
    thread->looks = !store || (store_can_expire(store) && (limits->age_us > 0 || limits->bytes > 0));
}

static void say_away(const char *text)
{
    tell_manager(ERR_BUSY, text);
    log_error("store", log_event("store_away"), log_str("reason", text),
              log_str("consequence", "bridges are told to come back; it is tried again"));
}

/* Each reason is said once. */
static void note_away(struct store_thread *thread, enum err result, const struct err_text *why)
{
    pthread_mutex_lock(&thread->lock);
    bool changed = strcmp(thread->why.text, why->text) != 0;
    thread->health = result;
    thread->why = *why;
    pthread_mutex_unlock(&thread->lock);
    if (changed) {
        say_away(why->text);
    }
}

/* Tries it if it is time. A failure that does not pass ends the store. */
static enum err open_store(struct store_thread *thread)
{
    struct err_text why = {""};
    struct store *store = NULL;
    if (!is_time_to_look(thread)) {
        return ERR_OK;
    }
    enum err result = thread->options.open(thread->options.opening, &store, &why);
    thread->look_us = clock_mono_us() + STORE_OPEN_MS * CLOCK_US_PER_MS;
    if (store_may_recover(result)) {
        note_away(thread, result, &why);
        return ERR_OK;
    }
    (void)note_health(thread, result, &why);
    if (result == ERR_OK) {
        use(thread, store);
    }
    return result;
}

/* ---- all of it ---- */

/* One group, or one look, or both. */
static enum err work(struct store_thread *thread, struct store_queue *group)
{
    if (!thread->store) {
        enum err result = open_store(thread);
        if (!thread->store) {
            note_idle(thread);
            answer_group(thread, group, result == ERR_OK ? ERR_BUSY : result);
            return result;
        }
    }
    if (group->first) {
        struct err_text why = {""};
        enum err result = store_group(thread, group, &why);
        bool failed = note_health(thread, result, &why);
        count(thread, SERVER_GROUPS_PUT_OFF, result != ERR_OK);
        answer_group(thread, group, result);
        if (failed || (result = tidy(thread)) != ERR_OK) {
            return result;
        }
    }
    return is_time_to_look(thread) ? forget_some(thread) : ERR_OK;
}

static void *run(void *owner)
{
    struct store_thread *thread = owner;
    struct store_queue group = {0};
    enum err failure = ERR_OK;
    while (take_group(thread, &group)) {
        if (failure != ERR_OK) {
            answer_group(thread, &group, failure);
            continue;
        }
        failure = work(thread, &group);
        if (failure != ERR_OK) {
            thread->looks = false;
            thread->options.failed(thread->options.owner);
        }
    }
    return NULL;
}

enum err store_thread_submit(struct store_thread *thread, struct store_request *request)
{
    size_t bytes = atomic_fetch_add(&thread->bytes, request->size);
    if (bytes + request->size > thread->options.queue_bytes) {
        atomic_fetch_sub(&thread->bytes, request->size);
        return ERR_BUSY;
    }
    request->submitted_us = clock_mono_us();
    count(thread, SERVER_QUEUE_REQUESTS, 1);
    count(thread, SERVER_QUEUE_BYTES, (int64_t)request->size);
    pthread_mutex_lock(&thread->lock);
    store_queue_append(&thread->waiting, request);
    bool wake = thread->sleeping;
    thread->sleeping = false;
    pthread_mutex_unlock(&thread->lock);
    if (wake) {
        pthread_cond_signal(&thread->work);
    }
    return ERR_OK;
}

bool store_thread_is_behind(const struct store_thread *thread)
{
    return atomic_load(&thread->bytes) > thread->options.queue_bytes / 2;
}

enum err store_thread_start(const struct store_thread_options *options, struct store_thread **out,
                            struct err_text *why)
{
    *out = NULL;
    struct store_thread *thread = malloc(sizeof *thread);
    if (!thread) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *thread = (struct store_thread){.options = *options};
    use(thread, options->store);
    if (!options->store) {
        thread->health = ERR_BUSY;
        thread->why = options->away;
        thread->look_us = clock_mono_us() + STORE_OPEN_MS * CLOCK_US_PER_MS;
        say_away(options->away.text);
    }
    pthread_mutex_init(&thread->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int code = pthread_create(&thread->id, NULL, run, thread);
    if (code != 0) {
        pthread_cond_destroy(&thread->work);
        pthread_mutex_destroy(&thread->lock);
        free(thread);
        return err_errno(why, code, "cannot start the store's thread");
    }
    *out = thread;
    return ERR_OK;
}

void store_thread_stop(struct store_thread *thread)
{
    if (!thread) {
        return;
    }
    pthread_mutex_lock(&thread->lock);
    thread->stopping = true;
    pthread_mutex_unlock(&thread->lock);
    pthread_cond_signal(&thread->work);
    pthread_join(thread->id, NULL);
    pthread_cond_destroy(&thread->work);
    pthread_mutex_destroy(&thread->lock);
    free(thread);
}
