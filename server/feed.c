#include "feed.h"

#include "base/clock.h"
#include "base/json.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct feed {
    struct loop *loop;
    struct control *control; /* the main thread's */
    _Atomic bool wanted;     /* somebody follows */
    pthread_mutex_t lock;
    /* under the lock */
    struct buffer queue;
    uint64_t lost;
    bool posted; /* the loop is going to empty the queue */
    struct buffer rejected[FEED_REJECTED_MAX];
    size_t rejected_count; /* since the start */
};

struct feed *feed_new(struct loop *loop)
{
    struct feed *feed = calloc(1, sizeof *feed);
    if (!feed) {
        return NULL;
    }
    feed->loop = loop;
    pthread_mutex_init(&feed->lock, NULL);
    buffer_init(&feed->queue, FEED_QUEUE_MAX);
    for (size_t i = 0; i < FEED_REJECTED_MAX; i++) {
        buffer_init(&feed->rejected[i], FEED_LINE_MAX);
    }
    return feed;
}

void feed_free(struct feed *feed)
{
    if (!feed) {
        return;
    }
    for (size_t i = 0; i < FEED_REJECTED_MAX; i++) {
        buffer_fini(&feed->rejected[i]);
    }
    buffer_fini(&feed->queue);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}

void feed_use(struct feed *feed, struct control *control)
{
    feed->control = control;
}

bool feed_follow(struct feed *feed, struct buffer *out)
{
    static const char hello[] = "{\"type\":\"hello\",\"version\":\"" BOURDON_VERSION "\"}\n";
    if (buffer_append(out, hello, sizeof hello - 1) != ERR_OK || !control_follow(feed->control)) {
        buffer_clear(out);
        return false;
    }
    atomic_store(&feed->wanted, true);
    return true;
}

/* ---- to the followers ---- */

/* Takes what waits; the caller frees it. */
static struct buffer take_queue(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    struct buffer taken = feed->queue;
    buffer_init(&feed->queue, FEED_QUEUE_MAX);
    feed->posted = false;
    pthread_mutex_unlock(&feed->lock);
    return taken;
}

static void empty_queue(void *owner)
{
    struct feed *feed = owner;
    struct buffer taken = take_queue(feed);
    if (feed->control && control_publish(feed->control, buffer_bytes(&taken)) == 0) {
        atomic_store(&feed->wanted, false);
    }
    buffer_fini(&taken);
}

/* With the lock held. */
static bool append(struct feed *feed, struct bytes line)
{
    size_t before = feed->queue.size;
    enum err result = ERR_OK;
    if (feed->lost > 0) {
        result = buffer_format(&feed->queue, "{\"type\":\"lost\",\"lines\":%llu}\n",
                               (unsigned long long)feed->lost);
    }
    if (result == ERR_OK) {
        result = buffer_format(&feed->queue, "%.*s\n", (int)line.size, (const char *)line.data);
    }
    if (result != ERR_OK) {
        feed->queue.size = before; // nothing was consumed: the content is as it was
        feed->lost++;
        return false;
    }
    feed->lost = 0;
    return true;
}

void feed_line(struct feed *feed, struct bytes line)
{
    if (!atomic_load(&feed->wanted)) {
        return;
    }
    pthread_mutex_lock(&feed->lock);
    bool wake = append(feed, line) && !feed->posted;
    feed->posted = feed->posted || wake;
    pthread_mutex_unlock(&feed->lock);
    if (wake && loop_post(feed->loop, empty_queue, feed) != ERR_OK) {
        struct buffer dropped = take_queue(feed);
        buffer_fini(&dropped);
    }
}

/* ---- batches ---- */

static enum err describe(const struct observed_batch *batch, struct buffer *out)
{
    const struct batch_view *view = batch->view;
    struct json json = json_start(out);
    json_object(&json, NULL);
    json_string(&json, "type", "batch");
    json_string(&json, "result", ack_result_name(batch->result));
    json_string(&json, "bridge", batch->bridge);
    json_hex(&json, "epoch", view->identity.epoch, BATCH_EPOCH_SIZE);
    json_u64(&json, "seq", view->identity.sequence);
    json_string(&json, "kind", view->kind == BATCH_GAPS ? "gaps" : "readings");
    json_u64(&json, "readings", view->count);
    json_u64(&json, "bytes", view->encoded.size);
    json_time(&json, "first", view->first_us);
    json_time(&json, "last", view->last_us);
    json_time(&json, "received", batch->received_us);
    json_time(&json, "committed", batch->committed_us);
    json_bool(&json, "historical", batch->historical);
    if (batch->text[0] != '\0') {
        json_string(&json, "reason", batch->text);
    }
    json_object_end(&json);
    return json_finish(&json);
}

static void keep_rejected(struct feed *feed, struct bytes line)
{
    pthread_mutex_lock(&feed->lock);
    struct buffer *place = &feed->rejected[feed->rejected_count++ % FEED_REJECTED_MAX];
    buffer_clear(place);
    (void)!buffer_append(place, line.data, line.size); // without memory this one is only in the log
    pthread_mutex_unlock(&feed->lock);
}

void feed_batch(struct feed *feed, const struct observed_batch *batch)
{
    bool rejected = batch->result == ACK_REJECTED;
    if (!rejected && !atomic_load(&feed->wanted)) {
        return;
    }
    struct buffer line;
    buffer_init(&line, FEED_LINE_MAX);
    if (describe(batch, &line) == ERR_OK) {
        feed_line(feed, buffer_bytes(&line));
        if (rejected) {
            keep_rejected(feed, buffer_bytes(&line));
        }
    }
    buffer_fini(&line);
}

enum err feed_rejected(struct feed *feed, struct buffer *out)
{
    enum err result = ERR_OK;
    pthread_mutex_lock(&feed->lock);
    size_t count = feed->rejected_count < FEED_REJECTED_MAX ? feed->rejected_count : FEED_REJECTED_MAX;
    for (size_t i = feed->rejected_count - count; i < feed->rejected_count && result == ERR_OK; i++) {
        struct bytes line = buffer_bytes(&feed->rejected[i % FEED_REJECTED_MAX]);
        result =
            line.size > 0 ? buffer_format(out, "%.*s\n", (int)line.size, (const char *)line.data) : ERR_OK;
    }
    pthread_mutex_unlock(&feed->lock);
    return result;
}
