#include "spool/outbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct mail {
    bool joined;
    struct spool_joined join;
    struct spool_batches live;
    uint64_t skipped_first, skipped_last;
    bool read;
    uint32_t read_session;
    struct spool_batches chunk;
    uint64_t chunk_next;
    bool flushed;
    enum err failed;
    struct err_text reason;
};

/* Nothing skipped: the first is above the last. */
static const struct mail no_mail = {.skipped_first = 1};

struct outbox {
    struct loop *loop;
    const struct spool_events *events;
    void *owner;
    pthread_mutex_t mutex;
    bool posted;
    struct mail mail;
};

struct outbox *outbox_new(struct loop *loop, const struct spool_events *events, void *owner)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (!outbox) {
        return NULL;
    }
    outbox->loop = loop;
    outbox->events = events;
    outbox->owner = owner;
    outbox->mail = no_mail;
    pthread_mutex_init(&outbox->mutex, NULL);
    return outbox;
}

void outbox_free(struct outbox *outbox)
{
    if (!outbox) {
        return;
    }
    spool_batches_clear(&outbox->mail.live);
    spool_batches_clear(&outbox->mail.chunk);
    pthread_mutex_destroy(&outbox->mutex);
    free(outbox);
}

/* ---- the loop's thread ---- */

static void give_out(const struct outbox *outbox, struct mail *mail)
{
    const struct spool_events *events = outbox->events;
    bool skipped = mail->skipped_first <= mail->skipped_last;
    if (mail->joined) {
        events->joined(outbox->owner, &mail->join);
    }
    if (mail->live.count > 0 || skipped) {
        events->committed(outbox->owner, &mail->live, mail->skipped_first, mail->skipped_last);
    }
    if (mail->read) {
        events->backlog(outbox->owner, mail->read_session, &mail->chunk, mail->chunk_next);
    }
    if (mail->flushed) {
        events->flushed(outbox->owner);
    }
    if (mail->failed != ERR_OK) {
        events->failed(outbox->owner, mail->failed, mail->reason.text);
    }
    spool_batches_clear(&mail->live);
    spool_batches_clear(&mail->chunk);
}

static void deliver(void *owner)
{
    struct outbox *outbox = owner;
    pthread_mutex_lock(&outbox->mutex);
    struct mail mail = outbox->mail;
    outbox->mail = no_mail;
    outbox->posted = false;
    pthread_mutex_unlock(&outbox->mutex);
    give_out(outbox, &mail);
}

/* ---- the spool's thread ---- */

static struct mail *open_mail(struct outbox *outbox)
{
    pthread_mutex_lock(&outbox->mutex);
    return &outbox->mail;
}

static void post(struct outbox *outbox)
{
    if (!outbox->posted) {
        outbox->posted = loop_post(outbox->loop, deliver, outbox) == ERR_OK;
    }
    pthread_mutex_unlock(&outbox->mutex);
}

void outbox_joined(struct outbox *outbox, const struct spool_joined *joined)
{
    struct mail *mail = open_mail(outbox);
    spool_batches_clear(&mail->live);
    spool_batches_clear(&mail->chunk);
    mail->skipped_first = 1;
    mail->skipped_last = 0;
    mail->read = false;
    mail->joined = true;
    mail->join = *joined;
    post(outbox);
}

static void skip_oldest(struct mail *mail)
{
    struct spool_batch *batch = spool_batches_take(&mail->live);
    bool first = mail->skipped_first > mail->skipped_last;
    mail->skipped_first = first ? batch->seq : mail->skipped_first;
    mail->skipped_last = batch->seq;
    spool_batch_free(batch);
}

void outbox_committed(struct outbox *outbox, struct spool_batches *batches)
{
    struct mail *mail = open_mail(outbox);
    spool_batches_move(&mail->live, batches);
    while (mail->live.count > 1 && mail->live.bytes > SPOOL_HANDOVER_BYTES) {
        skip_oldest(mail);
    }
    post(outbox);
}

void outbox_backlog(struct outbox *outbox, uint32_t session, struct spool_batches *batches, uint64_t next)
{
    struct mail *mail = open_mail(outbox);
    spool_batches_clear(&mail->chunk);
    spool_batches_move(&mail->chunk, batches);
    mail->read = true;
    mail->read_session = session;
    mail->chunk_next = next;
    post(outbox);
}

void outbox_flushed(struct outbox *outbox)
{
    open_mail(outbox)->flushed = true;
    post(outbox);
}

void outbox_failed(struct outbox *outbox, enum err code, const char *reason)
{
    struct mail *mail = open_mail(outbox);
    mail->failed = code;
    err_set(&mail->reason, code, "%s", reason);
    post(outbox);
}
