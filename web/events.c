#include "events.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct events {
    pthread_mutex_t lock;
    pthread_cond_t news;
    size_t readers, readers_max;
    bool closed;
    uint64_t count; /* lines published so far; line i lies at i % EVENTS_RING */
    struct buffer lines[EVENTS_RING];
};

struct events_reader {
    struct events *events;
    uint64_t next;
    int64_t given_us; /* monotonic: the last time it was given lines */
};

struct events *events_new(size_t readers_max)
{
    struct events *events = calloc(1, sizeof *events);
    if (!events) {
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&events->lock, NULL);
    pthread_cond_init(&events->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    events->readers_max = readers_max;
    for (size_t i = 0; i < EVENTS_RING; i++) {
        buffer_init(&events->lines[i], EVENTS_LINE_MAX);
    }
    return events;
}

void events_free(struct events *events)
{
    if (!events) {
        return;
    }
    for (size_t i = 0; i < EVENTS_RING; i++) {
        buffer_fini(&events->lines[i]);
    }
    pthread_cond_destroy(&events->news);
    pthread_mutex_destroy(&events->lock);
    free(events);
}

/* ---- publishing ---- */

static const char line_start[] = "{\"type\":\"";

static bool is_line(struct bytes line)
{
    return line.size > sizeof line_start && line.size <= EVENTS_LINE_MAX &&
           memcmp(line.data, line_start, sizeof line_start - 1) == 0 && !memchr(line.data, '\n', line.size) &&
           !memchr(line.data, '\r', line.size);
}

void events_publish(struct events *events, struct bytes line)
{
    if (!is_line(line)) {
        return;
    }
    pthread_mutex_lock(&events->lock);
    struct buffer *place = &events->lines[events->count % EVENTS_RING];
    buffer_clear(place);
    if (buffer_append(place, line.data, line.size) == ERR_OK) {
        events->count++;
        pthread_cond_broadcast(&events->news);
    }
    pthread_mutex_unlock(&events->lock);
}

void events_close(struct events *events)
{
    pthread_mutex_lock(&events->lock);
    events->closed = true;
    pthread_cond_broadcast(&events->news);
    pthread_mutex_unlock(&events->lock);
}

/* ---- reading ---- */

struct events_reader *events_enter(struct events *events)
{
    struct events_reader *reader = calloc(1, sizeof *reader);
    pthread_mutex_lock(&events->lock);
    bool may = reader && !events->closed && events->readers < events->readers_max;
    if (may) {
        *reader = (struct events_reader){.events = events, .next = events->count};
        events->readers++;
    }
    pthread_mutex_unlock(&events->lock);
    if (!may) {
        free(reader);
        return NULL;
    }
    return reader;
}

void events_leave(struct events_reader *reader)
{
    if (reader) {
        pthread_mutex_lock(&reader->events->lock);
        reader->events->readers--;
        pthread_mutex_unlock(&reader->events->lock);
        free(reader);
    }
}

static struct timespec at(int64_t mono_us)
{
    return (struct timespec){.tv_sec = mono_us / CLOCK_US_PER_S,
                             .tv_nsec = (mono_us % CLOCK_US_PER_S) * 1000};
}

/* With the lock held: until there is something new, not before the pace allows it. */
static void wait_for_news(struct events_reader *reader)
{
    struct events *events = reader->events;
    int64_t now_us = clock_mono_us();
    struct timespec pace = at(reader->given_us + EVENTS_PACE_MS * CLOCK_US_PER_MS);
    struct timespec patience = at(now_us + EVENTS_KEEP_ALIVE_MS * CLOCK_US_PER_MS);
    int code = 0;
    while (!events->closed && code == 0 && now_us < reader->given_us + EVENTS_PACE_MS * CLOCK_US_PER_MS) {
        code = pthread_cond_timedwait(&events->news, &events->lock, &pace);
    }
    code = 0;
    while (!events->closed && code == 0 && events->count == reader->next) {
        code = pthread_cond_timedwait(&events->news, &events->lock, &patience);
    }
}

static void append_event(const struct buffer *line, struct buffer *out)
{
    struct bytes text = buffer_bytes(line);
    const char *type = (const char *)text.data + sizeof line_start - 1;
    const char *end = memchr(type, '"', text.size - (sizeof line_start - 1));
    int size = end ? (int)(end - type) : 0;
    (void)!buffer_format(out, "event: %.*s\ndata: %.*s\n\n", size, type, (int)text.size,
                         (const char *)text.data); // does not fit: skipped, as when it comes too fast
}

/* With the lock held. Of what waits the newest lines are given. */
static void give(struct events_reader *reader, struct buffer *out)
{
    struct events *events = reader->events;
    uint64_t waiting = events->count - reader->next;
    uint64_t skipped = waiting > EVENTS_CHUNK_LINES ? waiting - EVENTS_CHUNK_LINES : 0;
    if (skipped > 0) {
        (void)!buffer_format(out, "event: skipped\ndata: {\"type\":\"skipped\",\"lines\":%llu}\n\n",
                             (unsigned long long)skipped);
    }
    for (reader->next += skipped; reader->next < events->count; reader->next++) {
        append_event(&events->lines[reader->next % EVENTS_RING], out);
    }
    if (waiting == 0) {
        (void)!buffer_format(out, ": still here\n\n");
    }
    reader->given_us = clock_mono_us();
}

bool events_read(struct events_reader *reader, struct buffer *out)
{
    struct events *events = reader->events;
    pthread_mutex_lock(&events->lock);
    if (reader->given_us > 0) {
        wait_for_news(reader);
    }
    bool open = !events->closed;
    if (open) {
        give(reader, out);
    }
    pthread_mutex_unlock(&events->lock);
    return open;
}
