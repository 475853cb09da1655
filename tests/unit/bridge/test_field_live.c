#include "base/clock.h"
#include "field_rig.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_US (20 * CLOCK_US_PER_S)
#define FAST        "rate: 20ms"
#define ONE_TAG     "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, " FAST "}]}]"

/* Who asks, and keeps what comes back. */
struct asker {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct live_list answered;
    struct live_queue *again; /* what comes back is put there once more: a flood */
    size_t total;
};

static void answered(void *owner, struct live_list *list)
{
    struct asker *asker = owner;
    pthread_mutex_lock(&asker->mutex);
    asker->total += list->count;
    struct live_queue *again = asker->again;
    if (!again) {
        live_list_move(&asker->answered, list);
    }
    pthread_cond_signal(&asker->changed);
    pthread_mutex_unlock(&asker->mutex);
    if (again) {
        live_queue_put(again, list);
        pthread_mutex_lock(&asker->mutex);
        live_list_move(&asker->answered, list); /* what it did not take: it is closed */
        pthread_mutex_unlock(&asker->mutex);
    }
}

static const struct live_events events = {.answered = answered};

static void asker_init(struct asker *asker, struct live_queue *queue)
{
    memset(asker, 0, sizeof *asker);
    pthread_mutex_init(&asker->mutex, NULL);
    pthread_cond_init(&asker->changed, NULL);
    live_list_init(&asker->answered);
    live_queue_serve(queue, &events, asker);
}

static void await_total(struct asker *asker, size_t total)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_US / CLOCK_US_PER_S;
    pthread_mutex_lock(&asker->mutex);
    int waited = 0;
    while (asker->total < total && waited == 0) {
        waited = pthread_cond_timedwait(&asker->changed, &asker->mutex, &until);
    }
    ck_assert_uint_ge(asker->total, total);
    pthread_mutex_unlock(&asker->mutex);
}

static struct live_request *make_reads(size_t count, uint8_t unit, struct live_list *list)
{
    struct live_request *requests = calloc(count, sizeof *requests);
    live_list_init(list);
    for (size_t i = 0; i < count; i++) {
        requests[i].unit = unit;
        requests[i].request = (struct pdu_request){.function = 3, .read = {7, 1}};
        requests[i].deadline_us = clock_mono_us() + PATIENCE_US;
        live_list_append(list, &requests[i]);
    }
    return requests;
}

START_TEST(live_requests_are_answered_between_polls)
{
    struct rig rig;
    struct asker asker;
    struct live_list list;
    rig_set_up(&rig);
    plc_server_set(rig.plc, TABLE_HOLDING, 7, 0x1234);
    rig_start(&rig, "", ONE_TAG);
    struct live_queue *queue = field_live(rig.field, 0);
    ck_assert_ptr_null(field_live(rig.field, 1));
    asker_init(&asker, queue);
    struct live_request *requests = make_reads(100, 1, &list);
    live_queue_put(queue, &list);
    ck_assert_uint_eq(list.count, 0);
    await_total(&asker, 100);
    for (size_t i = 0; i < 100; i++) {
        ck_assert_int_eq(requests[i].result, LIVE_ANSWERED);
        ck_assert_mem_eq(requests[i].answer, "\3\2\x12\x34", 4);
    }
    rig_tear_down(&rig);
    free(requests);
}
END_TEST

START_TEST(a_flood_of_live_requests_does_not_stop_the_polls)
{
    struct rig rig;
    struct asker asker;
    struct live_list list;
    struct reading reading;
    rig_set_up(&rig);
    rig_start(&rig, "",
              "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, max_age: 10ms, " FAST
              "}]}]");
    struct live_queue *queue = field_live(rig.field, 0);
    asker_init(&asker, queue);
    asker.again = queue;
    struct live_request *requests = make_reads(64, 1, &list);
    live_queue_put(queue, &list);
    enum quality good = clock_is_synchronised() ? QUALITY_GOOD : QUALITY_UNCERTAIN_CLOCK;
    size_t behind = 0;
    for (int i = 0; i < 20; i++) {
        behind = reading_collector_await(&rig.collector, behind, 0, good, &reading);
    }
    await_total(&asker, 100);
    rig_tear_down(&rig); /* gives all of them back */
    ck_assert_uint_eq(asker.answered.count, 64);
    free(requests);
}
END_TEST

/* What the same memory was used for before must not show: the record would tell an old value, and of a write
 * that it was sent. */
START_TEST(a_request_that_waited_too_long_comes_back_as_one_never_sent)
{
    struct rig rig;
    struct asker asker;
    struct live_list list;
    rig_set_up(&rig);
    rig_start(&rig, "", ONE_TAG);
    struct live_queue *queue = field_live(rig.field, 0);
    asker_init(&asker, queue);
    struct live_request *requests = make_reads(1, 1, &list);
    requests->deadline_us = 0;
    requests->result = LIVE_ANSWERED;
    requests->cached = requests->sent = true;
    requests->old_size = requests->answer_size = 2;
    live_queue_put(queue, &list);
    await_total(&asker, 1);
    ck_assert_int_eq(requests->result, LIVE_NO_ANSWER);
    ck_assert(!requests->cached && !requests->sent);
    ck_assert_uint_eq(requests->old_size, 0);
    rig_tear_down(&rig);
    free(requests);
}
END_TEST

