#include "tunnel/ack_queue.h"

#include "base/array.h"
#include "support/suite.h"

#include <string.h>

static struct ack_queue queue;
static struct buffer out;

static void setup(void)
{
    ack_queue_init(&queue);
    buffer_init(&out, 1 << 16);
}

static void teardown(void)
{
    ack_queue_fini(&queue);
    buffer_fini(&out);
}

static struct ack_range one(uint64_t sequence)
{
    return (struct ack_range){.first = sequence, .last = sequence, .committed_us = 7};
}

static void add(struct ack_range range)
{
    ck_assert_int_eq(ack_queue_add(&queue, &range), ERR_OK);
}

START_TEST(sequences_in_a_row_become_one_range)
{
    add(one(5));
    add(one(6));
    add(one(7));
    ck_assert_uint_eq(queue.count, 1);
    ck_assert_uint_eq(queue.ranges[0].first, 5);
    ck_assert_uint_eq(queue.ranges[0].last, 7);
}
END_TEST

START_TEST(what_says_something_else_stays_apart)
{
    struct ack_range rows[] = {one(11), one(11), one(11), one(11), one(12), one(10), one(9)};
    rows[0].result = ACK_DUPLICATE;
    rows[1].committed_us = 8;
    rows[2].delay_ms = 1;
    memcpy(rows[3].text, "why", 4);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        teardown();
        setup();
        add(one(10));
        add(rows[i]);
        ck_assert_msg(queue.count == 2, "row %zu", i);
    }
}
END_TEST

START_TEST(holds_so_many_ranges_and_not_one_more)
{
    for (uint64_t i = 0; i < ACK_QUEUE_MAX; i++) {
        add(one(100 - 2 * i));
    }
    const struct ack_range more = one(1);
    ck_assert_int_eq(ack_queue_add(&queue, &more), ERR_LIMIT);
    const struct ack_range joins = one(100 - 2 * (ACK_QUEUE_MAX - 1) + 1);
    ck_assert_int_eq(ack_queue_add(&queue, &joins), ERR_OK);
}
END_TEST

START_TEST(is_empty_and_without_memory_once_written)
{
    size_t count;
    add(one(1));
    add(one(3));
    ck_assert_int_eq(ack_queue_write(&queue, &out), ERR_OK);
    ck_assert_uint_eq(queue.count, 0);
    ck_assert_ptr_null(queue.ranges);
    struct bytes frame = buffer_bytes(&out);
    struct bytes payload = {.data = frame.data + FRAME_HEAD_SIZE, .size = frame.size - FRAME_HEAD_SIZE};
    ck_assert_int_eq(frame_read_ack(payload, NULL, &count, NULL), ERR_OK);
    ck_assert_uint_eq(count, 2);
}
END_TEST

int main(void)
{
    return suite_run_with("ack_queue", setup, teardown,
                          (const TTest *[]){
                              sequences_in_a_row_become_one_range,
                              what_says_something_else_stays_apart,
                              holds_so_many_ranges_and_not_one_more,
                              is_empty_and_without_memory_once_written,
                              NULL,
                          });
}
