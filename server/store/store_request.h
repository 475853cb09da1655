/*
 * store_request: one thing asked of the store, with a copy of its bytes, and later the answer. One piece of
 * memory each.
 */
#ifndef BOURDON_SERVER_STORE_STORE_REQUEST_H
#define BOURDON_SERVER_STORE_STORE_REQUEST_H

#include "store/store.h"

enum store_request_kind { STORE_REQUEST_LOOK_UP, STORE_REQUEST_CATALOG, STORE_REQUEST_BATCH };

struct store_inbox;

/* Belongs to the store thread from a successful submit until it is answered. */
struct store_request {
    enum store_request_kind kind;
    struct store_inbox *inbox; /* where the answer goes */
    void *owner;               /* for whoever reads the inbox */
    const char *bridge;        /* borrowed until the answer */
    struct batch_view view;    /* BATCH; LOOK_UP: identity.epoch; CATALOG: catalog_hash */
    struct store_batch batch;  /* BATCH: historical and received_us going in, the answer coming out */
    struct store_catalog catalog;
    int64_t submitted_us; /* monotonic; set by the submit */
    /* ERR_OK; ERR_DISK_FULL, ERR_BUSY, ERR_NO_MEMORY: not now; anything else: the store has failed */
    enum err outcome;
    struct store_watermarks *watermarks; /* LOOK_UP: the answer, in `bytes` */
    struct store_request *next;
    size_t size; /* of all this */
    uint8_t bytes[];
};

/* Each copies what it is given; NULL: out of memory. The caller sets inbox, owner and bridge. */
MUST_USE struct store_request *store_request_batch(const struct batch_view *view, bool historical,
                                                   int64_t received_us);
MUST_USE struct store_request *store_request_catalog(const uint8_t *hash, struct bytes encoded,
                                                     int64_t received_us);
MUST_USE struct store_request *store_request_look_up(const uint8_t *epoch);
void store_request_free(struct store_request *request); /* NULL is fine */

/* Requests in order. All zero is empty. */
struct store_queue {
    struct store_request *first, *last;
};
void store_queue_append(struct store_queue *queue, struct store_request *request);
/* Moves all of `from` behind `queue`. */
void store_queue_splice(struct store_queue *queue, struct store_queue *from);
struct store_request *store_queue_take(struct store_queue *queue); /* the first one, or NULL */
void store_queue_free(struct store_queue *queue);                  /* with what is in it */

#endif
