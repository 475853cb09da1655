#include "send/outbox.h"

#include "support/suite.h"

#include <string.h>

static struct outbox outbox;

static void setup(void)
{
    outbox = (struct outbox){0};
    for (uint64_t seq = 10; seq < 15; seq++) {
        uint8_t bytes[4] = {(uint8_t)seq};
        struct batch_view view = {
            .identity.sequence = seq, .count = 3, .encoded = {bytes, sizeof bytes}, .digest = {(uint8_t)seq}};
        ck_assert_int_eq(outbox_add(&outbox, &view), ERR_OK);
    }
}

static void teardown(void)
{
    outbox_fini(&outbox);
}

/* The next batch's sequence at a time, 0 if there is none; it counts as sent. */
static uint64_t send_next(int64_t now_us, int64_t *when_us)
{
    struct outbox_batch *batch = outbox_next(&outbox, now_us, when_us);
    if (!batch) {
        return 0;
    }
    batch->state = OUTBOX_SENT;
    return batch->seq;
}

START_TEST(gives_batches_in_order_and_then_none)
{
    int64_t when_us;
    for (uint64_t seq = 10; seq < 15; seq++) {
        ck_assert_uint_eq(send_next(0, &when_us), seq);
    }
    ck_assert_uint_eq(send_next(0, &when_us), 0);
    ck_assert_int_eq(when_us, INT64_MAX);
}
END_TEST

START_TEST(a_batch_that_must_wait_lets_others_pass)
{
    int64_t when_us;
    ck_assert_uint_eq(send_next(0, &when_us), 10);
    ck_assert_uint_eq(send_next(0, &when_us), 11);
    outbox_retry(&outbox, outbox_find(&outbox, 10), 100);
    ck_assert_uint_eq(send_next(50, &when_us), 12);
    ck_assert_uint_eq(send_next(50, &when_us), 13);
    ck_assert_uint_eq(send_next(50, &when_us), 14);
    ck_assert_uint_eq(send_next(50, &when_us), 0);
    ck_assert_int_eq(when_us, 100);
    ck_assert_uint_eq(send_next(100, &when_us), 10);
}
END_TEST

START_TEST(finds_only_what_is_on_its_way)
{
    int64_t when_us;
    ck_assert_ptr_null(outbox_find(&outbox, 10));
    ck_assert_uint_eq(send_next(0, &when_us), 10);
    struct outbox_batch *batch = outbox_find(&outbox, 10);
    ck_assert_ptr_nonnull(batch);
    outbox_answered(&outbox, batch);
    ck_assert_uint_eq(outbox.answered, 1);
    ck_assert_ptr_null(outbox_find(&outbox, 10));
    ck_assert_ptr_null(outbox_find(&outbox, 9));
    ck_assert_ptr_null(outbox_find(&outbox, 15));
    ck_assert_ptr_null(outbox_find(&outbox, UINT64_MAX));
}
END_TEST

START_TEST(the_digest_tells_batches_apart)
{
    uint8_t first[32];
    uint8_t second[32];
    ck_assert_int_eq(outbox_digest(&outbox, first), ERR_OK);
    ck_assert_int_eq(outbox_digest(&outbox, second), ERR_OK);
    ck_assert_mem_eq(first, second, sizeof first);
    outbox.batches[3].digest[5] ^= 1;
    ck_assert_int_eq(outbox_digest(&outbox, second), ERR_OK);
    ck_assert_mem_ne(first, second, sizeof first);
}
END_TEST

int main(void)
{
    return suite_run_with("outbox", setup, teardown,
                          (const TTest *[]){
                              gives_batches_in_order_and_then_none,
                              a_batch_that_must_wait_lets_others_pass,
                              finds_only_what_is_on_its_way,
                              the_digest_tells_batches_apart,
                              NULL,
                          });
}
