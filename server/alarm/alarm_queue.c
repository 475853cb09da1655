#include "alarm/alarm_queue.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct alarm_queue {
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct alarm_item *first, *last;
    size_t bytes;
    bool stopping;
    size_t put_count;
    uint8_t put[ALARM_QUEUE_CATALOGS][CATALOG_HASH_SIZE];
};

struct alarm_queue *alarm_queue_new(void)
{
    struct alarm_queue *queue = calloc(1, sizeof *queue);
    if (!queue) {
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return queue;
}

void alarm_queue_free(struct alarm_queue *queue)
{
    if (!queue) {
        return;
    }
    while (queue->first) {
        struct alarm_item *item = queue->first;
        queue->first = item->next;
        free(item);
    }
    pthread_cond_destroy(&queue->news);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static size_t size_of(const struct alarm_item *item)
{
    return sizeof *item + item->batch.size + item->catalog.size;
}

static struct alarm_item *copy(const struct observed_batch *batch, bool with_catalog)
{
    struct bytes encoded = batch->view->encoded;
    struct bytes catalog = with_catalog ? catalog_encoded(batch->catalog) : (struct bytes){0};
    struct alarm_item *item = malloc(sizeof *item + encoded.size + catalog.size);
    if (!item) {
        return NULL;
    }
    uint8_t *bytes = (uint8_t *)(item + 1);
    *item = (struct alarm_item){.historical = batch->historical,
                                .batch = {bytes, encoded.size},
                                .catalog = {bytes + encoded.size, catalog.size}};
    strncpy(item->bridge, batch->bridge, sizeof item->bridge - 1);
    memcpy(bytes, encoded.data, encoded.size);
    if (catalog.size > 0) {
        memcpy(bytes + encoded.size, catalog.data, catalog.size);
    }
    return item;
}

/* With the lock held. Batches of a bridge mostly share a catalog, so the newest are looked at first. */
static bool was_put(const struct alarm_queue *queue, const uint8_t *hash)
{
    size_t at = queue->put_count;
    while (at > 0 && memcmp(queue->put[at - 1], hash, CATALOG_HASH_SIZE) != 0) {
        at--;
    }
    return at > 0;
}

/* With the lock held. */
static void note_put(struct alarm_queue *queue, const uint8_t *hash)
{
    if (queue->put_count == ALARM_QUEUE_CATALOGS) {
        queue->put_count = 0;
    }
    memcpy(queue->put[queue->put_count++], hash, CATALOG_HASH_SIZE);
}

/* With the lock held. */
static bool append(struct alarm_queue *queue, const struct observed_batch *batch)
{
    bool with_catalog = batch->catalog && !was_put(queue, batch->view->catalog_hash);
    struct alarm_item *item = copy(batch, with_catalog);
    if (!item) {
        return false;
    }
    if (with_catalog) {
        note_put(queue, batch->view->catalog_hash);
    }
    if (queue->first) {
        queue->last->next = item;
    } else {
        queue->first = item;
    }
    queue->last = item;
    queue->bytes += size_of(item);
    return true;
}

bool alarm_queue_put(struct alarm_queue *queue, const struct observed_batch *batch)
{
    pthread_mutex_lock(&queue->lock);
    bool room = queue->bytes + sizeof(struct alarm_item) + batch->view->encoded.size <= ALARM_QUEUE_BYTES;
    bool put = room && append(queue, batch);
    if (put) {
        pthread_cond_signal(&queue->news);
    }
    pthread_mutex_unlock(&queue->lock);
    return put;
}

bool alarm_queue_take(struct alarm_queue *queue, int64_t patience_ms, struct alarm_item **item)
{
    int64_t until_us = clock_mono_us() + patience_ms * CLOCK_US_PER_MS;
    struct timespec until = {.tv_sec = until_us / CLOCK_US_PER_S,
                             .tv_nsec = (until_us % CLOCK_US_PER_S) * 1000};
    int code = 0;
    pthread_mutex_lock(&queue->lock);
    while (!queue->first && !queue->stopping && code == 0) {
        code = pthread_cond_timedwait(&queue->news, &queue->lock, &until);
    }
    *item = queue->first;
    if (*item) {
        queue->first = (*item)->next;
        queue->bytes -= size_of(*item);
    }
    bool go_on = *item || !queue->stopping;
    pthread_mutex_unlock(&queue->lock);
    return go_on;
}

void alarm_queue_forget(struct alarm_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->put_count = 0;
    pthread_mutex_unlock(&queue->lock);
}

void alarm_queue_stop(struct alarm_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    pthread_cond_signal(&queue->news);
    pthread_mutex_unlock(&queue->lock);
}
