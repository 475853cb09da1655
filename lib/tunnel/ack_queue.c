#include "tunnel/ack_queue.h"

#include <stdlib.h>
#include <string.h>

void ack_queue_init(struct ack_queue *queue)
{
    *queue = (struct ack_queue){0};
}

void ack_queue_fini(struct ack_queue *queue)
{
    free(queue->ranges);
    ack_queue_init(queue);
}

static bool continues(const struct ack_range *range, const struct ack_range *next)
{
    return range->last == next->first - 1 && range->result == next->result &&
           range->committed_us == next->committed_us && range->delay_ms == next->delay_ms &&
           strcmp(range->text, next->text) == 0;
}

enum err ack_queue_add(struct ack_queue *queue, const struct ack_range *range)
{
    if (queue->count > 0 && continues(&queue->ranges[queue->count - 1], range)) {
        queue->ranges[queue->count - 1].last = range->last;
        return ERR_OK;
    }
    if (queue->count == ACK_QUEUE_MAX) {
        return ERR_LIMIT;
    }
    if (!queue->ranges) {
        queue->ranges = malloc(ACK_QUEUE_MAX * sizeof *queue->ranges);
    }
    if (!queue->ranges) {
        return ERR_NO_MEMORY;
    }
    queue->ranges[queue->count++] = *range;
    return ERR_OK;
}

enum err ack_queue_write(struct ack_queue *queue, struct buffer *out)
{
    enum err err = frame_write_ack(out, queue->ranges, queue->count);
    ack_queue_fini(queue);
    return err;
}
