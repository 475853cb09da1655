#include "outbox.h"
#include "support/suite.h"

#include <string.h>

static struct outbox outbox;

static void setup(void)
{
    outbox_init(&outbox);
}

static void teardown(void)
{
    outbox_fini(&outbox);
}

static struct service_reply reply(const char *text)
{
    struct service_reply made = {.size = strlen(text), .copies = 1};
    memcpy(made.frame, text, made.size);
    return made;
}

static void put(struct service_reply made, int64_t now_us)
{
    ck_assert_int_eq(outbox_put(&outbox, &made, now_us), ERR_OK);
}

static void put_later(const char *text, int64_t delay_us, bool late)
{
    struct service_reply made = reply(text);
    made.delay_us = delay_us;
    made.late = late;
    put(made, 0);
}

/* Takes what may be written at that time. */
static void assert_out(int64_t now_us, const char *expected)
{
    ck_assert_int_eq(outbox_release(&outbox, now_us), ERR_OK);
    ck_assert_int_eq(buffer_append(&outbox.out, "", 1), ERR_OK);
    ck_assert_str_eq((const char *)buffer_bytes(&outbox.out).data, expected);
    buffer_clear(&outbox.out);
}

START_TEST(a_reply_without_delay_leaves_at_once)
{
    put(reply("a"), 0);
    put(reply("b"), 0);
    ck_assert_uint_eq(outbox.pending_count, 0);
    assert_out(0, "ab");
    ck_assert(outbox_is_empty(&outbox));
}
END_TEST

START_TEST(a_delayed_reply_leaves_when_it_is_due)
{
    put_later("a", 500, false);
    ck_assert_int_eq(outbox_due_us(&outbox), 500);
    assert_out(499, "");
    ck_assert(!outbox_is_empty(&outbox));
    assert_out(500, "a");
    ck_assert_int_eq(outbox_due_us(&outbox), INT64_MAX);
    ck_assert(outbox_is_empty(&outbox));
}
END_TEST

START_TEST(replies_do_not_overtake_a_delayed_one)
{
    put_later("a", 500, false);
    put_later("b", 100, false);
    put(reply("c"), 10);
    assert_out(499, "");
    assert_out(500, "abc");
}
END_TEST

START_TEST(replies_overtake_a_late_one)
{
    put_later("a", 500, true);
    put(reply("b"), 10);
    assert_out(10, "b");
    put_later("c", 100, false);
    assert_out(100, "c");
    assert_out(500, "a");
}
END_TEST

START_TEST(a_dripping_reply_keeps_others_waiting)
{
    struct service_reply dripping = reply("abc");
    dripping.drip_us = 100;
    put(dripping, 0);
    put(reply("d"), 10);
    assert_out(0, "a");
    ck_assert_int_eq(outbox_due_us(&outbox), 100);
    assert_out(99, "");
    assert_out(100, "b");
    assert_out(250, "c");
    assert_out(299, "");
    assert_out(300, "d");
}
END_TEST

START_TEST(a_round_that_comes_late_drips_what_it_missed)
{
    struct service_reply dripping = reply("abcdef");
    dripping.drip_us = 100;
    put(dripping, 0);
    assert_out(350, "abcd");
    assert_out(10000, "ef");
}
END_TEST

START_TEST(copies_leave_together)
{
    struct service_reply twice = reply("ab");
    twice.copies = 2;
    put(twice, 0);
    twice.delay_us = 5;
    put(twice, 0);
    assert_out(5, "abababab");
}
END_TEST

START_TEST(only_so_many_wait)
{
    for (int i = 0; i < OUTBOX_PENDING_MAX; i++) {
        ck_assert(!outbox_is_full(&outbox));
        put_later("x", 100, false);
    }
    ck_assert(outbox_is_full(&outbox));
    assert_out(100, "xxxxxxxxxxxxxxxx");
    ck_assert(!outbox_is_full(&outbox));
}
END_TEST

START_TEST(only_so_many_bytes_are_kept_for_a_client_that_does_not_read)
{
    struct service_reply flood = reply("0123456789abcdef");
    flood.copies = OUTBOX_MAX / flood.size;
    put(flood, 0);
    struct service_reply more = reply("x");
    ck_assert_int_eq(outbox_put(&outbox, &more, 0), ERR_LIMIT);
    more.delay_us = 1;
    put(more, 0);
    ck_assert_int_eq(outbox_release(&outbox, 1), ERR_LIMIT);
}
END_TEST

int main(void)
{
    return suite_run_with("outbox", setup, teardown,
                          (const TTest *[]){
                              a_reply_without_delay_leaves_at_once,
                              a_delayed_reply_leaves_when_it_is_due,
                              replies_do_not_overtake_a_delayed_one,
                              replies_overtake_a_late_one,
                              a_dripping_reply_keeps_others_waiting,
                              a_round_that_comes_late_drips_what_it_missed,
                              copies_leave_together,
                              only_so_many_wait,
                              only_so_many_bytes_are_kept_for_a_client_that_does_not_read,
                              NULL,
                          });
}
