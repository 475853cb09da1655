#include "base/clock.h"
#include "base/log.h"
#include "sample.h"
#include "spool/spool_thread.h"
#include "support/failing_vfs.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <pthread.h>
#include <string.h>

enum { PER_BATCH = 10, POLL_MS = 1, DEADLINE_MS = 15000 };

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static struct loop *loop;
static struct loop_timer *poll_timer;
static struct catalog *catalog;
static struct spool_configuration configuration;
static struct spool_thread *spool;
static struct spool_batches got; /* live, then backlog */
static struct spool_joined last_join;
static uint64_t skipped, backlog_next;
static bool joined, read_backlog, flushed;
static enum err failure;

static void silence(void *owner, const char *line, size_t size)
{
    (void)owner;
    (void)line;
    (void)size;
}

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

static void start(void)
{
    const struct spool_options options = {.path = path, .bridge = "cell-3", .ack_log_rows = 1000};
    struct spool_thread_options thread = {.configuration = &configuration, .loop = loop, .events = &events};
    struct err_text why = {{0}};
    enum err result = spool_open(&options, clock_wall_us(), &thread.spool, &why);
    if (result == ERR_OK) {
        result = spool_thread_start(&thread, &spool, &why);
    }
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

static void on_poll(void *owner)
{
    (void)owner;
    loop_stop(loop);
}

static void setup(void)
{
    log_set_sink(silence, NULL);
    temporary_folder(folder);
    temporary_path(folder, "spool.db", path);
    failing_vfs_install();
    loop = loop_new();
    poll_timer = loop_timer_new(loop, on_poll, NULL);
    catalog = sample_catalog(1);
    configuration = (struct spool_configuration){
        .catalog = catalog,
        .batch = {.max_readings = PER_BATCH, .max_age_us = 3600 * CLOCK_US_PER_S},
        .bounds = {.max_bytes = 100 * 1024 * 1024},
    };
    start();
}

static void teardown(void)
{
    spool_thread_free(spool);
    spool_batches_clear(&got);
    loop_timer_free(poll_timer);
    loop_free(loop);
    catalog_free(catalog);
    temporary_remove(folder);
}

static void run_until(bool (*condition)(void))
{
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * CLOCK_US_PER_MS;
    while (!condition()) {
        ck_assert_msg(clock_mono_us() < deadline_us, "the condition never came true");
        loop_timer_start_ms(poll_timer, POLL_MS);
        loop_run(loop);
    }
}

static bool put(uint32_t first, uint32_t count)
{
    struct reading_sink sink = spool_thread_sink(spool);
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
    ck_assert_int_eq(spool_thread_request(spool, &wanted, 1), ERR_OK);
}

static bool has_flushed(void)
{
    return flushed;
}

static void flush(void)
{
    flushed = false;
    request((struct spool_request){.kind = SPOOL_REQUEST_FLUSH});
    run_until(has_flushed);
}

static bool has_joined(void)
{
    return joined;
}

static void join(void)
{
    request((struct spool_request){.kind = SPOOL_REQUEST_JOIN, .session = 7, .as.meeting.next_seq = 1});
    run_until(has_joined);
}

static bool has_backlog(void)
{
    return read_backlog;
}

static struct spool_status status(void)
{
    struct spool_status now;
    spool_thread_status(spool, &now);
    return now;
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
    run_until(has_backlog);
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
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * CLOCK_US_PER_MS;
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
    spool_thread_stop(spool);
    ck_assert(!put(3, 1));
    spool_thread_free(spool);
    start();
    ck_assert_int_eq(status().state.readings, 3);
}
END_TEST

START_TEST(another_catalog_comes_after_the_readings_of_the_old_one)
{
    struct catalog *second = sample_catalog(2);
    put(0, 3);
    configuration.catalog = second;
    ck_assert_int_eq(spool_thread_configure(spool, &configuration, NULL), ERR_OK);
    put(3, 4);
    flush();
    join();
    request((struct spool_request){
        .kind = SPOOL_REQUEST_BACKLOG, .session = 7, .as.range = {.first = 1, .last = 2}});
    run_until(has_backlog);
    ck_assert(sample_is_batch_of(got.first, catalog, 0, 0, 3));
    ck_assert(sample_is_batch_of(got.last, second, 0, 3, 4));
    catalog_free(catalog);
    catalog = second;
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
    run_until(has_failed);
    ck_assert_int_eq(failure, ERR_SYNC);
    ck_assert_uint_eq(got.count, 0);
    ck_assert(!put(0, 1));
    ck_assert_int_eq(spool_thread_configure(spool, &configuration, NULL), ERR_CLOSED);
}
END_TEST

START_TEST(a_full_disk_stops_the_links_and_ends_by_itself)
{
    static const struct spool_request leave = {.kind = SPOOL_REQUEST_LEAVE};
    failing_vfs_arm(FAILING_WRITE, 1, true, SQLITE_FULL);
    put(0, PER_BATCH);
    int64_t deadline_us = clock_mono_us() + DEADLINE_MS * CLOCK_US_PER_MS;
    while (status().accepting) {
        ck_assert(clock_mono_us() < deadline_us);
    }
    struct reading_sink sink = spool_thread_sink(spool);
    ck_assert(!sink.put(sink.owner, NULL, 0));
    spool_thread_stop(spool);
    ck_assert_int_eq(spool_thread_request(spool, &leave, 1), ERR_CLOSED);
    failing_vfs_arm(FAILING_WRITE, 0, false, SQLITE_OK);
}
END_TEST

enum { PRODUCERS = 4, EACH = 3000 };

static void *produce(void *argument)
{
    struct reading_sink sink = spool_thread_sink(spool);
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
    ck_assert_int_eq(status().state.readings, PRODUCERS * EACH);
    ck_assert_uint_eq(status().counts.readings, PRODUCERS * EACH);
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
                              a_full_disk_stops_the_links_and_ends_by_itself,
                              every_reading_of_many_links_is_committed_once,
                              NULL,
                          });
}
