/*
 * alarm_queue: batches on their way from the listeners to the alarms' thread, copied, with their catalog
 * where that may not be known there yet. Bounded; nobody who puts waits.
 */
#ifndef BOURDON_SERVER_ALARM_ALARM_QUEUE_H
#define BOURDON_SERVER_ALARM_ALARM_QUEUE_H

#include "front/observer.h"
#include "net/tls.h"

enum {
    ALARM_QUEUE_BYTES = 32 * 1024 * 1024,
    ALARM_QUEUE_CATALOGS = 4096, /* remembered as put; then all are put once more */
};

struct alarm_item {
    struct alarm_item *next;
    char bridge[TLS_NAME_MAX];
    bool historical;
    struct bytes batch, catalog; /* the second is empty if it was put before; both lie behind this */
};

struct alarm_queue;

MUST_USE struct alarm_queue *alarm_queue_new(void); /* NULL: out of memory */
void alarm_queue_free(struct alarm_queue *queue);   /* NULL is fine */

/* Any thread. False: full, or out of memory. */
bool alarm_queue_put(struct alarm_queue *queue, const struct observed_batch *batch);
/* The taker's thread: waits up to `patience_ms`; `*item` (to be freed) is NULL when that is over. False:
 * stopped, and empty. */
bool alarm_queue_take(struct alarm_queue *queue, int64_t patience_ms, struct alarm_item **item);
/* Any thread: the taker no longer knows its catalogs, they are to be put again. */
void alarm_queue_forget(struct alarm_queue *queue);
void alarm_queue_stop(struct alarm_queue *queue);

#endif
