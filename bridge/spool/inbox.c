#include "spool/inbox.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct inbox {
    pthread_mutex_t mutex;
    pthread_cond_t work; /* the consumer waits for it */
    pthread_cond_t room; /* producers wait for it */
    struct buffer readings;
    struct spool_request *requests;
    size_t request_count, request_capacity;
    uint64_t refused;
    int64_t refused_first_us, refused_last_us;
    struct reading_promise *promises; /* of readings that are to come; a list */
    int64_t swapped_us;               /* wall: what is here, or is to come, was asked for since */
    bool accepting;
    bool stopping;
};

/* A reading as it lies in the buffer, followed by its words. */
struct packed {
    int64_t request_us;
    int64_t response_us;
    uint32_t tag;
    uint8_t quality;
    uint8_t word_count;
};
_Static_assert(QUALITY_MAX <= UINT8_MAX, "quality is packed in a byte");

struct inbox *inbox_new(void)
{
    struct inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox) {
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&inbox->mutex, NULL);
    pthread_cond_init(&inbox->work, &monotonic);
    pthread_cond_init(&inbox->room, &monotonic);
    pthread_condattr_destroy(&monotonic);
    buffer_init(&inbox->readings, 2 * (size_t)INBOX_READINGS_BYTES);
    inbox->accepting = true;
    inbox->swapped_us = clock_wall_us();
    return inbox;
}

static void free_requests(struct spool_request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(requests[i].text);
        free(requests[i].missing);
    }
    free(requests);
}

void inbox_free(struct inbox *inbox)
{
    if (!inbox) {
        return;
    }
    pthread_cond_destroy(&inbox->work);
    pthread_cond_destroy(&inbox->room);
    pthread_mutex_destroy(&inbox->mutex);
    buffer_fini(&inbox->readings);
    free_requests(inbox->requests, inbox->request_count);
    free(inbox);
}

static struct timespec timespec_of(int64_t mono_us)
{
    return (struct timespec){.tv_sec = mono_us / CLOCK_US_PER_S,
                             .tv_nsec = (mono_us % CLOCK_US_PER_S) * 1000};
}

/* ---- readings ---- */

static size_t packed_size(const struct reading *readings, size_t count)
{
    size_t size = count * sizeof(struct packed);
    for (size_t i = 0; i < count; i++) {
        size += readings[i].word_count * sizeof readings[i].words[0];
    }
    return size;
}

static void pack(uint8_t *to, const struct reading *readings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct reading *reading = &readings[i];
        struct packed packed = {
            .request_us = reading->request_us,
            .response_us = reading->response_us,
            .tag = reading->tag,
            .quality = (uint8_t)reading->quality,
            .word_count = reading->word_count,
        };
        size_t words = reading->word_count * sizeof reading->words[0];
        memcpy(to, &packed, sizeof packed);
        memcpy(to + sizeof packed, reading->words, words);
        to += sizeof packed + words;
    }
}

static bool wait_for_room(struct inbox *inbox)
{
    struct timespec until = timespec_of(clock_mono_us() + INBOX_WAIT_MS * CLOCK_US_PER_MS);
    int waited = 0;
    while (waited == 0 && inbox->accepting && !inbox->stopping &&
           inbox->readings.size >= INBOX_READINGS_BYTES) {
        waited = pthread_cond_timedwait(&inbox->room, &inbox->mutex, &until);
    }
    return waited == 0 && inbox->accepting && !inbox->stopping;
}

static void note_refused(struct inbox *inbox, const struct reading *readings, size_t count)
{
    int64_t first_us = readings[0].request_us;
    if (inbox->refused == 0 || first_us < inbox->refused_first_us) {
        inbox->refused_first_us = first_us;
    }
    inbox->refused_last_us = readings[count - 1].response_us;
    inbox->refused += count;
}

void inbox_promise(struct inbox *inbox, struct reading_promise *promise)
{
    pthread_mutex_lock(&inbox->mutex);
    *promise = (struct reading_promise){.since_us = clock_wall_us(), .next = inbox->promises};
    if (inbox->promises) {
        inbox->promises->previous = promise;
    }
    inbox->promises = promise;
    pthread_mutex_unlock(&inbox->mutex);
}

void inbox_keep(struct inbox *inbox, struct reading_promise *promise)
{
    pthread_mutex_lock(&inbox->mutex);
    if (promise->previous) {
        promise->previous->next = promise->next;
    } else {
        inbox->promises = promise->next;
    }
    if (promise->next) {
        promise->next->previous = promise->previous;
    }
    pthread_mutex_unlock(&inbox->mutex);
}

/* The wall clock may have been set meanwhile: the first promise need not be the one of the earliest time. */
static int64_t earliest_us(const struct inbox *inbox)
{
    int64_t earliest_us = clock_wall_us();
    for (const struct reading_promise *at = inbox->promises; at; at = at->next) {
        earliest_us = at->since_us < earliest_us ? at->since_us : earliest_us;
    }
    return earliest_us;
}

static bool has_room(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    bool room = inbox->accepting && !inbox->stopping && inbox->readings.size < (size_t)INBOX_READINGS_BYTES;
    pthread_mutex_unlock(&inbox->mutex);
    return room;
}

bool inbox_put_readings(struct inbox *inbox, const struct reading *readings, size_t count)
{
    if (count == 0) {
        return has_room(inbox);
    }
    size_t size = packed_size(readings, count);
    pthread_mutex_lock(&inbox->mutex);
    uint8_t *space = wait_for_room(inbox) ? buffer_reserve(&inbox->readings, size) : NULL;
    if (space) {
        bool first = inbox->readings.size == 0;
        pack(space, readings, count);
        buffer_commit(&inbox->readings, size);
        if (first) {
            pthread_cond_signal(&inbox->work);
        }
    } else {
        note_refused(inbox, readings, count);
    }
    pthread_mutex_unlock(&inbox->mutex);
    return space != NULL;
}

