#include "gateway/audit.h"

#include "base/clock.h"
#include "base/log.h"
#include "gateway/audit_file.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct audit {
    struct audit_file file; /* the writer's thread */
    struct buffer batch;    /* likewise: bodies that are being written, each with a line feed */
    int64_t heads_every_us, head_logged_us; /* likewise; monotonic */
    uint64_t head_logged;                   /* likewise: sequence of the last hash in the log */
    int64_t written_us;                     /* likewise; monotonic */
    pthread_t thread;
    bool started;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t woken;
    struct buffer queue; /* bodies, each with a line feed */
    bool hurried;        /* one of them cannot wait */
    bool stopping, reopening;
    uint64_t lost, lost_told;
    struct audit_chain last;
    char reason[ERR_TEXT_MAX];
    atomic_bool disk_failing, full;
};

/* Queues one body. With the lock held. */
static bool enqueue(struct audit *audit, const struct audit_record *record)
{
    struct buffer *queue = &audit->queue;
    size_t before = queue->size;
    if (audit_record_write(record, queue) != ERR_OK) {
        return false;
    }
    if (buffer_append(queue, "\n", 1) != ERR_OK) {
        queue->size = before;
        return false;
    }
    return true;
}

void audit_put(struct audit *audit, const struct audit_record *record)
{
    pthread_mutex_lock(&audit->mutex);
    bool news = audit->queue.size == 0 || (!record->can_wait && !audit->hurried);
    bool taken = enqueue(audit, record);
    audit->lost += !taken;
    audit->hurried |= taken && !record->can_wait;
    atomic_store(&audit->full, !taken);
    if (news) {
        pthread_cond_signal(&audit->woken);
    }
    pthread_mutex_unlock(&audit->mutex);
}

bool audit_is_failing(const struct audit *audit)
{
    return atomic_load(&audit->disk_failing) || atomic_load(&audit->full);
}

void audit_reopen(struct audit *audit)
{
    pthread_mutex_lock(&audit->mutex);
    audit->reopening = true;
    pthread_cond_signal(&audit->woken);
    pthread_mutex_unlock(&audit->mutex);
}

void audit_head(struct audit *audit, struct audit_head *head)
{
    pthread_mutex_lock(&audit->mutex);
    head->last = audit->last;
    head->lost = audit->lost;
    head->failing = audit_is_failing(audit);
    memcpy(head->reason, audit->reason, sizeof head->reason);
    pthread_mutex_unlock(&audit->mutex);
}

/* ---- the writer ---- */

static void log_head(struct audit *audit)
{
    audit->head_logged = audit->file.chain.sequence;
    audit->head_logged_us = clock_mono_us();
    log_info("audit", log_event("audit_head"), log_str("file", audit->file.path),
             log_u64("seq", audit->file.chain.sequence),
             log_hex("hash", audit->file.chain.hash, AUDIT_HASH_SIZE));
}

static void note_outcome(struct audit *audit, enum err result, const struct err_text *why)
{
    bool failed = result != ERR_OK;
    bool changed = atomic_exchange(&audit->disk_failing, failed) != failed;
    pthread_mutex_lock(&audit->mutex);
    audit->last = audit->file.chain;
    memcpy(audit->reason, failed ? why->text : "", failed ? sizeof audit->reason : 1);
    pthread_mutex_unlock(&audit->mutex);
    if (changed && failed) {
        log_error("audit", log_event("audit_failing"), log_str("reason", why->text),
                  log_str("effect", "records wait in memory; it is tried again every second"));
    } else if (changed) {
        log_info("audit", log_event("audit_recovered"), log_u64("seq", audit->file.chain.sequence));
    }
}

/* Moves what is queued to the batch, and a record of what found no room. With the lock held. */
static void take_queue(struct audit *audit)
{
    if (audit->batch.size > 0) {
        return; /* it could not be written yet */
    }
    struct buffer empty = audit->batch;
    audit->batch = audit->queue;
    audit->queue = empty;
    audit->hurried = false;
    atomic_store(&audit->full, false);
    if (audit->lost > audit->lost_told) {
        const struct audit_record lost = {.event = "lost",
                                          .time_us = clock_wall_us(),
                                          .reason = "there was no room for them",
                                          .count = audit->lost - audit->lost_told};
        audit->lost_told = enqueue(audit, &lost) ? audit->lost : audit->lost_told;
    }
}

/* When the hash of the last record is to be logged: monotonic, INT64_MAX = never. */
static int64_t head_due_us(const struct audit *audit)
{
    bool told = audit->head_logged == audit->file.chain.sequence;
    return told ? INT64_MAX : audit->head_logged_us + audit->heads_every_us;
}

