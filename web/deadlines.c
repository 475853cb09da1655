#include "deadlines.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct deadline {
    struct deadlines *all;
    struct deadline *previous, *next;
    int fd;
    int64_t until_us;
};

struct deadlines {
    pthread_mutex_t lock;
    struct deadline *first;
};

struct deadlines *deadlines_new(void)
{
    struct deadlines *deadlines = calloc(1, sizeof *deadlines);
    if (deadlines) {
        pthread_mutex_init(&deadlines->lock, NULL);
    }
    return deadlines;
}

void deadlines_free(struct deadlines *deadlines)
{
    if (deadlines) {
        pthread_mutex_destroy(&deadlines->lock);
        free(deadlines);
    }
}

struct deadline *deadlines_add(struct deadlines *deadlines, int fd, int64_t until_us)
{
    struct deadline *deadline = malloc(sizeof *deadline);
    if (!deadline) {
        return NULL;
    }
    *deadline = (struct deadline){.all = deadlines, .fd = fd, .until_us = until_us};
    pthread_mutex_lock(&deadlines->lock);
    deadline->next = deadlines->first;
    if (deadline->next) {
        deadline->next->previous = deadline;
    }
    deadlines->first = deadline;
    pthread_mutex_unlock(&deadlines->lock);
    return deadline;
}

void deadline_set(struct deadline *deadline, int64_t until_us)
{
    if (deadline) {
        pthread_mutex_lock(&deadline->all->lock);
        deadline->until_us = until_us;
        pthread_mutex_unlock(&deadline->all->lock);
    }
}

void deadline_remove(struct deadline *deadline)
{
    if (!deadline) {
        return;
    }
    struct deadlines *all = deadline->all;
    pthread_mutex_lock(&all->lock);
    if (deadline->previous) {
        deadline->previous->next = deadline->next;
    } else {
        all->first = deadline->next;
    }
    if (deadline->next) {
        deadline->next->previous = deadline->previous;
    }
    pthread_mutex_unlock(&all->lock);
    free(deadline);
}

void deadlines_enforce(struct deadlines *deadlines, int64_t now_us)
{
    pthread_mutex_lock(&deadlines->lock);
    for (struct deadline *deadline = deadlines->first; deadline; deadline = deadline->next) {
        if (deadline->until_us > 0 && now_us >= deadline->until_us) {
            (void)shutdown(deadline->fd, SHUT_RDWR); // its thread notices, and closes it
            deadline->until_us = 0;
        }
    }
    pthread_mutex_unlock(&deadlines->lock);
}
