#include "base/array.h"
#include "base/clock.h"
#include "store/store_thread.h"
#include "store_fixture.h"
#include "support/failing_vfs.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_BYTES = 8 * 1024 * 1024, DEADLINE_MS = 10000, ANSWERS_MAX = 4096 };

static char folder[TEMPORARY_PATH_MAX];
static struct err_text why;
static struct store *store;
static struct server_metrics metrics;
static struct store_thread *thread;
static struct loop *loop;
static struct loop_timer *deadline;
static struct store_inbox *inbox;
static atomic_int failures;

/* What arrived in the inbox, in order. */
static struct answer {
    enum store_request_kind kind;
    uint64_t sequence;
    enum err outcome;
    enum store_result result;
    struct store_watermarks watermarks;
} answers[ANSWERS_MAX];
static size_t answer_count, expected_count, deliveries;

static void answered(void *owner, struct store_queue *queue)
{
    (void)owner;
    deliveries++;
    struct store_request *request;
    while ((request = store_queue_take(queue))) {
        answers[answer_count++] = (struct answer){
            .kind = request->kind,
            .sequence = request->view.identity.sequence,
            .outcome = request->outcome,
            .result = request->batch.result,
            .watermarks = request->watermarks ? *request->watermarks : (struct store_watermarks){0},
        };
        store_request_free(request);
    }
    if (answer_count >= expected_count) {
        loop_stop(loop);
    }
}

static void store_failed(void *owner)
{
    (void)owner;
    atomic_fetch_add(&failures, 1);
}

static void too_late(void *owner)
{
    (void)owner;
    ck_abort_msg("%zu answers of %zu", answer_count, expected_count);
}

static void await_answers(size_t count)
{
    expected_count = count;
    loop_timer_start_ms(deadline, DEADLINE_MS);
    while (answer_count < expected_count) {
        loop_run(loop);
    }
}

static void open_store(void)
{
    char where[2 * TEMPORARY_PATH_MAX];
    snprintf(where, sizeof where, "sqlite:%s/store.db", folder);
    enum err result = store_open(where, &store, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

static void start(size_t queue_bytes)
{
    struct store_thread_options options = {
        .store = store, .metrics = &metrics, .queue_bytes = queue_bytes, .failed = store_failed};
    ck_assert_int_eq(store_thread_start(&options, &thread, &why), ERR_OK);
}

static void setup(void)
{
    temporary_folder(folder);
    failing_vfs_install();
    open_store();
    fixture_put_catalog(store);
    loop = loop_new();
    deadline = loop_timer_new(loop, too_late, NULL);
    inbox = store_inbox_new(loop, answered, NULL);
    start(QUEUE_BYTES);
}

static void teardown(void)
{
    store_thread_stop(thread);
    store_inbox_free(inbox);
    loop_timer_free(deadline);
    loop_free(loop);
    store_close(store);
    temporary_remove(folder);
}

static struct store_request *request_of(uint64_t sequence, uint8_t content)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, sequence, content);
    struct store_request *request = store_request_batch(&batch.view, false, 1);
    request->inbox = inbox;
    request->bridge = "cell-3";
    return request;
}

static void submit(uint64_t sequence, uint8_t content)
{
    ck_assert_int_eq(store_thread_submit(thread, request_of(sequence, content)), ERR_OK);
}

static void submit_look_up(void)
{
    uint8_t epoch[BATCH_EPOCH_SIZE];
    memset(epoch, 1, sizeof epoch);
    struct store_request *request = store_request_look_up(epoch);
    request->inbox = inbox;
    request->bridge = "cell-3";
    ck_assert_int_eq(store_thread_submit(thread, request), ERR_OK);
}

START_TEST(answers_come_in_order_after_the_commit)
{
    enum { BATCHES = 1000 };
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        submit(sequence, 1);
    }
    submit(BATCHES, 1);
    submit(BATCHES, 2);
    submit_look_up();
    await_answers(BATCHES + 3);
    for (size_t i = 0; i < BATCHES; i++) {
        ck_assert_uint_eq(answers[i].sequence, i + 1);
        ck_assert_int_eq(answers[i].outcome, ERR_OK);
        ck_assert_int_eq(answers[i].result, STORE_COMMITTED);
    }
    ck_assert_int_eq(answers[BATCHES].result, STORE_DUPLICATE);
    ck_assert_int_eq(answers[BATCHES + 1].result, STORE_CONFLICT);
    ck_assert_int_eq(answers[BATCHES + 2].kind, STORE_REQUEST_LOOK_UP);
    ck_assert_uint_eq(answers[BATCHES + 2].watermarks.contiguous, BATCHES);
}
END_TEST

