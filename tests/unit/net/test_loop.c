#include "base/array.h"
#include "base/clock.h"
#include "net/loop.h"
#include "support/suite.h"
#include "support/system.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEADLINE_MS = 10000 };

static struct loop *loop;
static struct loop_timer *deadline;

static void too_late(void *owner)
{
    (void)owner;
    ck_abort_msg("the loop ran into the deadline");
}

static void setup(void)
{
    loop = loop_new();
    ck_assert_ptr_nonnull(loop);
    deadline = loop_timer_new(loop, too_late, NULL);
    loop_timer_start_ms(deadline, DEADLINE_MS);
}

static void teardown(void)
{
    loop_timer_free(deadline);
    loop_free(loop);
}

static void stop(void *owner)
{
    (void)owner;
    loop_stop(loop);
}

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

/* --- descriptors -------------------------------------------------------------------------------------- */

struct watched {
    struct loop_watch *watch;
    int fd;
    unsigned seen;
    int calls;
};

static void see(void *owner, unsigned events)
{
    struct watched *watched = owner;
    watched->seen = events;
    watched->calls++;
    loop_watch_set(watched->watch, 0);
    loop_stop(loop);
}

START_TEST(tells_when_a_descriptor_is_ready)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct watched watched = {.fd = ends[0]};
    watched.watch = loop_watch_new(loop, ends[0], see, &watched);
    ck_assert_ptr_nonnull(watched.watch);
    ck_assert_int_ne(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);

    loop_watch_set(watched.watch, LOOP_WRITABLE);
    loop_run(loop);
    ck_assert_uint_eq(watched.seen, LOOP_WRITABLE);

    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    loop_watch_set(watched.watch, LOOP_READABLE);
    loop_run(loop);
    ck_assert_uint_eq(watched.seen, LOOP_READABLE);

    loop_watch_set(watched.watch, LOOP_READABLE | LOOP_WRITABLE);
    loop_run(loop);
    ck_assert_uint_eq(watched.seen, LOOP_READABLE | LOOP_WRITABLE);

    loop_watch_free(watched.watch);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_paused_watch_is_silent)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct watched watched = {.fd = ends[0]};
    watched.watch = loop_watch_new(loop, ends[0], see, &watched);
    loop_watch_set(watched.watch, LOOP_READABLE);
    loop_watch_set(watched.watch, 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    struct loop_timer *end = loop_timer_new(loop, stop, NULL);
    loop_timer_start_ms(end, 5);
    loop_run(loop);
    ck_assert_int_eq(watched.calls, 0);
    loop_timer_free(end);
    loop_watch_free(watched.watch);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(shows_an_error_on_a_descriptor_as_ready)
{
    // A connection that is refused leaves an error on its socket.
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int bound = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    ck_assert_int_eq(bind(bound, (struct sockaddr *)&address, size), 0); // not listening
    ck_assert_int_eq(getsockname(bound, (struct sockaddr *)&address, &size), 0);
    struct watched watched = {.fd = fd};
    watched.watch = loop_watch_new(loop, fd, see, &watched);
    (void)connect(fd, (struct sockaddr *)&address, size);
    loop_watch_set(watched.watch, LOOP_WRITABLE);
    loop_run(loop);
    ck_assert_uint_ne(watched.seen & LOOP_WRITABLE, 0);
    loop_watch_free(watched.watch);
    close(fd);
    close(bound);
}
END_TEST

static void count(void *owner, unsigned events)
{
    struct watched *watched = owner;
    watched->seen = events;
    watched->calls++;
    loop_stop(loop);
}

START_TEST(a_watch_that_met_an_error_can_be_set_again)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct watched watched = {.fd = ends[1]};
    watched.watch = loop_watch_new(loop, ends[1], count, &watched);
    close(ends[0]); // writing is now an error
    for (int i = 1; i <= 2; i++) {
        loop_watch_set(watched.watch, LOOP_READABLE);
        loop_run(loop);
        ck_assert_int_eq(watched.calls, i);
        ck_assert_uint_eq(watched.seen, LOOP_READABLE | LOOP_WRITABLE);
    }
    loop_watch_free(watched.watch);
    close(ends[1]);
}
END_TEST

static void free_watch(void *owner, unsigned events)
{
    (void)events;
    struct watched *watched = owner;
    loop_watch_free(watched->watch);
    close(watched->fd);
    loop_stop(loop);
}

