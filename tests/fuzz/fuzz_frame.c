/* The first byte is the type of a frame, the rest its payload: what is read is written back byte for byte. */
#include "tunnel/frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ack_range ranges[FRAME_ACKS_MAX];
static size_t range_count;

static enum err keep_range(void *owner, const struct ack_range *range, struct err_text *why)
{
    (void)owner;
    (void)why;
    ranges[range_count++] = *range;
    return ERR_OK;
}

static enum err rewrite_hello(struct bytes payload, struct buffer *out)
{
    struct frame_hello hello;
    enum err err = frame_read_hello(payload, &hello, NULL);
    return err == ERR_OK ? frame_write_hello(out, &hello) : err;
}

static enum err rewrite_open(struct bytes payload, struct buffer *out)
{
    struct frame_open open;
    enum err err = frame_read_open(payload, &open, NULL);
    return err == ERR_OK ? frame_write_open(out, &open) : err;
}

static enum err rewrite_welcome(struct bytes payload, struct buffer *out)
{
    struct frame_welcome welcome;
    enum err err = ERR_MALFORMED;
    for (uint16_t version = TUNNEL_VERSION_MIN; err != ERR_OK && version <= TUNNEL_VERSION; version++) {
        err = frame_read_welcome(payload, version, &welcome, NULL);
        if (err == ERR_OK) {
            err = frame_write_welcome(out, version, &welcome);
        }
    }
    return err;
}

static enum err rewrite_catalog_ack(struct bytes payload, struct buffer *out)
{
    struct frame_catalog_ack ack;
    enum err err = frame_read_catalog_ack(payload, &ack, NULL);
    return err == ERR_OK ? frame_write_catalog_ack(out, &ack) : err;
}

static enum err rewrite_batch(struct bytes payload, struct buffer *out)
{
    struct frame_batch batch;
    enum err err = frame_read_batch(payload, &batch, NULL);
    return err == ERR_OK ? frame_write_batch(out, &batch) : err;
}

static enum err rewrite_ack(struct bytes payload, struct buffer *out)
{
    const struct ack_visitor visitor = {.range = keep_range};
    size_t count;
    range_count = 0;
    enum err err = frame_read_ack(payload, &visitor, &count, NULL);
    return err == ERR_OK ? frame_write_ack(out, ranges, count) : err;
}

static enum err rewrite_empty(struct bytes payload, struct buffer *out)
{
    enum err err = frame_read_empty(payload, NULL);
    return err == ERR_OK ? frame_write_empty(out, FRAME_TEST) : err;
}

static enum err rewrite_bye(struct bytes payload, struct buffer *out)
{
    struct frame_bye bye;
    enum err err = frame_read_bye(payload, &bye, NULL);
    return err == ERR_OK ? frame_write_bye(out, &bye) : err;
}

static enum err (*const rewriters[])(struct bytes payload, struct buffer *out) = {
    [FRAME_HELLO] = rewrite_hello,     [FRAME_OPEN] = rewrite_open,
    [FRAME_WELCOME] = rewrite_welcome, [FRAME_CATALOG_ACK] = rewrite_catalog_ack,
    [FRAME_BATCH] = rewrite_batch,     [FRAME_ACK] = rewrite_ack,
    [FRAME_TEST] = rewrite_empty,      [FRAME_BYE] = rewrite_bye,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || data[0] >= sizeof rewriters / sizeof rewriters[0] || !rewriters[data[0]]) {
        return 0;
    }
    struct buffer out;
    buffer_init(&out, SIZE_MAX);
    if (rewriters[data[0]]((struct bytes){.data = data + 1, .size = size - 1}, &out) == ERR_OK) {
        struct bytes form = buffer_bytes(&out);
        if (form.size != FRAME_HEAD_SIZE + size - 1 ||
            memcmp(form.data + FRAME_HEAD_SIZE, data + 1, size - 1) != 0) {
            abort();
        }
    }
    buffer_fini(&out);
    return 0;
}
