#include "base/backoff.h"
#include "base/clock.h"
#include "base/random.h"
#include "store/nats_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- answers, in the library's threads ---- */

static struct bytes key_of(const char *subject)
{
    return (struct bytes){(const uint8_t *)subject, strlen(subject)};
}

static bool is_of(const natsMsg *message, const struct nats_post *post)
{
    size_t size = (size_t)natsMsg_GetDataLength(message);
    return size == post->data.size && memcmp(natsMsg_GetData(message), post->data.data, size) == 0;
}

static void note_refusal(struct nats_link *link, struct nats_post *post, const jsPubAckErr *error)
{
    if (error->ErrCode == JSStreamWrongLastSequenceErr) {
        post->outcome = NATS_TAKEN;
        return;
    }
    /* "maximum bytes exceeded" and the like have no code of their own. */
    bool limit =
        error->ErrCode == JSStreamStoreFailedErr && error->ErrText && strstr(error->ErrText, "maximum");
    link->full |= limit || error->ErrCode == JSInsufficientResourcesErr ||
                  error->ErrCode == JSStorageResourcesExceededErr;
    (void)!err_set(&link->why, ERR_BUSY, "NATS: %s: %s", post->subject,
                   error->ErrText ? error->ErrText : natsStatus_GetText(error->Err));
}

/* A duplicate may be of a message that is not yet stored: taken, for whoever posts to look at. */
void nats_post_answered(jsCtx *js, natsMsg *message, jsPubAck *ack, jsPubAckErr *error, void *owner)
{
    struct nats_link *link = owner;
    (void)js;
    pthread_mutex_lock(&link->lock);
    struct nats_post *post = memo_find(link->posts, key_of(natsMsg_GetSubject(message)));
    if (post && is_of(message, post) && post->outcome == NATS_WAITING) {
        if (error) {
            note_refusal(link, post, error);
        } else if (ack && ack->Duplicate) {
            post->outcome = NATS_TAKEN;
            post->sequence = ack->Sequence;
        } else if (ack && ack->Sequence > 0) {
            post->outcome = NATS_STORED;
            post->sequence = ack->Sequence;
        }
    }
    link->in_flight--;
    bool early = message == link->publishing;
    link->answered_early |= early;
    pthread_cond_signal(&link->answered);
    pthread_mutex_unlock(&link->lock);
    if (!early) {
        natsMsg_Destroy(message);
    }
}

/* ---- publishing ---- */

static natsStatus make_message(const struct nats_post *post, natsMsg **message)
{
    char number[32];
    natsStatus status =
        natsMsg_Create(message, post->subject, NULL, (const char *)post->data.data, (int)post->data.size);
    if (status == NATS_OK && post->about) {
        status = natsMsgHeader_Set(*message, "Bourdon", post->about);
    }
    if (status == NATS_OK && post->expects) {
        snprintf(number, sizeof number, "%" PRIu64, post->expected);
        status = natsMsgHeader_Set(*message, "Nats-Expected-Last-Subject-Sequence", number);
    }
    return status;
}

/* A message that is being published may be answered already, for its time can run out while the library waits
 * for the connection; the library goes on to read it all the same. */
static void set_publishing(struct nats_link *link, const natsMsg *message, bool *answered_early)
{
    pthread_mutex_lock(&link->lock);
    *answered_early = link->answered_early;
    link->publishing = message;
    link->answered_early = false;
    pthread_mutex_unlock(&link->lock);
}

static natsStatus publish(struct nats_link *link, const struct nats_post *post)
{
    natsMsg *message = NULL;
    bool answered_early;
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MsgId = post->id;
    options.MaxWait = NATS_ACK_MS;
    natsStatus status = make_message(post, &message);
    natsMsg *made = message;
    set_publishing(link, made, &answered_early);
    if (status == NATS_OK) {
        status = js_PublishMsgAsync(link->js, &message, &options);
    }
    set_publishing(link, NULL, &answered_early);
    natsMsg_Destroy(answered_early ? made : message); // else NULL, if it is the library's now
    return status;
}

/* With the lock held. Not for ever, should the library forget one: what is not answered is posted again. */
static void wait_for_answers(struct nats_link *link, size_t most)
{
    int64_t until_us = clock_mono_us() + 2 * NATS_ACK_MS * CLOCK_US_PER_MS;
    const struct timespec until = {.tv_sec = until_us / CLOCK_US_PER_S,
                                   .tv_nsec = until_us % CLOCK_US_PER_S * 1000};
    int code = 0;
    while (link->in_flight > most && code == 0) {
        code = pthread_cond_timedwait(&link->answered, &link->lock, &until);
    }
}

/* Publishes what waits and waits for the answer to each: the library gives one in NATS_ACK_MS at the latest.
 * With the lock held. */
static size_t post_round(struct nats_link *link, struct nats_post *posts, size_t count)
{
    size_t waiting = 0;
    for (size_t i = 0; i < count; i++) {
        if (posts[i].outcome != NATS_WAITING) {
            continue;
        }
        wait_for_answers(link, NATS_WINDOW - 1);
        link->in_flight++;
        pthread_mutex_unlock(&link->lock);
        natsStatus status = publish(link, &posts[i]);
        pthread_mutex_lock(&link->lock);
        if (status != NATS_OK) {
            link->in_flight--;
            (void)!nats_failed(&link->why, ERR_BUSY, posts[i].subject, status);
        }
    }
    wait_for_answers(link, 0);
    for (size_t i = 0; i < count; i++) {
        waiting += posts[i].outcome == NATS_WAITING;
    }
    return waiting;
}

static void pause_for(uint32_t ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

static enum err register_posts(struct nats_link *link, struct nats_post *posts, size_t count)
{
    enum err result = ERR_OK;
    memo_clear(link->posts);
    link->full = false;
    for (size_t i = 0; i < count && result == ERR_OK; i++) {
        posts[i].outcome = NATS_WAITING;
        result = memo_keep(link->posts, key_of(posts[i].subject), &posts[i], 0);
    }
    return result;
}

enum err nats_link_post(struct nats_link *link, struct nats_post *posts, size_t count, struct err_text *why)
{
    struct backoff backoff = {.first_ms = NATS_RETRY_MS, .cap_ms = NATS_RETRY_MAX_MS};
    int64_t deadline_us = clock_mono_us() + NATS_POST_MS * CLOCK_US_PER_MS;
    pthread_mutex_lock(&link->lock);
    enum err result = register_posts(link, posts, count);
    size_t waiting = result == ERR_OK ? post_round(link, posts, count) : 0;
    while (waiting > 0 && !link->full && clock_mono_us() < deadline_us) {
        pthread_mutex_unlock(&link->lock);
        pause_for(backoff_next_ms(&backoff, random_u32()));
        pthread_mutex_lock(&link->lock);
        waiting = post_round(link, posts, count);
    }
    memo_clear(link->posts);
    if (result != ERR_OK) {
        result = err_set(why, result, "out of memory");
    } else if (waiting > 0) {
        result = err_set(why, link->full ? ERR_DISK_FULL : ERR_BUSY, "%s", link->why.text);
    }
    pthread_mutex_unlock(&link->lock);
    return result;
}
