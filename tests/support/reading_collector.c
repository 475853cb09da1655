#include "support/reading_collector.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAIT_S = 10 };

void reading_collector_init(struct reading_collector *collector)
{
    *collector = (struct reading_collector){.count = 0};
    pthread_mutex_init(&collector->mutex, NULL);
    pthread_cond_init(&collector->changed, NULL);
}

void reading_collector_fini(struct reading_collector *collector)
{
    free(collector->readings);
    pthread_cond_destroy(&collector->changed);
    pthread_mutex_destroy(&collector->mutex);
}

static void keep(struct reading_collector *collector, const struct reading *readings, size_t count)
{
    while (collector->count + count > collector->capacity) {
        collector->capacity = collector->capacity ? collector->capacity * 2 : 1024;
        collector->readings = realloc(collector->readings, collector->capacity * sizeof *collector->readings);
        ck_assert_ptr_nonnull(collector->readings);
    }
    for (size_t i = 0; i < count; i++) {
        struct reading *kept = &collector->readings[collector->count++];
        *kept = (struct reading){.tag = readings[i].tag, .quality = readings[i].quality};
        kept->request_us = readings[i].request_us;
        kept->response_us = readings[i].response_us;
        kept->word_count = readings[i].word_count;
        memcpy(kept->words, readings[i].words, readings[i].word_count * sizeof kept->words[0]);
    }
}

bool reading_collector_put(void *owner, const struct reading *readings, size_t count)
{
    struct reading_collector *collector = owner;
    pthread_mutex_lock(&collector->mutex);
    bool taken = !collector->full;
    if (taken && count > 0) {
        keep(collector, readings, count);
    }
    collector->refusals += taken ? 0 : 1;
    pthread_cond_broadcast(&collector->changed);
    pthread_mutex_unlock(&collector->mutex);
    return taken;
}

void reading_collector_set_full(struct reading_collector *collector, bool full)
{
    pthread_mutex_lock(&collector->mutex);
    collector->full = full;
    pthread_mutex_unlock(&collector->mutex);
}

size_t reading_collector_count(struct reading_collector *collector)
{
    pthread_mutex_lock(&collector->mutex);
    size_t count = collector->count;
    pthread_mutex_unlock(&collector->mutex);
    return count;
}

/* Position of the reading, or SIZE_MAX. */
static size_t find(const struct reading_collector *collector, size_t from, uint32_t tag, enum quality quality)
{
    for (size_t i = from; i < collector->count; i++) {
        if (collector->readings[i].tag == tag && collector->readings[i].quality == quality) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* False when the deadline came. */
static bool wait(struct reading_collector *collector, const struct timespec *deadline)
{
    return pthread_cond_timedwait(&collector->changed, &collector->mutex, deadline) == 0;
}

static struct timespec deadline_from_now(void)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += WAIT_S;
    return deadline;
}

size_t reading_collector_await(struct reading_collector *collector, size_t from, uint32_t tag,
                               enum quality quality, struct reading *reading)
{
    struct timespec deadline = deadline_from_now();
    pthread_mutex_lock(&collector->mutex);
    size_t at = find(collector, from, tag, quality);
    while (at == SIZE_MAX && wait(collector, &deadline)) {
        at = find(collector, from, tag, quality);
    }
    if (at != SIZE_MAX) {
        *reading = collector->readings[at];
    }
    pthread_mutex_unlock(&collector->mutex);
    ck_assert_msg(at != SIZE_MAX, "no reading of tag %u with quality %d", tag, (int)quality);
    return at + 1;
}

void reading_collector_await_refusals(struct reading_collector *collector, size_t refusals)
{
    struct timespec deadline = deadline_from_now();
    pthread_mutex_lock(&collector->mutex);
    while (collector->refusals < refusals && wait(collector, &deadline)) {
    }
    bool enough = collector->refusals >= refusals;
    pthread_mutex_unlock(&collector->mutex);
    ck_assert_msg(enough, "fewer than %zu refusals", refusals);
}
