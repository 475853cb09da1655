#include "base/clock.h"
#include "loop_fixture.h"
#include "support/suite.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- posting ------------------------------------------------------------------------------------------ */

struct sequence {
    int count;
    int values[4];
};
static struct sequence ran;

static void note(void *owner)
{
    ran.values[ran.count++] = *(const int *)owner;
}

START_TEST(runs_posted_work_in_order_and_before_it_stops)
{
    static int one = 1;
    static int two = 2;
    static int three = 3;
    ck_assert_int_eq(loop_post(loop, note, &one), ERR_OK);
    ck_assert_int_eq(loop_post(loop, note, &two), ERR_OK);
    ck_assert_int_eq(loop_post(loop, note, &three), ERR_OK);
    loop_stop(loop);
    loop_run(loop);
    ck_assert_int_eq(ran.count, 3);
    ck_assert_int_eq(ran.values[0], 1);
    ck_assert_int_eq(ran.values[1], 2);
    ck_assert_int_eq(ran.values[2], 3);
}
END_TEST

enum { POSTERS = 4, POSTS_EACH = 5000 };
struct poster {
    pthread_t thread;
    uint32_t index;
    uint32_t seen; /* written by the loop */
};
struct posted {
    struct poster *poster;
    uint32_t number;
};
static struct posted posts[POSTERS][POSTS_EACH];
static uint32_t arrived_in_all;

static void count_post(void *owner)
{
    const struct posted *posted = owner;
    ck_assert_uint_eq(posted->number, posted->poster->seen++);
    if (++arrived_in_all == POSTERS * POSTS_EACH) {
        loop_stop(loop);
    }
}

static void *post_many(void *owner)
{
    struct poster *poster = owner;
    struct posted *mine = posts[poster->index];
    for (uint32_t i = 0; i < POSTS_EACH; i++) {
        mine[i] = (struct posted){.poster = poster, .number = i};
        if (loop_post(loop, count_post, &mine[i]) != ERR_OK) {
            return NULL;
        }
    }
    return NULL;
}

