/*
 * reading_collector: a sink that keeps every reading, for tests of the field side. Any thread.
 */
#ifndef BOURDON_TESTS_READING_COLLECTOR_H
#define BOURDON_TESTS_READING_COLLECTOR_H

#include "tunnel/reading.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct reading_collector {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct reading *readings; /* in the order of their coming */
    size_t count, capacity;
    bool full;       /* takes nothing while set */
    size_t refusals; /* calls of put() that it did not take */
};

void reading_collector_init(struct reading_collector *collector);
void reading_collector_fini(struct reading_collector *collector);

/* The put() of a reading_sink whose owner is the collector. */
bool reading_collector_put(void *owner, const struct reading *readings, size_t count);
void reading_collector_set_full(struct reading_collector *collector, bool full);
size_t reading_collector_count(struct reading_collector *collector);

/*
 * Waits up to 10 s for a reading of the tag with the quality that came at position `from` or later; copies it
 * and gives the position behind it. Aborts the test if none comes.
 */
size_t reading_collector_await(struct reading_collector *collector, size_t from, uint32_t tag,
                               enum quality quality, struct reading *reading);
/* Waits up to 10 s for that many calls that were refused. */
void reading_collector_await_refusals(struct reading_collector *collector, size_t refusals);

#endif
