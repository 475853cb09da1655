#include "outbox.h"

#include <stdlib.h>
#include <string.h>

/* A reply that waits for its time. */
struct outbox_reply {
    int64_t due_us;  /* of the next byte, when it drips */
    int64_t drip_us; /* between bytes; 0 = all at once */
    size_t sent;     /* bytes that have dripped */
    size_t copies;
    size_t size;
    uint8_t frame[MBAP_ADU_MAX];
};

void outbox_init(struct outbox *outbox)
{
    *outbox = (struct outbox){.pending_count = 0};
    buffer_init(&outbox->out, OUTBOX_MAX);
}

void outbox_fini(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->pending_count; i++) {
        free(outbox->pending[i]);
    }
    outbox->pending_count = 0;
    buffer_fini(&outbox->out);
}

bool outbox_is_full(const struct outbox *outbox)
{
    return outbox->pending_count == OUTBOX_PENDING_MAX;
}

bool outbox_is_empty(const struct outbox *outbox)
{
    return outbox->pending_count == 0 && outbox->out.size == 0;
}

static enum err append_copies(struct outbox *outbox, const uint8_t *frame, size_t size, size_t copies)
{
    enum err result = ERR_OK;
    for (size_t i = 0; i < copies && result == ERR_OK; i++) {
        result = buffer_append(&outbox->out, frame, size);
    }
    return result;
}

static enum err postpone(struct outbox *outbox, const struct service_reply *reply, int64_t now_us)
{
    struct outbox_reply *pending = malloc(sizeof *pending);
    if (!pending) {
        return ERR_NO_MEMORY;
    }
    int64_t due_us = now_us + reply->delay_us;
    if (!reply->late && due_us < outbox->busy_until_us) {
        due_us = outbox->busy_until_us;
    }
    *pending = (struct outbox_reply){
        .due_us = due_us,
        .drip_us = reply->drip_us,
        .copies = reply->copies,
        .size = reply->size,
    };
    memcpy(pending->frame, reply->frame, reply->size);
    if (!reply->late) {
        outbox->busy_until_us = due_us + reply->drip_us * (int64_t)reply->size;
    }
    outbox->pending[outbox->pending_count++] = pending;
    return ERR_OK;
}

enum err outbox_put(struct outbox *outbox, const struct service_reply *reply, int64_t now_us)
{
    bool at_once = reply->delay_us == 0 && reply->drip_us == 0 && outbox->busy_until_us <= now_us;
    return at_once ? append_copies(outbox, reply->frame, reply->size, reply->copies)
                   : postpone(outbox, reply, now_us);
}

static enum err drip(struct outbox *outbox, struct outbox_reply *reply, int64_t now_us)
{
    enum err result = ERR_OK;
    while (reply->sent < reply->size && reply->due_us <= now_us && result == ERR_OK) {
        result = buffer_append(&outbox->out, reply->frame + reply->sent++, 1);
        reply->due_us += reply->drip_us;
    }
    return result;
}

static enum err release(struct outbox *outbox, struct outbox_reply *reply, int64_t now_us)
{
    if (reply->drip_us > 0) {
        return drip(outbox, reply, now_us);
    }
    reply->sent = reply->size;
    return append_copies(outbox, reply->frame, reply->size, reply->copies);
}

enum err outbox_release(struct outbox *outbox, int64_t now_us)
{
    enum err result = ERR_OK;
    size_t kept = 0;
    for (size_t i = 0; i < outbox->pending_count; i++) {
        struct outbox_reply *reply = outbox->pending[i];
        if (reply->due_us <= now_us && result == ERR_OK) {
            result = release(outbox, reply, now_us);
        }
        if (reply->sent < reply->size) {
            outbox->pending[kept++] = reply;
        } else {
            free(reply);
        }
    }
    outbox->pending_count = kept;
    return result;
}

int64_t outbox_due_us(const struct outbox *outbox)
{
    int64_t due_us = INT64_MAX;
    for (size_t i = 0; i < outbox->pending_count; i++) {
        due_us = outbox->pending[i]->due_us < due_us ? outbox->pending[i]->due_us : due_us;
    }
    return due_us;
}
