#include "store/store_inbox.h"

#include <pthread.h>
#include <stdlib.h>

struct store_inbox {
    struct loop *loop;
    store_answered *answered;
    void *owner;
    /* the store thread's own */
    struct store_queue gathered;
    struct store_inbox *next_touched;
    pthread_mutex_t lock;
    struct store_queue arrived; /* under the lock */
    bool posted;                /* under the lock: the loop will look */
};

struct store_inbox *store_inbox_new(struct loop *loop, store_answered *answered, void *owner)
{
    struct store_inbox *inbox = malloc(sizeof *inbox);
    if (!inbox) {
        return NULL;
    }
    *inbox = (struct store_inbox){.loop = loop, .answered = answered, .owner = owner};
    pthread_mutex_init(&inbox->lock, NULL);
    return inbox;
}

void store_inbox_free(struct store_inbox *inbox)
{
    if (!inbox) {
        return;
    }
    store_queue_free(&inbox->gathered);
    store_queue_free(&inbox->arrived);
    pthread_mutex_destroy(&inbox->lock);
    free(inbox);
}

static void deliver(void *owner)
{
    struct store_inbox *inbox = owner;
    pthread_mutex_lock(&inbox->lock);
    struct store_queue arrived = inbox->arrived;
    inbox->arrived = (struct store_queue){0};
    inbox->posted = false;
    pthread_mutex_unlock(&inbox->lock);
    inbox->answered(inbox->owner, &arrived);
}

void store_inbox_deliver_rest(struct store_inbox *inbox)
{
    deliver(inbox);
}

void store_inbox_put(struct store_inbox **touched, struct store_request *request)
{
    struct store_inbox *inbox = request->inbox;
    if (!inbox->gathered.first) {
        inbox->next_touched = *touched;
        *touched = inbox;
    }
    store_queue_append(&inbox->gathered, request);
}

static void flush(struct store_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    store_queue_splice(&inbox->arrived, &inbox->gathered);
    bool post = !inbox->posted;
    inbox->posted = true;
    pthread_mutex_unlock(&inbox->lock);
    if (post && loop_post(inbox->loop, deliver, inbox) != ERR_OK) {
        // Out of memory: the answers stay here until the next group's flush tries again.
        pthread_mutex_lock(&inbox->lock);
        inbox->posted = false;
        pthread_mutex_unlock(&inbox->lock);
    }
}

void store_inbox_flush(struct store_inbox *touched)
{
    for (struct store_inbox *inbox = touched; inbox; inbox = inbox->next_touched) {
        flush(inbox);
    }
}
