#include "send/outbox.h"

#include "tunnel/digest.h"

#include <stdlib.h>
#include <string.h>

static enum err reserve(struct outbox *outbox)
{
    if (outbox->count < outbox->capacity) {
        return ERR_OK;
    }
    size_t capacity = outbox->capacity > 0 ? 2 * outbox->capacity : 16;
    struct outbox_batch *batches = realloc(outbox->batches, capacity * sizeof *batches);
    if (!batches) {
        return ERR_NO_MEMORY;
    }
    outbox->batches = batches;
    outbox->capacity = capacity;
    return ERR_OK;
}

enum err outbox_add(void *owner, const struct batch_view *view)
{
    struct outbox *outbox = owner;
    uint8_t *copy = malloc(view->encoded.size);
    if (!copy || reserve(outbox) != ERR_OK) {
        free(copy);
        return ERR_NO_MEMORY;
    }
    memcpy(copy, view->encoded.data, view->encoded.size);
    struct outbox_batch *batch = &outbox->batches[outbox->count++];
    *batch = (struct outbox_batch){
        .seq = view->identity.sequence, .readings = view->count, .encoded = copy, .size = view->encoded.size};
    memcpy(batch->digest, view->digest, sizeof batch->digest);
    return ERR_OK;
}

void outbox_fini(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->count; i++) {
        free(outbox->batches[i].encoded);
    }
    free(outbox->batches);
    *outbox = (struct outbox){0};
}

struct outbox_batch *outbox_next(struct outbox *outbox, int64_t now_us, int64_t *when_us)
{
    *when_us = INT64_MAX;
    while (outbox->next < outbox->count && outbox->batches[outbox->next].state != OUTBOX_WAITING) {
        outbox->next++;
    }
    for (size_t i = outbox->next; i < outbox->count; i++) {
        struct outbox_batch *batch = &outbox->batches[i];
        if (batch->state != OUTBOX_WAITING) {
            continue;
        }
        if (batch->not_before_us <= now_us) {
            return batch;
        }
        *when_us = batch->not_before_us < *when_us ? batch->not_before_us : *when_us;
    }
    return NULL;
}

struct outbox_batch *outbox_find(const struct outbox *outbox, uint64_t seq)
{
    if (outbox->count == 0 || seq < outbox->batches[0].seq || seq - outbox->batches[0].seq >= outbox->count) {
        return NULL;
    }
    struct outbox_batch *batch = &outbox->batches[seq - outbox->batches[0].seq];
    return batch->state == OUTBOX_SENT ? batch : NULL;
}

void outbox_answered(struct outbox *outbox, struct outbox_batch *batch)
{
    batch->state = OUTBOX_ANSWERED;
    outbox->answered++;
}

void outbox_retry(struct outbox *outbox, struct outbox_batch *batch, int64_t not_before_us)
{
    size_t index = (size_t)(batch - outbox->batches);
    batch->state = OUTBOX_WAITING;
    batch->not_before_us = not_before_us;
    outbox->next = index < outbox->next ? index : outbox->next;
}

enum err outbox_digest(const struct outbox *outbox, uint8_t *digest)
{
    uint8_t *digests = malloc(outbox->count * BATCH_DIGEST_SIZE + 1);
    if (!digests) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < outbox->count; i++) {
        memcpy(digests + i * BATCH_DIGEST_SIZE, outbox->batches[i].digest, BATCH_DIGEST_SIZE);
    }
    enum err result = digest_sha256((struct bytes){digests, outbox->count * BATCH_DIGEST_SIZE}, digest);
    free(digests);
    return result;
}