START_TEST(a_watch_may_be_freed_and_its_descriptor_closed_in_its_callback)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct watched watched = {.fd = ends[0]};
    watched.watch = loop_watch_new(loop, ends[0], free_watch, &watched);
    loop_watch_set(watched.watch, LOOP_WRITABLE);
    loop_run(loop);
    close(ends[1]);
}
END_TEST

START_TEST(refuses_a_closed_descriptor)
{
    struct watched watched = {0};
    ck_assert_ptr_null(loop_watch_new(loop, -1, see, &watched));
}
END_TEST

/* --- look-up ------------------------------------------------------------------------------------------ */

struct found {
    enum err result;
    char reason[512];
    struct loop_addresses addresses;
    int calls;
};

static void looked_up(void *owner, enum err result, const char *reason,
                      const struct loop_addresses *addresses)
{
    struct found *found = owner;
    found->result = result;
    snprintf(found->reason, sizeof found->reason, "%s", reason);
    found->addresses = *addresses;
    found->calls++;
    loop_stop(loop);
}

START_TEST(finds_addresses)
{
    static const struct {
        const char *name, *host;
        sa_family_t family; /* 0 = either */
    } rows[] = {
        {"IPv4", "127.0.0.1", AF_INET},
        {"IPv6", "::1", AF_INET6},
        {"a name", "localhost", 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (!system_resolves(rows[i].host)) {
            continue;
        }
        struct found found = {0};
        ck_assert_ptr_nonnull(loop_lookup_start(loop, rows[i].host, "8443", looked_up, &found));
        ck_assert_int_eq(found.calls, 0); // never at once
        loop_run(loop);
        ck_assert_msg(found.result == ERR_OK, "%s: %s", rows[i].name, found.reason);
        ck_assert_uint_ge(found.addresses.count, 1);
        const struct sockaddr_storage *first = &found.addresses.items[0];
        ck_assert_msg(rows[i].family == 0 || first->ss_family == rows[i].family, "%s", rows[i].name);
        struct sockaddr_in v4;
        memcpy(&v4, first, sizeof v4); // the port lies at the same place in both families
        ck_assert_uint_eq(ntohs(v4.sin_port), 8443);
    }
}
END_TEST

START_TEST(says_which_name_has_no_address)
{
    char too_long[300];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    const struct {
        const char *host, *port;
    } rows[] = {{too_long, "8443"}, {"localhost", "no-such-service"}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct found found = {0};
        ck_assert_ptr_nonnull(loop_lookup_start(loop, rows[i].host, rows[i].port, looked_up, &found));
        loop_run(loop);
        ck_assert_int_eq(found.result, ERR_NOT_FOUND);
        char expected[40];
        snprintf(expected, sizeof expected, "no address for %.9s", rows[i].host);
        ck_assert_msg(strstr(found.reason, expected) == found.reason, "%s", found.reason);
    }
}
END_TEST

START_TEST(a_cancelled_lookup_is_silent)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (size_t i = 0; i < ARRAY_LENGTH(hosts); i++) {
        struct found found = {0};
        struct loop_lookup *lookup = loop_lookup_start(loop, hosts[i], "1", looked_up, &found);
        loop_lookup_cancel(lookup);
        struct loop_timer *end = loop_timer_new(loop, stop, NULL);
        loop_timer_start_ms(end, 5);
        loop_run(loop);
        ck_assert_int_eq(found.calls, 0);
        loop_timer_free(end);
    }
}
END_TEST

int main(void)
{
    return suite_run_with("loop", setup, teardown,
                          (const TTest *[]){
                              runs_posted_work_in_order_and_before_it_stops,
                              takes_work_from_many_threads_each_in_its_order,
                              runs_again_after_it_was_stopped,
                              drops_work_that_was_posted_after_the_end,
                              a_timer_expires_once_for_each_start,
                              a_stopped_timer_does_not_expire,
                              a_timer_that_restarts_at_once_lets_other_work_run,
                              a_timer_may_be_freed_in_its_own_callback,
                              calls_for_the_signal_it_was_told,
                              refuses_a_signal_that_does_not_exist,
                              a_write_to_a_peer_that_left_is_an_error_not_our_death,
                              tells_when_a_descriptor_is_ready,
                              a_paused_watch_is_silent,
                              shows_an_error_on_a_descriptor_as_ready,
                              a_watch_that_met_an_error_can_be_set_again,
                              a_watch_may_be_freed_and_its_descriptor_closed_in_its_callback,
                              refuses_a_closed_descriptor,
                              finds_addresses,
                              says_which_name_has_no_address,
                              a_cancelled_lookup_is_silent,
                              NULL,
                          });
}
