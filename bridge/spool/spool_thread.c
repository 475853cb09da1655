#include "spool/spool_thread.h"

#include "base/clock.h"
#include "base/log.h"
#include "spool/outbox.h"
#include "spool/salvage.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A change of configuration and the caller that waits for it. */
struct spool_change {
    const struct spool_configuration *configuration;
    bool done;
    enum err result;
    struct err_text why;
};

struct backlog_wish {
    bool wanted;
    uint32_t session;
    uint64_t first, last;
};

struct spool_thread {
    struct inbox *inbox;
    struct outbox *outbox;
    pthread_t thread;
    bool started;
    bool failed; /* for whoever has joined the thread */
    uint8_t epoch[BATCH_EPOCH_SIZE];

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* a change is done */
    struct spool_status status;

    /* The thread's own. */
    struct spooler *spooler;
    struct inbox_content content;
    bool live; /* committed batches are handed out */
    bool disk_full;
    bool flush_wanted;
    uint64_t published; /* commits when the status was written */
    struct backlog_wish backlog;
};

static struct spooler_time time_now(void)
{
    return (struct spooler_time){
        .mono_us = clock_mono_us(), .wall_us = clock_wall_us(), .trusted = clock_is_synchronised()};
}

/* ---- after a commit ---- */

static enum err publish(struct spool_thread *thread, struct err_text *why)
{
    struct spool *spool = spooler_spool(thread->spooler);
    uint64_t first = 0;
    enum err result = spool_first_seq(spool, &first, why);
    bool accepting = spooler_accepts(thread->spooler);
    pthread_mutex_lock(&thread->mutex);
    bool was_accepting = thread->status.accepting;
    thread->status = (struct spool_status){
        .state = *spool_state(spool),
        .counts = *spooler_counts(thread->spooler),
        .first_seq = first,
        .accepting = accepting,
    };
    pthread_mutex_unlock(&thread->mutex);
    if (accepting != was_accepting) {
        inbox_accept(thread->inbox, accepting);
    }
    return result;
}

static void hand_out(struct spool_thread *thread, struct spool_batches *committed)
{
    if (thread->live && committed->count > 0) {
        outbox_committed(thread->outbox, committed);
    }
    spool_batches_clear(committed);
}

static enum err commit(struct spool_thread *thread, bool flush, struct err_text *why)
{
    struct spool_batches committed = {0};
    struct spooler_time now = time_now();
    enum err result = spooler_commit(thread->spooler, &now, flush, &committed, why);
    hand_out(thread, &committed);
    bool disk_full = spooler_disk_is_full(thread->spooler);
    bool changed =
        thread->disk_full != disk_full || thread->published != spooler_counts(thread->spooler)->commits;
    thread->disk_full = disk_full;
    thread->published = spooler_counts(thread->spooler)->commits;
    enum err published = changed ? publish(thread, why) : ERR_OK;
    return result == ERR_OK ? published : result;
}

static enum err collect_and_commit(struct spool_thread *thread, bool flush, struct err_text *why)
{
    if (!thread->disk_full) {
        struct spooler_time now = time_now();
        enum err result = spooler_collect(thread->spooler, &thread->content, &now, flush, why);
        if (result != ERR_OK) {
            return result;
        }
    }
    return commit(thread, flush, why);
}

static enum err use_up(struct spool_thread *thread, struct err_text *why)
{
    enum err result = ERR_OK;
    do {
        result = collect_and_commit(thread, true, why);
    } while (result == ERR_OK && thread->content.readings.size > 0);
    return result;
}

/* Everything that was put before now becomes batches and is committed: what is at hand, then what waits. */
static enum err drain(struct spool_thread *thread, struct err_text *why)
{
    enum err result =
        thread->disk_full ? commit(thread, true, why) : ERR_OK; /* then there is room to collect */
    if (result == ERR_OK) {
        result = use_up(thread, why);
    }
    if (result == ERR_OK) {
        inbox_take_readings(thread->inbox, &thread->content);
        result = use_up(thread, why);
    }
    return result;
}

/* ---- requests ---- */

