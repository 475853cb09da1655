#include "field/reading_space.h"

#include "field/emitter.h"

#include <stddef.h>
#include <stdlib.h>

struct reading_space_item {
    struct reading_space_item *next;
    struct reading readings[EMITTER_READINGS];
};

void reading_space_init(struct reading_space *space)
{
    pthread_mutex_init(&space->mutex, NULL);
    space->free = NULL;
}

void reading_space_fini(struct reading_space *space)
{
    while (space->free) {
        struct reading_space_item *next = space->free->next;
        free(space->free);
        space->free = next;
    }
    pthread_mutex_destroy(&space->mutex);
}

struct reading *reading_space_take(struct reading_space *space)
{
    pthread_mutex_lock(&space->mutex);
    struct reading_space_item *item = space->free;
    if (item) {
        space->free = item->next;
    }
    pthread_mutex_unlock(&space->mutex);
    if (!item) {
        item = malloc(sizeof *item);
    }
    return item ? item->readings : NULL;
}

void reading_space_give_back(struct reading_space *space, struct reading *readings)
{
    char *start = (char *)readings - offsetof(struct reading_space_item, readings);
    struct reading_space_item *item = (struct reading_space_item *)(void *)start;
    pthread_mutex_lock(&space->mutex);
    item->next = space->free;
    space->free = item;
    pthread_mutex_unlock(&space->mutex);
}