START_TEST(many_batches_share_a_commit_and_a_wake_up)
{
    enum { BATCHES = 2000 };
    static struct store_request *requests[BATCHES]; // made before: that takes longer than to store them
    for (uint64_t i = 0; i < BATCHES; i++) {
        requests[i] = request_of(i + 1, 1);
    }
    for (size_t i = 0; i < BATCHES; i++) {
        ck_assert_int_eq(store_thread_submit(thread, requests[i]), ERR_OK);
    }
    await_answers(BATCHES);
    int64_t groups = metric_get(&metrics.values[SERVER_GROUPS]);
    ck_assert_int_gt(groups, 0);
    ck_assert_int_lt(groups, BATCHES / 4);
    ck_assert_uint_le(deliveries, (size_t)groups);
    ck_assert_int_eq(metric_get(&metrics.values[SERVER_QUEUE_REQUESTS]), 0);
    ck_assert_int_eq(metric_get(&metrics.values[SERVER_QUEUE_BYTES]), 0);
}
END_TEST

START_TEST(a_catalog_and_its_batches_may_be_in_one_group)
{
    struct fixture_batch batch;
    fixture_batch(&batch, 1, 1, 1);
    uint8_t hash[CATALOG_HASH_SIZE] = {7};
    memcpy(batch.view.catalog_hash, hash, sizeof hash);
    struct store_request *catalog = store_request_catalog(hash, (struct bytes){(const uint8_t *)"x", 1}, 1);
    struct store_request *request = store_request_batch(&batch.view, false, 1);
    catalog->inbox = request->inbox = inbox;
    catalog->bridge = request->bridge = "cell-3";
    ck_assert_int_eq(store_thread_submit(thread, catalog), ERR_OK);
    ck_assert_int_eq(store_thread_submit(thread, request), ERR_OK);
    await_answers(2);
    ck_assert_int_eq(answers[0].kind, STORE_REQUEST_CATALOG);
    ck_assert_int_eq(answers[0].outcome, ERR_OK);
    ck_assert_int_eq(answers[1].result, STORE_COMMITTED);
}
END_TEST

START_TEST(a_full_queue_refuses_and_what_was_taken_is_answered)
{
    store_thread_stop(thread);
    struct store_request *request = request_of(1, 1);
    size_t size = request->size;
    store_request_free(request);
    start(size);
    uint8_t encoded[FIXTURE_BATCH_SIZE + 1] = {0};
    struct store_request *larger =
        store_request_catalog(fixture_hash(), (struct bytes){encoded, sizeof encoded}, 1);
    larger->inbox = inbox;
    ck_assert_int_eq(store_thread_submit(thread, larger), ERR_BUSY);
    store_request_free(larger);
    ck_assert(!store_thread_is_behind(thread));
    submit(1, 1);
    await_answers(1);
    submit(2, 1);
    await_answers(2);
}
END_TEST

START_TEST(a_full_disk_answers_nothing_as_stored_and_passes)
{
    failing_vfs_arm(FAILING_WRITE, 1, true, SQLITE_FULL);
    submit(1, 1);
    submit(2, 1);
    await_answers(2);
    ck_assert_int_eq(answers[0].outcome, ERR_DISK_FULL);
    ck_assert_int_eq(answers[1].outcome, ERR_DISK_FULL);
    ck_assert_int_eq(store_thread_health(thread, &why), ERR_DISK_FULL);
    ck_assert_ptr_nonnull(strstr(why.text, "store.db"));
    failing_vfs_arm(FAILING_WRITE, 0, false, SQLITE_OK);
    submit(1, 1);
    submit(2, 1);
    await_answers(4);
    ck_assert_int_eq(answers[2].result, STORE_COMMITTED);
    ck_assert_int_eq(answers[3].result, STORE_COMMITTED);
    ck_assert_int_eq(store_thread_health(thread, &why), ERR_OK);
    ck_assert_int_eq(failures, 0);
}
END_TEST

START_TEST(after_a_failed_sync_nothing_is_answered_as_stored_ever_again)
{
    failing_vfs_arm(FAILING_SYNC, 1, false, SQLITE_IOERR_FSYNC);
    submit(1, 1);
    await_answers(1);
    ck_assert_int_eq(answers[0].outcome, ERR_SYNC);
    submit(2, 1);
    submit_look_up();
    await_answers(3);
    ck_assert_int_eq(answers[1].outcome, ERR_SYNC);
    ck_assert_int_eq(answers[2].outcome, ERR_SYNC);
    ck_assert_int_eq(store_thread_health(thread, NULL), ERR_SYNC);
    ck_assert_int_eq(failures, 1);
}
END_TEST