static enum err on_ack(struct spool_thread *thread, struct spool_request *request, struct err_text *why)
{
    struct spooler_time now = time_now();
    enum err result = spooler_ack(thread->spooler, &request->as.ack, request->text, &now);
    request->text = NULL;
    return result == ERR_OK ? ERR_OK : err_set(why, result, "%s", err_name(result));
}

static enum err on_join(struct spool_thread *thread, struct spool_request *request, struct err_text *why)
{
    struct spooler_time now = time_now();
    struct spool_joined joined = {.session = request->session};
    struct spool_batches committed = {0};
    struct spool *spool = spooler_spool(thread->spooler);
    enum err result = commit(thread, true, why); /* answers that wait: what they answer is no backlog */
    if (result == ERR_OK) {
        request->as.meeting.missing = request->missing;
        result = spooler_meet(thread->spooler, &request->as.meeting, &now, &committed, &joined.verdict, why);
    }
    free(request->missing);
    request->missing = NULL;
    spool_batches_clear(&committed); /* part of the backlog that is named below */
    if (result == ERR_OK) {
        result = spool_first_seq(spool, &joined.first_seq, why);
    }
    if (result != ERR_OK && result != ERR_DISK_FULL) {
        return result;
    }
    joined.refused = result == ERR_DISK_FULL;
    joined.next_seq = spool_state(spool)->next_seq;
    thread->live = !joined.refused;
    thread->backlog.wanted = false;
    outbox_joined(thread->outbox, &joined);
    return ERR_OK;
}

static enum err on_leave(struct spool_thread *thread, struct spool_request *request, struct err_text *why)
{
    (void)request;
    (void)why;
    thread->live = false;
    thread->backlog.wanted = false;
    return ERR_OK;
}

static enum err on_backlog(struct spool_thread *thread, struct spool_request *request, struct err_text *why)
{
    (void)why;
    thread->backlog = (struct backlog_wish){
        .wanted = true,
        .session = request->session,
        .first = request->as.range.first,
        .last = request->as.range.last,
    };
    return ERR_OK;
}

static enum err on_renumber(struct spool_thread *thread, struct spool_request *request, struct err_text *why)
{
    struct spooler_time now = time_now();
    struct spool_batches committed = {0};
    enum err result = spooler_renumber(thread->spooler, request->as.seq, &now, &committed, why);
    hand_out(thread, &committed);
    return result == ERR_DISK_FULL ? ERR_OK : result; /* it is tried again in the next session */
}

static enum err on_flush(struct spool_thread *thread, struct spool_request *request, struct err_text *why)
{
    (void)request;
    (void)why;
    thread->flush_wanted = true;
    return ERR_OK;
}

static void change_done(struct spool_thread *thread, struct spool_change *change, enum err result,
                        const struct err_text *why)
{
    pthread_mutex_lock(&thread->mutex);
    change->result = result;
    change->why = *why;
    change->done = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
}

/* A full disk is the caller's to know; what ends the thread is told to both. */
static enum err on_configure(struct spool_thread *thread, struct spool_request *request, struct err_text *why)
{
    struct spool_change *change = request->as.change;
    enum err result = drain(thread, why);
    if (result == ERR_OK) {
        result = spooler_configure(thread->spooler, change->configuration, why);
    }
    request->as.change = NULL;
    change_done(thread, change, result, why);
    return result == ERR_DISK_FULL ? ERR_OK : result; /* the requests behind it are to be handled, too */
}

typedef enum err (*handler)(struct spool_thread *, struct spool_request *, struct err_text *);
static const handler handlers[] = {
    [SPOOL_REQUEST_ACK] = on_ack,
    [SPOOL_REQUEST_JOIN] = on_join,
    [SPOOL_REQUEST_LEAVE] = on_leave,
    [SPOOL_REQUEST_BACKLOG] = on_backlog,
    [SPOOL_REQUEST_RENUMBER] = on_renumber,
    [SPOOL_REQUEST_FLUSH] = on_flush,
    [SPOOL_REQUEST_CONFIGURE] = on_configure,
};

static enum err handle_requests(struct spool_thread *thread, struct err_text *why)
{
    enum err result = ERR_OK;
    for (size_t i = 0; result == ERR_OK && i < thread->content.request_count; i++) {
        struct spool_request *request = &thread->content.requests[i];
        result = handlers[request->kind](thread, request, why);
    }
    return result;
}

