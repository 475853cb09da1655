#include "store/store_request.h"

#include <stdlib.h>
#include <string.h>

static struct store_request *request_new(enum store_request_kind kind, struct bytes copied)
{
    struct store_request *request = malloc(sizeof *request + copied.size);
    if (!request) {
        return NULL;
    }
    *request = (struct store_request){.kind = kind, .size = sizeof *request + copied.size};
    if (copied.size > 0) {
        memcpy(request->bytes, copied.data, copied.size);
    }
    return request;
}

struct store_request *store_request_batch(const struct batch_view *view, bool historical, int64_t received_us)
{
    struct store_request *request = request_new(STORE_REQUEST_BATCH, view->encoded);
    if (!request) {
        return NULL;
    }
    request->view = *view;
    request->view.encoded.data = request->bytes;
    request->view.body.data = request->bytes + (view->body.data - view->encoded.data);
    request->batch =
        (struct store_batch){.view = &request->view, .historical = historical, .received_us = received_us};
    return request;
}

struct store_request *store_request_catalog(const uint8_t *hash, struct bytes encoded, int64_t received_us)
{
    struct store_request *request = request_new(STORE_REQUEST_CATALOG, encoded);
    if (!request) {
        return NULL;
    }
    memcpy(request->view.catalog_hash, hash, CATALOG_HASH_SIZE);
    request->catalog = (struct store_catalog){.hash = request->view.catalog_hash,
                                              .encoded = {request->bytes, encoded.size},
                                              .received_us = received_us};
    return request;
}

struct store_request *store_request_look_up(const uint8_t *epoch)
{
    static const struct store_watermarks nothing;
    const struct bytes space = {(const uint8_t *)&nothing, sizeof nothing};
    struct store_request *request = request_new(STORE_REQUEST_LOOK_UP, space);
    if (request) {
        request->watermarks = (void *)request->bytes;
        request->size =
            sizeof *request; // the room for an answer does not count: a look-up must find its place
        memcpy(request->view.identity.epoch, epoch, BATCH_EPOCH_SIZE);
    }
    return request;
}

void store_request_free(struct store_request *request)
{
    free(request);
}

void store_queue_append(struct store_queue *queue, struct store_request *request)
{
    request->next = NULL;
    if (queue->last) {
        queue->last->next = request;
    } else {
        queue->first = request;
    }
    queue->last = request;
}

void store_queue_splice(struct store_queue *queue, struct store_queue *from)
{
    if (!from->first) {
        return;
    }
    if (queue->last) {
        queue->last->next = from->first;
    } else {
        queue->first = from->first;
    }
    queue->last = from->last;
    *from = (struct store_queue){0};
}

struct store_request *store_queue_take(struct store_queue *queue)
{
    struct store_request *request = queue->first;
    if (!request) {
        return NULL;
    }
    queue->first = request->next;
    if (!queue->first) {
        queue->last = NULL;
    }
    request->next = NULL;
    return request;
}

void store_queue_free(struct store_queue *queue)
{
    struct store_request *request;
    while ((request = store_queue_take(queue))) {
        store_request_free(request);
    }
}