START_TEST(stopping_stores_what_waits)
{
    enum { BATCHES = 500 };
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        submit(sequence, 1);
    }
    store_thread_stop(thread);
    thread = NULL;
    await_answers(BATCHES);
    for (size_t i = 0; i < BATCHES; i++) {
        ck_assert_int_eq(answers[i].outcome, ERR_OK);
    }
    store_close(store);
    open_store();
    uint8_t epoch[BATCH_EPOCH_SIZE];
    memset(epoch, 1, sizeof epoch);
    struct store_watermarks watermarks;
    ck_assert_int_eq(store_look_up(store, "cell-3", epoch, &watermarks, &why), ERR_OK);
    ck_assert_uint_eq(watermarks.contiguous, BATCHES);
}
END_TEST

/* ---- a store that is away at the start ---- */

static struct {
    atomic_int tries;
    int away;         /* so many times, then … */
    enum err outcome; /* … this */
} opening;

static enum err open_at_last(void *owner, struct store **opened, struct err_text *reason)
{
    (void)owner;
    if (atomic_fetch_add(&opening.tries, 1) < opening.away) {
        return err_set(reason, ERR_BUSY, "nobody listens");
    }
    if (opening.outcome != ERR_OK) {
        return err_set(reason, opening.outcome, "use the newer program");
    }
    *opened = store;
    return ERR_OK;
}

static void start_without_a_store(int away, enum err outcome)
{
    store_thread_stop(thread);
    opening.away = away;
    opening.outcome = outcome;
    struct store_thread_options options = {.open = open_at_last,
                                           .away = {"no route"},
                                           .metrics = &metrics,
                                           .queue_bytes = QUEUE_BYTES,
                                           .failed = store_failed};
    ck_assert_int_eq(store_thread_start(&options, &thread, &why), ERR_OK);
}

static void await_health(enum err expected)
{
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * CLOCK_US_PER_MS;
    while (store_thread_health(thread, &why) != expected) {
        ck_assert_msg(clock_mono_us() < deadline_us, "%s", why.text);
        sched_yield();
    }
}

START_TEST(a_store_that_is_away_answers_later_and_is_used_once_it_is_there)
{
    start_without_a_store(2, ERR_OK);
    ck_assert_int_eq(store_thread_health(thread, &why), ERR_BUSY);
    ck_assert_str_eq(why.text, "no route");
    submit(1, 1);
    submit_look_up();
    await_answers(2);
    ck_assert_int_eq(answers[0].outcome, ERR_BUSY);
    ck_assert_int_eq(answers[1].outcome, ERR_BUSY);
    await_health(ERR_OK);
    ck_assert_int_eq(opening.tries, 3);
    submit(1, 1);
    submit_look_up();
    await_answers(4);
    ck_assert_int_eq(answers[2].result, STORE_COMMITTED);
    ck_assert_uint_eq(answers[3].watermarks.contiguous, 1);
    ck_assert_int_eq(failures, 0);
}
END_TEST

START_TEST(what_no_waiting_heals_ends_the_wait)
{
    start_without_a_store(1, ERR_VERSION);
    await_health(ERR_VERSION);
    ck_assert_str_eq(why.text, "use the newer program");
    submit(1, 1);
    await_answers(1);
    ck_assert_int_eq(answers[0].outcome, ERR_VERSION);
    ck_assert_int_eq(failures, 1);
    ck_assert_int_eq(opening.tries, 2);
}
END_TEST

START_TEST(stopping_does_not_wait_for_a_store)
{
    start_without_a_store(INT32_MAX, ERR_OK);
    submit(1, 1);
    store_thread_stop(thread);
    thread = NULL;
    await_answers(1);
    ck_assert_int_eq(answers[0].outcome, ERR_BUSY);
}
END_TEST

int main(void)
{
    return suite_run_with("store_thread", setup, teardown,
                          (const TTest *[]){
                              answers_come_in_order_after_the_commit,
                              many_batches_share_a_commit_and_a_wake_up,
                              a_catalog_and_its_batches_may_be_in_one_group,
                              a_full_queue_refuses_and_what_was_taken_is_answered,
                              a_full_disk_answers_nothing_as_stored_and_passes,
                              after_a_failed_sync_nothing_is_answered_as_stored_ever_again,
                              stopping_stores_what_waits,
                              a_store_that_is_away_answers_later_and_is_used_once_it_is_there,
                              what_no_waiting_heals_ends_the_wait,
                              stopping_does_not_wait_for_a_store,
                              NULL,
                          });
}