static enum err serve_backlog(struct spool_thread *thread, struct err_text *why)
{
    if (!thread->backlog.wanted) {
        return ERR_OK;
    }
    struct spooler_time now = time_now();
    struct spool_batches committed = {0};
    struct backlog_chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    thread->backlog.wanted = false;
    enum err result = spooler_read(thread->spooler, thread->backlog.first, thread->backlog.last, &now, chunk,
                                   &committed, why);
    if (result == ERR_DISK_FULL) {
        result = ERR_OK; /* what is damaged could not be quarantined: it will be found again */
    }
    for (size_t i = 0; i < chunk->damaged_count; i++) {
        log_error("spool", log_event("batch_damaged"), log_u64("seq", chunk->damaged[i].seq),
                  log_str("reason", chunk->damaged[i].why.text),
                  log_str("effect", "quarantined, and reported to the server as a gap"));
    }
    if (result == ERR_OK) {
        outbox_backlog(thread->outbox, thread->backlog.session, &chunk->batches, chunk->next);
    }
    hand_out(thread, &committed);
    spool_batches_clear(&chunk->batches);
    free(chunk);
    return result;
}

/* ---- the thread ---- */

/* Behind what is handed out, for a checkpoint takes two syncs more. */
static enum err tidy(struct spool_thread *thread, struct err_text *why)
{
    return db_checkpoint(spool_db(spooler_spool(thread->spooler)), why);
}

static enum err round_of_work(struct spool_thread *thread, struct err_text *why)
{
    enum err result = handle_requests(thread, why);
    if (result == ERR_OK && thread->flush_wanted) {
        result = drain(thread, why);
        thread->flush_wanted = result != ERR_OK;
        if (result == ERR_OK) {
            outbox_flushed(thread->outbox);
        }
    } else if (result == ERR_OK) {
        result = collect_and_commit(thread, false, why);
    }
    if (result == ERR_OK) {
        result = serve_backlog(thread, why);
    }
    return result == ERR_OK ? tidy(thread, why) : result;
}

static enum err finish(struct spool_thread *thread, struct err_text *why)
{
    enum err result = drain(thread, why);
    struct spooler_time now = time_now();
    return result == ERR_OK ? spooler_stop(thread->spooler, &now, why) : result;
}

static void fail(struct spool_thread *thread, enum err code, const struct err_text *why)
{
    log_error("spool", log_event("failed"), log_str("reason", why->text),
              log_str("effect", "the bridge stops; what was acknowledged is safe, the rest is sent again"));
    if (code == ERR_CORRUPT) {
        salvage_mark(db_path(spool_db(spooler_spool(thread->spooler))));
    }
    inbox_stop(thread->inbox);
    outbox_failed(thread->outbox, code, why->text);
}

/* Whoever waits for a change learns that it will not come. */
static void refuse_changes(struct spool_thread *thread)
{
    const struct err_text why = {"the spool has stopped"};
    for (size_t i = 0; i < thread->content.request_count; i++) {
        struct spool_request *request = &thread->content.requests[i];
        if (request->kind == SPOOL_REQUEST_CONFIGURE && request->as.change) {
            change_done(thread, request->as.change, ERR_CLOSED, &why);
        }
    }
}

static void *run(void *argument)
{
    struct spool_thread *thread = argument;
    struct err_text why = {{0}};
    enum err result = ERR_OK;
    while (result == ERR_OK || (result == ERR_DISK_FULL && !thread->content.stop)) {
        inbox_take(thread->inbox, spooler_deadline_us(thread->spooler), !thread->disk_full, &thread->content);
        result = round_of_work(thread, &why);
        if (result == ERR_OK && thread->content.stop) {
            result = finish(thread, &why);
            break;
        }
    }
    if (result != ERR_OK) {
        thread->failed = true;
        fail(thread, result, &why);
    }
    refuse_changes(thread);
    inbox_take(thread->inbox, 0, true, &thread->content);
    refuse_changes(thread);
    return NULL;
}

/* ---- for the other threads ---- */

