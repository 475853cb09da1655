#include "field/live.h"

void live_list_init(struct live_list *list)
{
    *list = (struct live_list){.first = NULL};
    list->end = &list->first;
}

void live_list_append(struct live_list *list, struct live_request *request)
{
    request->next = NULL;
    *list->end = request;
    list->end = &request->next;
    list->count++;
}

void live_list_move(struct live_list *list, struct live_list *from)
{
    if (!from->first) {
        return;
    }
    *list->end = from->first;
    list->end = from->end;
    list->count += from->count;
    live_list_init(from);
}

struct live_request *live_list_take(struct live_list *list)
{
    struct live_request *first = list->first;
    if (first) {
        list->first = first->next;
        list->end = list->first ? list->end : &list->first;
        list->count--;
    }
    return first;
}

void live_queue_init(struct live_queue *queue, pthread_mutex_t *mutex, pthread_cond_t *woken)
{
    *queue = (struct live_queue){.mutex = mutex, .woken = woken};
    live_list_init(&queue->waiting);
}

void live_queue_serve(struct live_queue *queue, const struct live_events *events, void *owner)
{
    pthread_mutex_lock(queue->mutex);
    queue->events = events;
    queue->owner = owner;
    pthread_mutex_unlock(queue->mutex);
}

void live_queue_put(struct live_queue *queue, struct live_list *requests)
{
    pthread_mutex_lock(queue->mutex);
    if (!queue->closed && queue->waiting.count + requests->count <= LIVE_QUEUE_MAX) {
        live_list_move(&queue->waiting, requests);
    }
    while (!queue->closed && requests->first && queue->waiting.count < LIVE_QUEUE_MAX) {
        live_list_append(&queue->waiting, live_list_take(requests));
    }
    atomic_store(&queue->count, queue->waiting.count);
    bool wake = queue->sleeping;
    queue->sleeping = false;
    pthread_mutex_unlock(queue->mutex);
    if (wake) {
        pthread_cond_signal(queue->woken);
    }
}

void live_queue_take(struct live_queue *queue, struct live_list *list)
{
    pthread_mutex_lock(queue->mutex);
    if (list->count + queue->waiting.count <= LIVE_QUEUE_MAX) {
        live_list_move(list, &queue->waiting);
        atomic_store(&queue->count, 0);
    }
    pthread_mutex_unlock(queue->mutex);
}

bool live_queue_is_empty(const struct live_queue *queue)
{
    return atomic_load(&queue->count) == 0;
}

void live_queue_close(struct live_queue *queue)
{
    queue->closed = true;
}
