#include "base/clock.h"
#include "spool_fixture.h"
#include "support/failing_vfs.h"
#include "support/suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { PER_BATCH = 10 };

static struct spool_fixture fixture;
static struct spool_batches got; /* live, then backlog */
static struct spool_joined last_join;
static uint64_t skipped, backlog_next;
static bool joined, read_backlog, flushed;
static enum err failure;

static void on_joined(void *owner, const struct spool_joined *join)
{
    (void)owner;
    joined = true;
    last_join = *join;
}
static void on_committed(void *owner, struct spool_batches *batches, uint64_t first, uint64_t last)
{
    (void)owner;
    skipped += first <= last ? last - first + 1 : 0;
    spool_batches_move(&got, batches);
}
static void on_backlog(void *owner, uint32_t session, struct spool_batches *batches, uint64_t next)
{
    (void)owner;
    ck_assert_uint_eq(session, 7);
    read_backlog = true;
    backlog_next = next;
    spool_batches_move(&got, batches);
}
static void on_flushed(void *owner)
{
    (void)owner;
    flushed = true;
}
static void on_failed(void *owner, enum err code, const char *reason)
{
    (void)owner;
    (void)reason;
    failure = code;
}

static const struct spool_events events = {.joined = on_joined,
                                           .committed = on_committed,
                                           .backlog = on_backlog,
                                           .flushed = on_flushed,
                                           .failed = on_failed};

static void setup(void)
{
    failing_vfs_install();
    fixture_begin(&fixture, PER_BATCH, 3600 * CLOCK_US_PER_S);
    fixture_start(&fixture, &events);
}

static void teardown(void)
{
    fixture_end(&fixture);
    spool_batches_clear(&got);
}

static bool put(uint32_t first, uint32_t count)
{
    struct reading_sink sink = spool_thread_sink(fixture.spool);
    for (uint32_t i = 0; i < count; i++) {
        struct reading reading = sample_reading(0, first + i);
        if (!sink.put(sink.owner, &reading, 1)) {
            return false;
        }
    }
    return true;
}

static void request(struct spool_request wanted)
{
    ck_assert_int_eq(spool_thread_request(fixture.spool, &wanted, 1), ERR_OK);
}

static bool has_flushed(void)
{
    return flushed;
}

static void flush(void)
{
    flushed = false;
    request((struct spool_request){.kind = SPOOL_REQUEST_FLUSH});
    fixture_run_until(&fixture, has_flushed);
}

static bool has_joined(void)
{
    return joined;
}

static void join(void)
{
    request((struct spool_request){.kind = SPOOL_REQUEST_JOIN, .session = 7, .as.meeting.next_seq = 1});
    fixture_run_until(&fixture, has_joined);
}

static bool has_backlog(void)
{
    return read_backlog;
}

static struct spool_status status(void)
{
    return fixture_status(&fixture);
}

START_TEST(what_is_committed_before_joining_is_backlog_and_after_it_live)
{
    put(0, 3 * PER_BATCH);
    flush();
    ck_assert_uint_eq(got.count, 0);
    join();
    ck_assert_uint_eq(last_join.first_seq, 1);
    ck_assert_uint_eq(last_join.next_seq, 4);
    put(100, PER_BATCH);
    flush();
    ck_assert_uint_eq(got.count, 1);
    ck_assert_uint_eq(got.first->seq, 4);
    request((struct spool_request){
        .kind = SPOOL_REQUEST_BACKLOG, .session = 7, .as.range = {.first = 1, .last = 3}});
    fixture_run_until(&fixture, has_backlog);
    ck_assert_uint_eq(got.count, 4);
    ck_assert_uint_eq(got.last->seq, 3);
    ck_assert_uint_eq(backlog_next, 4);
    request((struct spool_request){.kind = SPOOL_REQUEST_LEAVE});
    put(200, PER_BATCH);
    flush();
    ck_assert_uint_eq(got.count, 4);
}
END_TEST

START_TEST(live_batches_that_nobody_takes_are_named_and_can_be_read_later)
{
    enum { MANY = 3 * SPOOL_HANDOVER_BYTES / 150 };
    struct spool_status now;
    join();
    for (uint32_t i = 0; i < MANY; i++) {
        ck_assert(put(i * PER_BATCH, PER_BATCH));
    }
    int64_t deadline_us = clock_mono_us() + FIXTURE_DEADLINE_US;
    do {
        now = status();
        ck_assert(clock_mono_us() < deadline_us);
    } while (now.counts.batches < MANY);
    flush();
    ck_assert_uint_eq(skipped + got.count, MANY);
    ck_assert_uint_gt(skipped, 0);
    ck_assert_uint_le(got.bytes, SPOOL_HANDOVER_BYTES);
    ck_assert_uint_eq(got.last->seq, MANY);
    ck_assert_int_eq(status().state.batches, MANY);
}
END_TEST

START_TEST(stopping_commits_the_readings_that_are_here)
{
    put(0, 3);
    spool_thread_stop(fixture.spool);
    ck_assert(!put(3, 1));
    spool_thread_free(fixture.spool);
    fixture_start(&fixture, &events);
    ck_assert_int_eq(status().state.readings, 3);
}
END_TEST

