/*
 * reading_space: arrays of EMITTER_READINGS readings, lent to link threads while they take an answer apart.
 * As many exist as were ever in use at once: a few for hundreds of links. Any thread.
 */
#ifndef BOURDON_FIELD_READING_SPACE_H
#define BOURDON_FIELD_READING_SPACE_H

#include "tunnel/reading.h"

#include <pthread.h>

struct reading_space {
    pthread_mutex_t mutex;
    struct reading_space_item *free;
};

void reading_space_init(struct reading_space *space);
void reading_space_fini(struct reading_space *space);            /* everything has been given back */
struct reading *reading_space_take(struct reading_space *space); /* NULL: out of memory */
void reading_space_give_back(struct reading_space *space, struct reading *readings);

#endif
