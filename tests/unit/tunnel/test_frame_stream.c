#include "tunnel/frame_stream.h"

#include "support/sample.h"
#include "support/suite.h"

#include <string.h>

enum { LARGE = 10000 };

static struct frame_stream stream;
static struct buffer sent;
static unsigned asked;
static uint32_t allowed;

static enum err payload_max(const void *owner, enum frame_type type, uint32_t *max, struct err_text *why)
{
    (void)owner;
    asked++;
    *max = allowed;
    return type == FRAME_CATALOG ? err_set(why, ERR_MALFORMED, "no catalogs") : ERR_OK;
}

static const struct frame_gate gate = {.payload_max = payload_max};

static void setup(void)
{
    frame_stream_init(&stream);
    buffer_init(&sent, 1 << 20);
    allowed = LARGE + FRAME_BATCH_HEAD_SIZE;
}

static void teardown(void)
{
    frame_stream_fini(&stream);
    buffer_fini(&sent);
}

static void send_batch(uint64_t sequence, size_t size)
{
    static uint8_t bytes[LARGE + 1];
    memset(bytes, (int)sequence, sizeof bytes);
    const struct frame_batch batch = {.sequence = sequence, .encoded = {bytes, size}};
    ck_assert_int_eq(frame_write_batch(&sent, &batch), ERR_OK);
}

static void expect_batch(const struct frame *frame, uint64_t sequence)
{
    struct frame_batch batch;
    ck_assert_int_eq(frame->type, FRAME_BATCH);
    ck_assert_int_eq(frame_read_batch(frame->payload, &batch, NULL), ERR_OK);
    ck_assert_uint_eq(batch.sequence, sequence);
    for (size_t i = 0; i < batch.encoded.size; i++) {
        ck_assert_uint_eq(batch.encoded.data[i], (uint8_t)sequence);
    }
}

/* Gives the stream in pieces of up to `most` bytes and expects batches from `first` on; says how many came.
 */
static uint64_t receive(struct sample *sample, size_t most, uint64_t first)
{
    uint64_t count = 0;
    while (sent.size > 0) {
        size_t size = 1 + sample_below(sample, most < sent.size ? most : sent.size);
        struct bytes piece = {.data = buffer_bytes(&sent).data, .size = size};
        bool whole = true;
        while (whole) {
            struct frame frame;
            ck_assert_int_eq(frame_stream_next(&stream, &piece, &gate, &frame, &whole, NULL), ERR_OK);
            if (whole) {
                expect_batch(&frame, first + count++);
            }
        }
        ck_assert_uint_eq(piece.size, 0);
        buffer_consume(&sent, size);
    }
    return count;
}

START_TEST(finds_the_frames_however_the_stream_is_cut)
{
    struct sample sample = sample_seed(1);
    const size_t most[] = {1, 3, 5, 6, 100, 5000, 100000};
    for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        for (uint64_t sequence = 1; sequence <= 20; sequence++) {
            send_batch(sequence, sequence % 5 ? sample_below(&sample, 40) : LARGE);
        }
        ck_assert_uint_eq(receive(&sample, most[i], 1), 20);
        ck_assert(!frame_stream_is_waiting(&stream));
    }
}
END_TEST

START_TEST(a_whole_frame_is_not_copied)
{
    send_batch(1, 50);
    struct bytes piece = buffer_bytes(&sent);
    const uint8_t *start = piece.data;
    struct frame frame;
    bool whole;
    ck_assert_int_eq(frame_stream_next(&stream, &piece, &gate, &frame, &whole, NULL), ERR_OK);
    ck_assert(whole);
    ck_assert_ptr_eq(frame.payload.data, start + FRAME_HEAD_SIZE);
    ck_assert_ptr_null(stream.part.data);
}
END_TEST

START_TEST(a_frame_too_large_is_refused_at_its_head)
{
    allowed = LARGE;
    send_batch(1, LARGE);
    struct bytes head = {.data = buffer_bytes(&sent).data, .size = FRAME_HEAD_SIZE};
    struct frame frame;
    bool whole;
    struct err_text why = {""};
    ck_assert_int_eq(frame_stream_next(&stream, &head, &gate, &frame, &whole, &why), ERR_LIMIT);
    ck_assert_uint_gt(strlen(why.text), 0);
    ck_assert_ptr_null(stream.part.data);
}
END_TEST

START_TEST(a_frame_not_wanted_is_refused_at_its_head)
{
    const uint8_t bytes[] = {0, 0, 1, 0, FRAME_CATALOG};
    struct frame frame;
    bool whole;
    for (size_t i = 0; i < sizeof bytes; i++) {
        struct bytes piece = {.data = bytes + i, .size = 1};
        enum err err = frame_stream_next(&stream, &piece, &gate, &frame, &whole, NULL);
        ck_assert_int_eq(err, i + 1 < sizeof bytes ? ERR_OK : ERR_MALFORMED);
        ck_assert(!whole);
    }
    ck_assert_uint_eq(asked, 1);
}
END_TEST

START_TEST(memory_of_a_large_frame_is_given_back)
{
    struct sample sample = sample_seed(2);
    send_batch(1, LARGE);
    ck_assert_uint_eq(receive(&sample, 100, 1), 1);
    ck_assert_ptr_null(stream.part.data);
}
END_TEST

START_TEST(a_part_is_waited_for)
{
    send_batch(1, 10);
    struct bytes piece = {.data = buffer_bytes(&sent).data, .size = 3};
    struct frame frame;
    bool whole;
    ck_assert(!frame_stream_is_waiting(&stream));
    ck_assert_int_eq(frame_stream_next(&stream, &piece, &gate, &frame, &whole, NULL), ERR_OK);
    ck_assert(!whole);
    ck_assert(frame_stream_is_waiting(&stream));
}
END_TEST

int main(void)
{
    return suite_run_with("frame_stream", setup, teardown,
                          (const TTest *[]){
                              finds_the_frames_however_the_stream_is_cut,
                              a_whole_frame_is_not_copied,
                              a_frame_too_large_is_refused_at_its_head,
                              a_frame_not_wanted_is_refused_at_its_head,
                              memory_of_a_large_frame_is_given_back,
                              a_part_is_waited_for,
                              NULL,
                          });
}