START_TEST(another_catalog_comes_after_the_readings_of_the_old_one)
{
    struct catalog *second = sample_catalog(2);
    put(0, 3);
    fixture.configuration.catalog = second;
    ck_assert_int_eq(spool_thread_configure(fixture.spool, &fixture.configuration, NULL), ERR_OK);
    put(3, 4);
    flush();
    join();
    request((struct spool_request){
        .kind = SPOOL_REQUEST_BACKLOG, .session = 7, .as.range = {.first = 1, .last = 2}});
    fixture_run_until(&fixture, has_backlog);
    ck_assert(sample_is_batch_of(got.first, fixture.catalog, 0, 0, 3));
    ck_assert(sample_is_batch_of(got.last, second, 0, 3, 4));
    catalog_free(fixture.catalog);
    fixture.catalog = second;
}
END_TEST

static bool has_failed(void)
{
    return failure != ERR_OK;
}

START_TEST(a_failed_sync_ends_it_and_everybody_learns_it)
{
    join();
    failing_vfs_arm(FAILING_SYNC, 1, true, SQLITE_IOERR_FSYNC);
    put(0, PER_BATCH);
    fixture_run_until(&fixture, has_failed);
    ck_assert_int_eq(failure, ERR_SYNC);
    ck_assert_uint_eq(got.count, 0);
    ck_assert(!put(0, 1));
    ck_assert_int_eq(spool_thread_configure(fixture.spool, &fixture.configuration, NULL), ERR_CLOSED);
}
END_TEST

static void put_until_the_disk_is_full(bool for_ever)
{
    failing_vfs_arm(FAILING_WRITE, 1, for_ever, SQLITE_FULL);
    put(0, PER_BATCH);
    int64_t deadline_us = clock_mono_us() + FIXTURE_DEADLINE_US;
    while (status().accepting) {
        ck_assert(clock_mono_us() < deadline_us);
    }
}

START_TEST(there_was_no_room_and_now_there_is_so_stopping_commits_everything)
{
    put_until_the_disk_is_full(false);
    ck_assert(spool_thread_stop(fixture.spool));
    spool_thread_free(fixture.spool);
    fixture_start(&fixture, &events);
    ck_assert_int_eq(status().state.readings, PER_BATCH);
}
END_TEST

START_TEST(a_full_disk_stops_the_links_and_ends_by_itself)
{
    static const struct spool_request leave = {.kind = SPOOL_REQUEST_LEAVE};
    put_until_the_disk_is_full(true);
    struct reading_sink sink = spool_thread_sink(fixture.spool);
    ck_assert(!sink.put(sink.owner, NULL, 0));
    ck_assert(!spool_thread_stop(fixture.spool));
    ck_assert_int_eq(spool_thread_request(fixture.spool, &leave, 1), ERR_CLOSED);
    failing_vfs_arm(FAILING_WRITE, 0, false, SQLITE_OK);
}
END_TEST

/* Changes of the configuration, one after the other, that a full disk refuses. */
static void *change(void *argument)
{
    const atomic_bool *enough = argument;
    while (!atomic_load(enough)) {
        (void)!spool_thread_configure(fixture.spool, &fixture.configuration, NULL);
    }
    return NULL;
}

START_TEST(a_refused_change_takes_no_other_request_with_it)
{
    enum { CHANGERS = 3, JOINS = 100 };
    pthread_t threads[CHANGERS];
    static atomic_bool enough;
    put_until_the_disk_is_full(true);
    for (size_t i = 0; i < CHANGERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, change, &enough), 0);
    }
    for (int i = 0; i < JOINS; i++) {
        joined = false;
        join();
    }
    atomic_store(&enough, true);
    for (size_t i = 0; i < CHANGERS; i++) {
        pthread_join(threads[i], NULL);
    }
    failing_vfs_arm(FAILING_WRITE, 0, false, SQLITE_OK);
}
END_TEST

enum { PRODUCERS = 4, EACH = 3000, ALL = PRODUCERS * EACH };

static void *produce(void *argument)
{
    struct reading_sink sink = spool_thread_sink(fixture.spool);
    for (uint32_t i = 0; i < EACH; i++) {
        struct reading reading = sample_reading(0, i);
        if (!sink.put(sink.owner, &reading, 1)) {
            return argument;
        }
    }
    return NULL;
}

START_TEST(every_reading_of_many_links_is_committed_once)
{
    pthread_t threads[PRODUCERS];
    static char refused;
    for (size_t i = 0; i < PRODUCERS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, &refused), 0);
    }
    for (size_t i = 0; i < PRODUCERS; i++) {
        void *result = &refused;
        pthread_join(threads[i], &result);
        ck_assert_ptr_null(result);
    }
    flush();
    ck_assert_int_eq(status().state.readings, ALL);
    ck_assert_uint_eq(status().counts.readings, ALL);
}
END_TEST

int main(void)
{
    return suite_run_with("spool_thread", setup, teardown,
                          (const TTest *[]){
                              what_is_committed_before_joining_is_backlog_and_after_it_live,
                              live_batches_that_nobody_takes_are_named_and_can_be_read_later,
                              stopping_commits_the_readings_that_are_here,
                              another_catalog_comes_after_the_readings_of_the_old_one,
                              a_failed_sync_ends_it_and_everybody_learns_it,
                              there_was_no_room_and_now_there_is_so_stopping_commits_everything,
                              a_full_disk_stops_the_links_and_ends_by_itself,
                              a_refused_change_takes_no_other_request_with_it,
                              every_reading_of_many_links_is_committed_once,
                              NULL,
                          });
}