/* When the writer has something to do without being woken. With the lock held. */
static int64_t work_due_us(const struct audit *audit, int64_t retry_us)
{
    if (audit->batch.size > 0) {
        return retry_us;
    }
    int64_t head_us = head_due_us(audit);
    if (audit->queue.size == 0) {
        return head_us;
    }
    int64_t write_us = audit->hurried ? 0 : audit->written_us + AUDIT_GATHER_MS * CLOCK_US_PER_MS;
    return write_us < head_us ? write_us : head_us;
}

static void wait_until(struct audit *audit, int64_t until_us)
{
    const struct timespec until = {.tv_sec = until_us / CLOCK_US_PER_S,
                                   .tv_nsec = until_us % CLOCK_US_PER_S * 1000};
    if (until_us < INT64_MAX) {
        (void)pthread_cond_timedwait(&audit->woken, &audit->mutex, &until);
    } else {
        pthread_cond_wait(&audit->woken, &audit->mutex);
    }
}

/* Waits for something to do. False: the end. */
static bool await_work(struct audit *audit, bool *reopen)
{
    pthread_mutex_lock(&audit->mutex);
    bool retry = audit->batch.size > 0;
    int64_t retry_us = clock_mono_us() + AUDIT_RETRY_MS * CLOCK_US_PER_MS;
    int64_t due_us;
    while (!audit->stopping && !audit->reopening &&
           clock_mono_us() < (due_us = work_due_us(audit, retry_us))) {
        wait_until(audit, due_us);
    }
    *reopen = audit->reopening;
    audit->reopening = false;
    take_queue(audit);
    bool end = audit->stopping && audit->batch.size == 0;
    bool give_up = audit->stopping && retry;
    pthread_mutex_unlock(&audit->mutex);
    return !end && !give_up;
}

static void write_batch(struct audit *audit)
{
    struct err_text why = {.text = ""};
    enum err result = audit_file_append(&audit->file, buffer_bytes(&audit->batch), &why);
    if (result == ERR_OK) {
        buffer_clear(&audit->batch);
    }
    audit->written_us = clock_mono_us();
    note_outcome(audit, result, &why);
}

static void *run(void *argument)
{
    struct audit *audit = argument;
    bool reopen = false;
    while (await_work(audit, &reopen)) {
        if (reopen) {
            log_head(audit);
            audit_file_close(&audit->file);
        }
        if (audit->batch.size > 0) {
            write_batch(audit);
        }
        if (audit->batch.size == 0 && clock_mono_us() >= head_due_us(audit)) {
            log_head(audit);
        }
    }
    return NULL;
}

/* ---- opening and closing ---- */

static void init_lock(struct audit *audit)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&audit->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&audit->woken, &attributes);
    pthread_condattr_destroy(&attributes);
}

static enum err start(struct audit *audit, struct err_text *why)
{
    size_t torn = 0;
    enum err result = audit_file_open(&audit->file, &torn, why);
    if (result != ERR_OK) {
        return result;
    }
    audit->last = audit->file.chain;
    if (torn > 0) {
        const struct audit_record record = {.event = "torn_line_cut_off",
                                            .time_us = clock_wall_us(),
                                            .reason = "its writing was interrupted; bytes in count",
                                            .count = torn};
        audit_put(audit, &record);
    }
    log_head(audit);
    int code = pthread_create(&audit->thread, NULL, run, audit);
    audit->started = code == 0;
    return code == 0 ? ERR_OK : err_errno(why, code, "cannot start the audit's thread");
}

enum err audit_open(const char *path, int64_t heads_every_us, struct audit **out, struct err_text *why)
{
    struct audit *audit = calloc(1, sizeof *audit);
    *out = NULL;
    if (!audit) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    init_lock(audit);
    audit->heads_every_us = heads_every_us;
    audit->written_us = INT64_MIN / 2;
    buffer_init(&audit->queue, AUDIT_QUEUE_BYTES);
    buffer_init(&audit->batch, AUDIT_QUEUE_BYTES);
    enum err result = audit_file_init(&audit->file, path);
    if (result == ERR_OK) {
        result = start(audit, why);
    }
    if (result != ERR_OK) {
        audit_close(audit);
        return result;
    }
    *out = audit;
    return ERR_OK;
}

void audit_close(struct audit *audit)
{
    if (!audit) {
        return;
    }
    if (audit->started) {
        pthread_mutex_lock(&audit->mutex);
        audit->stopping = true;
        pthread_cond_signal(&audit->woken);
        pthread_mutex_unlock(&audit->mutex);
        pthread_join(audit->thread, NULL);
        log_head(audit);
    }
    audit_file_fini(&audit->file);
    buffer_fini(&audit->queue);
    buffer_fini(&audit->batch);
    pthread_cond_destroy(&audit->woken);
    pthread_mutex_destroy(&audit->mutex);
    free(audit);
}
