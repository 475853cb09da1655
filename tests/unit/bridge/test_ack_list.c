#include "spool/ack_list.h"
#include "support/suite.h"

#include <string.h>

static struct ack_list list;

static void teardown(void)
{
    ack_list_fini(&list);
}

static void add(uint64_t seq, int64_t now_us)
{
    const struct spool_ack ack = {.seq = seq};
    ck_assert_int_eq(ack_list_add(&list, &ack, strdup("why"), now_us), ERR_OK);
}

START_TEST(waits_from_the_first_answer_on)
{
    ck_assert_int_eq(ack_list_deadline_us(&list), INT64_MAX);
    add(1, 1000);
    add(2, 5000);
    ck_assert_int_eq(ack_list_deadline_us(&list), 1000 + ACK_LIST_DELAY_US);
    ack_list_clear(&list);
    ck_assert_int_eq(ack_list_deadline_us(&list), INT64_MAX);
    add(3, 9000);
    ck_assert_int_eq(ack_list_deadline_us(&list), 9000 + ACK_LIST_DELAY_US);
}
END_TEST

START_TEST(keeps_order_and_texts_however_many)
{
    enum { MANY = 1000 };
    for (uint64_t seq = 1; seq <= MANY; seq++) {
        add(seq, 0);
    }
    ck_assert_uint_eq(list.count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_uint_eq(list.items[i].seq, i + 1);
        ck_assert_str_eq(list.items[i].text, "why");
    }
}
END_TEST

int main(void)
{
    return suite_run_with("ack_list", NULL, teardown,
                          (const TTest *[]){
                              waits_from_the_first_answer_on,
                              keeps_order_and_texts_however_many,
                              NULL,
                          });
}