static enum err make_parts(struct spool_thread *thread, const struct spool_thread_options *options,
                           struct err_text *why)
{
    memcpy(thread->epoch, spool_epoch(options->spool), sizeof thread->epoch);
    struct spooler_time now = time_now();
    db_checkpoint_later(spool_db(options->spool));
    enum err result = spooler_new(options->spool, options->configuration, &thread->spooler, why);
    if (result == ERR_OK) {
        result = spooler_start(thread->spooler, &now, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    thread->inbox = inbox_new();
    thread->outbox = outbox_new(options->loop, options->events, options->owner);
    if (!thread->inbox || !thread->outbox) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    thread->status.accepting = true;
    return publish(thread, why);
}

enum err spool_thread_start(const struct spool_thread_options *options, struct spool_thread **out,
                            struct err_text *why)
{
    *out = NULL;
    struct spool_thread *thread = calloc(1, sizeof *thread);
    if (!thread) {
        spool_close(options->spool);
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    pthread_mutex_init(&thread->mutex, NULL);
    pthread_cond_init(&thread->changed, NULL);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", db_path(spool_db(options->spool)));
    enum err result = make_parts(thread, options, why);
    if (result == ERR_CORRUPT) {
        salvage_mark(path);
    }
    if (result == ERR_OK) {
        thread->started = pthread_create(&thread->thread, NULL, run, thread) == 0;
        result = thread->started ? ERR_OK : err_set(why, ERR_NO_MEMORY, "cannot start the spool's thread");
    }
    if (result != ERR_OK) {
        spool_thread_free(thread);
        return result;
    }
    *out = thread;
    return ERR_OK;
}

bool spool_thread_stop(struct spool_thread *thread)
{
    if (!thread) {
        return true;
    }
    if (thread->started) {
        inbox_stop(thread->inbox);
        pthread_join(thread->thread, NULL);
        thread->started = false;
    }
    spooler_free(thread->spooler);
    thread->spooler = NULL;
    return !thread->failed;
}

void spool_thread_free(struct spool_thread *thread)
{
    if (!thread) {
        return;
    }
    spool_thread_stop(thread);
    inbox_content_fini(&thread->content);
    inbox_free(thread->inbox);
    outbox_free(thread->outbox);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->mutex);
    free(thread);
}

static bool put(void *owner, const struct reading *readings, size_t count)
{
    struct spool_thread *thread = owner;
    return inbox_put_readings(thread->inbox, readings, count);
}

static void begin(void *owner, struct reading_promise *promise)
{
    struct spool_thread *thread = owner;
    inbox_promise(thread->inbox, promise);
}

static void end(void *owner, struct reading_promise *promise)
{
    struct spool_thread *thread = owner;
    inbox_keep(thread->inbox, promise);
}

struct reading_sink spool_thread_sink(struct spool_thread *thread)
{
    return (struct reading_sink){.owner = thread, .put = put, .begin = begin, .end = end};
}

enum err spool_thread_request(struct spool_thread *thread, const struct spool_request *requests, size_t count)
{
    return inbox_put_requests(thread->inbox, requests, count);
}

enum err spool_thread_configure(struct spool_thread *thread, const struct spool_configuration *configuration,
                                struct err_text *why)
{
    struct spool_change change = {.configuration = configuration};
    const struct spool_request request = {.kind = SPOOL_REQUEST_CONFIGURE, .as.change = &change};
    enum err result = inbox_put_requests(thread->inbox, &request, 1);
    if (result != ERR_OK) {
        return err_set(why, result, "%s", err_name(result));
    }
    pthread_mutex_lock(&thread->mutex);
    while (!change.done) {
        pthread_cond_wait(&thread->changed, &thread->mutex);
    }
    pthread_mutex_unlock(&thread->mutex);
    return change.result == ERR_OK ? ERR_OK : err_set(why, change.result, "%s", change.why.text);
}

void spool_thread_status(struct spool_thread *thread, struct spool_status *status)
{
    pthread_mutex_lock(&thread->mutex);
    *status = thread->status;
    pthread_mutex_unlock(&thread->mutex);
}

const uint8_t *spool_thread_epoch(const struct spool_thread *thread)
{
    return thread->epoch;
}
