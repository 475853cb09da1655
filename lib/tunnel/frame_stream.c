#include "tunnel/frame_stream.h"

/* More than this is given back after use: a session that idles is to be small. */
enum { KEPT_CAPACITY = 4096 };

void frame_stream_init(struct frame_stream *stream)
{
    *stream = (struct frame_stream){0};
    buffer_init(&stream->part, SIZE_MAX); /* the gate bounds it */
}

void frame_stream_fini(struct frame_stream *stream)
{
    buffer_fini(&stream->part);
}

bool frame_stream_is_waiting(const struct frame_stream *stream)
{
    return stream->part.size > 0 && !stream->delivered;
}

static void forget_delivered(struct frame_stream *stream)
{
    if (!stream->delivered) {
        return;
    }
    stream->delivered = false;
    if (stream->part.capacity > KEPT_CAPACITY) {
        buffer_fini(&stream->part);
    } else {
        buffer_clear(&stream->part);
    }
}

static enum err read_head(const uint8_t *bytes, const struct frame_gate *gate, struct frame_head *head,
                          struct err_text *why)
{
    enum err err = frame_read_head(bytes, head, why);
    if (err != ERR_OK) {
        return err;
    }
    uint32_t max = 0;
    err = gate->payload_max(gate->owner, head->type, &max, why);
    if (err == ERR_OK && head->size > max) {
        err = err_set(why, ERR_LIMIT, "%s of %u bytes: more than %u", frame_type_name(head->type), head->size,
                      max);
    }
    return err;
}

static enum err keep(struct frame_stream *stream, struct bytes *input, size_t up_to, struct err_text *why)
{
    size_t wanted = up_to - stream->part.size;
    size_t size = wanted < input->size ? wanted : input->size;
    if (buffer_append(&stream->part, input->data, size) != ERR_OK) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    input->data = size > 0 ? input->data + size : input->data;
    input->size -= size;
    return ERR_OK;
}

/* A frame that begins and ends in the input is given out from there. */
static void from_input(struct bytes *input, const struct frame_head *head, struct frame *frame)
{
    frame->type = head->type;
    frame->payload = (struct bytes){.data = input->data + FRAME_HEAD_SIZE, .size = head->size};
    input->data += FRAME_HEAD_SIZE + head->size;
    input->size -= FRAME_HEAD_SIZE + head->size;
}

static enum err next_in_input(struct frame_stream *stream, struct bytes *input, const struct frame_gate *gate,
                              struct frame *frame, bool *whole, struct err_text *why)
{
    struct frame_head head;
    enum err err = read_head(input->data, gate, &head, why);
    if (err != ERR_OK) {
        return err;
    }
    *whole = input->size - FRAME_HEAD_SIZE >= head.size;
    if (*whole) {
        from_input(input, &head, frame);
        return ERR_OK;
    }
    return keep(stream, input, input->size, why);
}

static enum err next_in_part(struct frame_stream *stream, struct bytes *input, const struct frame_gate *gate,
                             struct frame *frame, bool *whole, struct err_text *why)
{
    bool had_head = stream->part.size >= FRAME_HEAD_SIZE;
    enum err err = had_head ? ERR_OK : keep(stream, input, FRAME_HEAD_SIZE, why);
    if (err != ERR_OK || stream->part.size < FRAME_HEAD_SIZE) {
        return err;
    }
    struct frame_head head;
    err = read_head(buffer_bytes(&stream->part).data, gate, &head, why);
    if (err == ERR_OK) {
        err = keep(stream, input, FRAME_HEAD_SIZE + (size_t)head.size, why);
    }
    if (err != ERR_OK) {
        return err;
    }
    *whole = stream->part.size == FRAME_HEAD_SIZE + (size_t)head.size;
    if (*whole) {
        struct bytes part = buffer_bytes(&stream->part);
        from_input(&part, &head, frame);
        stream->delivered = true;
    }
    return ERR_OK;
}

enum err frame_stream_next(struct frame_stream *stream, struct bytes *input, const struct frame_gate *gate,
                           struct frame *frame, bool *whole, struct err_text *why)
{
    *whole = false;
    forget_delivered(stream);
    if (input->size == 0) {
        return ERR_OK;
    }
    if (stream->part.size == 0 && input->size >= FRAME_HEAD_SIZE) {
        return next_in_input(stream, input, gate, frame, whole, why);
    }
    return next_in_part(stream, input, gate, frame, whole, why);
}