bool inbox_next_reading(struct inbox_content *content, struct reading *reading)
{
    struct bytes left = buffer_bytes(&content->readings);
    struct packed packed;
    if (left.size < sizeof packed) {
        return false;
    }
    memcpy(&packed, left.data, sizeof packed);
    size_t words = packed.word_count * sizeof reading->words[0];
    reading->tag = packed.tag;
    reading->quality = (enum quality)packed.quality;
    reading->request_us = packed.request_us;
    reading->response_us = packed.response_us;
    reading->word_count = packed.word_count;
    memcpy(reading->words, left.data + sizeof packed, words);
    buffer_consume(&content->readings, sizeof packed + words);
    return true;
}

/* ---- requests ---- */

static bool make_room_for_requests(struct inbox *inbox, size_t count)
{
    size_t needed = inbox->request_count + count;
    if (needed <= inbox->request_capacity) {
        return true;
    }
    size_t capacity = inbox->request_capacity ? inbox->request_capacity : 16;
    while (capacity < needed) {
        capacity *= 2;
    }
    struct spool_request *grown = realloc(inbox->requests, capacity * sizeof *grown);
    if (!grown) {
        return false;
    }
    inbox->requests = grown;
    inbox->request_capacity = capacity;
    return true;
}

enum err inbox_put_requests(struct inbox *inbox, const struct spool_request *requests, size_t count)
{
    enum err result = ERR_OK;
    pthread_mutex_lock(&inbox->mutex);
    if (inbox->stopping) {
        result = ERR_CLOSED;
    } else if (count > INBOX_REQUESTS_MAX - inbox->request_count) {
        result = ERR_LIMIT;
    } else if (!make_room_for_requests(inbox, count)) {
        result = ERR_NO_MEMORY;
    } else {
        memcpy(inbox->requests + inbox->request_count, requests, count * sizeof *requests);
        inbox->request_count += count;
        pthread_cond_signal(&inbox->work);
    }
    pthread_mutex_unlock(&inbox->mutex);
    return result;
}

void inbox_accept(struct inbox *inbox, bool accept)
{
    pthread_mutex_lock(&inbox->mutex);
    inbox->accepting = accept;
    pthread_cond_broadcast(&inbox->room);
    pthread_mutex_unlock(&inbox->mutex);
}

void inbox_stop(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    inbox->stopping = true;
    pthread_cond_broadcast(&inbox->room);
    pthread_cond_signal(&inbox->work);
    pthread_mutex_unlock(&inbox->mutex);
}

/* ---- the consumer ---- */

static bool has_work(const struct inbox *inbox, bool hungry)
{
    return inbox->request_count > 0 || inbox->stopping || (hungry && inbox->readings.size > 0);
}

static void wait_for_work(struct inbox *inbox, int64_t deadline_us, bool hungry)
{
    struct timespec until = timespec_of(deadline_us);
    int waited = 0;
    while (!has_work(inbox, hungry) && waited == 0) {
        waited = deadline_us == INT64_MAX ? pthread_cond_wait(&inbox->work, &inbox->mutex)
                                          : pthread_cond_timedwait(&inbox->work, &inbox->mutex, &until);
    }
}

static void swap_requests(struct inbox *inbox, struct inbox_content *content)
{
    struct spool_request *requests = content->requests;
    size_t capacity = content->request_capacity;
    content->requests = inbox->requests;
    content->request_count = inbox->request_count;
    content->request_capacity = inbox->request_capacity;
    inbox->requests = requests;
    inbox->request_count = 0;
    inbox->request_capacity = capacity;
}

static void swap_readings(struct inbox *inbox, struct inbox_content *content)
{
    struct buffer empty = content->readings;
    buffer_clear(&empty);
    empty.limit = inbox->readings.limit;
    content->readings = inbox->readings;
    inbox->readings = empty;
    content->put_after_us = inbox->swapped_us;
    inbox->swapped_us = earliest_us(inbox);
    content->put_until_us = inbox->swapped_us;
    pthread_cond_broadcast(&inbox->room);
}

static void take_refused(struct inbox *inbox, struct inbox_content *content)
{
    if (inbox->refused == 0) {
        return;
    }
    if (content->refused == 0 || inbox->refused_first_us < content->refused_first_us) {
        content->refused_first_us = inbox->refused_first_us;
    }
    content->refused_last_us = inbox->refused_last_us;
    content->refused += inbox->refused;
    inbox->refused = 0;
}

void inbox_take(struct inbox *inbox, int64_t deadline_us, bool hungry, struct inbox_content *content)
{
    pthread_mutex_lock(&inbox->mutex);
    if (!hungry || content->readings.size == 0) {
        wait_for_work(inbox, deadline_us, hungry);
    }
    if (content->readings.size == 0) {
        swap_readings(inbox, content);
    }
    swap_requests(inbox, content);
    take_refused(inbox, content);
    content->stop = inbox->stopping;
    pthread_mutex_unlock(&inbox->mutex);
}

void inbox_take_readings(struct inbox *inbox, struct inbox_content *content)
{
    pthread_mutex_lock(&inbox->mutex);
    swap_readings(inbox, content);
    take_refused(inbox, content);
    pthread_mutex_unlock(&inbox->mutex);
}

void inbox_content_fini(struct inbox_content *content)
{
    buffer_fini(&content->readings);
    free_requests(content->requests, content->request_count);
    *content = (struct inbox_content){0};
}