START_TEST(a_queue_has_an_end)
{
    struct rig rig;
    struct asker asker;
    struct live_list list;
    rig_set_up(&rig);
    plc_server_set_silent_unit(rig.plc, 9);
    rig_start(&rig, "response_timeout: 1s,", ONE_TAG);
    struct live_queue *queue = field_live(rig.field, 0);
    asker_init(&asker, queue);
    struct live_request *requests = make_reads(2 * LIVE_QUEUE_MAX + 2, 9, &list);
    live_queue_put(queue, &list);
    ck_assert_uint_eq(list.count, LIVE_QUEUE_MAX + 2);
    size_t left = list.count;
    rig_tear_down(&rig);
    ck_assert_uint_eq(asker.total, 2 * LIVE_QUEUE_MAX + 2 - left);
    free(requests);
}
END_TEST

START_TEST(the_link_takes_no_more_from_its_queue_than_it_may_hold)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
    struct live_queue queue;
    struct live_list list, taken;
    struct live_request *requests = make_reads(2 * LIVE_QUEUE_MAX, 9, &list);
    live_list_init(&taken);
    live_queue_init(&queue, &mutex, &woken);
    live_queue_put(&queue, &list); /* full */
    live_queue_take(&queue, &taken);
    ck_assert_uint_eq(taken.count, LIVE_QUEUE_MAX);
    live_list_take(&taken);
    struct live_list two;
    live_list_init(&two);
    live_list_append(&two, live_list_take(&list));
    live_list_append(&two, live_list_take(&list));
    live_queue_put(&queue, &two);
    live_queue_take(&queue, &taken);
    ck_assert_uint_eq(taken.count, LIVE_QUEUE_MAX - 1);
    ck_assert(!live_queue_is_empty(&queue));
    live_list_take(&taken);
    live_queue_take(&queue, &taken);
    ck_assert_uint_eq(taken.count, LIVE_QUEUE_MAX);
    ck_assert(live_queue_is_empty(&queue));
    free(requests);
}
END_TEST

START_TEST(a_silent_or_absent_plc_is_told_at_once)
{
    struct rig rig;
    struct asker asker;
    struct live_list list;
    rig_set_up(&rig);
    plc_server_set_silent_unit(rig.plc, 9);
    rig_start(&rig, "response_timeout: 50ms, reconnect_max: 100ms,", ONE_TAG);
    struct live_queue *queue = field_live(rig.field, 0);
    asker_init(&asker, queue);
    struct live_request *silent = make_reads(1, 9, &list);
    live_queue_put(queue, &list);
    await_total(&asker, 1);
    ck_assert_int_eq(silent->result, LIVE_NO_ANSWER);
    plc_server_stop(rig.plc);
    rig.plc = NULL;
    struct live_request *absent = make_reads(10, 1, &list);
    live_queue_put(queue, &list);
    await_total(&asker, 11);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_int_eq(absent[i].result, LIVE_NO_ANSWER);
    }
    rig_tear_down(&rig);
    free(silent);
    free(absent);
}
END_TEST

START_TEST(what_waited_too_long_is_not_sent)
{
    struct rig rig;
    struct asker asker;
    struct live_list list;
    rig_set_up(&rig);
    rig_start(&rig, "", "[{id: 1, tags: [{name: a, table: holding, address: 0, type: uint16, rate: 1h}]}]");
    struct live_queue *queue = field_live(rig.field, 0);
    asker_init(&asker, queue);
    struct live_request *late = make_reads(1, 1, &list);
    late->deadline_us = clock_mono_us() - 1;
    live_queue_put(queue, &list);
    await_total(&asker, 1);
    ck_assert_int_eq(late->result, LIVE_NO_ANSWER);
    rig_tear_down(&rig);
    free(late);
}
END_TEST

START_TEST(live_requests_go_on_while_the_spool_is_full)
{
    struct rig rig;
    struct asker asker;
    struct live_list list;
    rig_set_up(&rig);
    reading_collector_set_full(&rig.collector, true);
    rig_start(&rig, "", ONE_TAG);
    struct live_queue *queue = field_live(rig.field, 0);
    asker_init(&asker, queue);
    reading_collector_await_refusals(&rig.collector, 2);
    struct live_request *requests = make_reads(10, 1, &list);
    live_queue_put(queue, &list);
    await_total(&asker, 10);
    ck_assert_int_eq(requests[9].result, LIVE_ANSWERED);
    rig_tear_down(&rig);
    free(requests);
}
END_TEST

int main(void)
{
    return suite_run("field_live", (const TTest *[]){
                                       live_requests_are_answered_between_polls,
                                       a_flood_of_live_requests_does_not_stop_the_polls,
                                       a_request_that_waited_too_long_comes_back_as_one_never_sent,
                                       a_queue_has_an_end,
                                       the_link_takes_no_more_from_its_queue_than_it_may_hold,
                                       a_silent_or_absent_plc_is_told_at_once,
                                       what_waited_too_long_is_not_sent,
                                       live_requests_go_on_while_the_spool_is_full,
                                       NULL,
                                   });
}