START_TEST(takes_work_from_many_threads_each_in_its_order)
{
    struct poster posters[POSTERS] = {0};
    for (uint32_t i = 0; i < POSTERS; i++) {
        posters[i].index = i;
        ck_assert_int_eq(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    loop_run(loop);
    for (size_t i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        ck_assert_uint_eq(posters[i].seen, POSTS_EACH);
    }
}
END_TEST

START_TEST(runs_again_after_it_was_stopped)
{
    static int one = 1;
    loop_stop(loop);
    loop_run(loop);
    ck_assert_int_eq(loop_post(loop, note, &one), ERR_OK);
    loop_stop(loop);
    loop_run(loop);
    ck_assert_int_eq(ran.count, 1);
}
END_TEST

START_TEST(drops_work_that_was_posted_after_the_end)
{
    static int one = 1;
    loop_stop(loop);
    loop_run(loop);
    ck_assert_int_eq(loop_post(loop, note, &one), ERR_OK);
    ck_assert_int_eq(ran.count, 0); // the sanitizer sees whether teardown lets it go
}
END_TEST

/* --- work in other threads ----------------------------------------------------------------------------- */

enum { JOBS = 1000 };
struct job {
    pthread_t by;
    bool worked, done;
};
static struct job jobs[JOBS];
static int jobs_done;

static void work(void *owner)
{
    struct job *job = owner;
    job->by = pthread_self();
    job->worked = true;
}

static void done(void *owner)
{
    struct job *job = owner;
    ck_assert(job->worked && !job->done);
    ck_assert(!pthread_equal(job->by, pthread_self()));
    job->done = true;
    if (++jobs_done == JOBS) {
        loop_stop(loop);
    }
}

START_TEST(works_in_other_threads_and_tells_in_its_own)
{
    for (int i = 0; i < JOBS; i++) {
        ck_assert_ptr_nonnull(loop_work(loop, work, done, &jobs[i]));
    }
    loop_run(loop);
    ck_assert_int_eq(jobs_done, JOBS);
}
END_TEST

/* --- timers ------------------------------------------------------------------------------------------- */

struct ticker {
    struct loop_timer *timer;
    int ticks;
    int last;
    int64_t delay_ms;
};

static void tick(void *owner)
{
    struct ticker *ticker = owner;
    if (++ticker->ticks < ticker->last) {
        loop_timer_start_ms(ticker->timer, ticker->delay_ms);
        return;
    }
    loop_stop(loop);
}

START_TEST(a_timer_expires_once_for_each_start)
{
    struct ticker ticker = {.last = 3, .delay_ms = 2};
    ticker.timer = loop_timer_new(loop, tick, &ticker);
    int64_t before_us = clock_mono_us();
    loop_timer_start_ms(ticker.timer, 2);
    loop_run(loop);
    // the loop's clock counts whole milliseconds
    ck_assert_int_ge(clock_mono_us() - before_us, 3 * CLOCK_US_PER_MS);
    ck_assert_int_eq(ticker.ticks, 3);
    loop_timer_free(ticker.timer);
}
END_TEST

static void never(void *owner)
{
    (void)owner;
    ck_abort_msg("a stopped timer expired");
}

START_TEST(a_stopped_timer_does_not_expire)
{
    struct loop_timer *stopped = loop_timer_new(loop, never, NULL);
    struct loop_timer *end = loop_timer_new(loop, stop, NULL);
    loop_timer_start_ms(stopped, -5);
    loop_timer_start_ms(end, 5);
    loop_timer_stop(stopped);
    loop_run(loop);
    loop_timer_free(stopped);
    loop_timer_free(end);
}
END_TEST

START_TEST(a_timer_that_restarts_at_once_lets_other_work_run)
{
    struct ticker ticker = {.last = 1000000, .delay_ms = 0};
    ticker.timer = loop_timer_new(loop, tick, &ticker);
    loop_timer_start_ms(ticker.timer, 0);
    ck_assert_int_eq(loop_post(loop, stop, NULL), ERR_OK);
    loop_run(loop);
    ck_assert_int_lt(ticker.ticks, ticker.last);
    loop_timer_free(ticker.timer);
}
END_TEST

static void free_self(void *owner)
{
    struct ticker *ticker = owner;
    loop_timer_free(ticker->timer);
    loop_stop(loop);
}

START_TEST(a_timer_may_be_freed_in_its_own_callback)
{
    struct ticker ticker = {0};
    ticker.timer = loop_timer_new(loop, free_self, &ticker);
    loop_timer_start_ms(ticker.timer, 0);
    loop_run(loop);
}
END_TEST

/* --- signals ------------------------------------------------------------------------------------------ */

START_TEST(calls_for_the_signal_it_was_told)
{
    struct loop_signal *hangup = loop_signal_new(loop, SIGHUP, stop, NULL);
    ck_assert_ptr_nonnull(hangup);
    ck_assert_int_eq(raise(SIGHUP), 0);
    loop_run(loop);
    loop_signal_free(hangup);
}
END_TEST

START_TEST(refuses_a_signal_that_does_not_exist)
{
    ck_assert_ptr_null(loop_signal_new(loop, 0, stop, NULL));
}
END_TEST

START_TEST(a_write_to_a_peer_that_left_is_an_error_not_our_death)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[1]);
    ck_assert_int_eq(write(ends[0], "x", 1), -1);
    close(ends[0]);
}
END_TEST

int main(void)
{
    return suite_run_with("loop", loop_fixture_setup, loop_fixture_teardown,
                          (const TTest *[]){
                              runs_posted_work_in_order_and_before_it_stops,
                              takes_work_from_many_threads_each_in_its_order,
                              runs_again_after_it_was_stopped,
                              works_in_other_threads_and_tells_in_its_own,
                              drops_work_that_was_posted_after_the_end,
                              a_timer_expires_once_for_each_start,
                              a_stopped_timer_does_not_expire,
                              a_timer_that_restarts_at_once_lets_other_work_run,
                              a_timer_may_be_freed_in_its_own_callback,
                              calls_for_the_signal_it_was_told,
                              refuses_a_signal_that_does_not_exist,
                              a_write_to_a_peer_that_left_is_an_error_not_our_death,
                              NULL,
                          });
}
