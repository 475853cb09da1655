#include "base/array.h"
#include "loop_fixture.h"
#include "support/suite.h"
#include "support/system.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
    return suite_run_with("loop_watch", loop_fixture_setup, loop_fixture_teardown,
                          (const TTest *[]){
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
