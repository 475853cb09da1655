#include "base/log.h"
#include "net/io.h"
#include "support/suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_MS = 10000, WANTED_MAX = 100 };

static struct loop *loop;
static struct loop_timer *deadline;
static struct io_listener *listener;
static int accepted_fds[WANTED_MAX];
static int accepted_count;
static int wanted; /* the loop stops when so many were accepted */

static void too_late(void *owner)
{
    (void)owner;
    ck_abort_msg("the loop ran into the deadline; %d accepted", accepted_count);
}

static void accepted(void *owner, int fd)
{
    (void)owner;
    ck_assert_int_lt(accepted_count, WANTED_MAX);
    accepted_fds[accepted_count++] = fd;
    if (accepted_count == wanted) {
        loop_stop(loop);
    }
}

static void setup(void)
{
    loop = loop_new();
    deadline = loop_timer_new(loop, too_late, NULL);
    loop_timer_start_ms(deadline, DEADLINE_MS);
}

static void teardown(void)
{
    for (int i = 0; i < accepted_count; i++) {
        close(accepted_fds[i]);
    }
    io_listener_free(listener);
    loop_timer_free(deadline);
    loop_free(loop);
}

static enum err start(const char *host, const char *port, bool reuse_port, struct err_text *why)
{
    return io_listen(loop, host, port, reuse_port, accepted, NULL, &listener, why);
}

static int connect_to(const char *address, uint16_t port)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(port)};
    ck_assert_int_eq(inet_pton(AF_INET, address, &target.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&target, sizeof target), 0);
    return fd;
}

START_TEST(accepts_every_connection)
{
    ck_assert_int_eq(start("127.0.0.1", "0", false, NULL), ERR_OK);
    ck_assert_uint_ne(io_listener_port(listener), 0);
    int clients[WANTED_MAX] = {0};
    wanted = WANTED_MAX; // more than one round takes
    for (int i = 0; i < wanted; i++) {
        clients[i] = connect_to("127.0.0.1", io_listener_port(listener));
    }
    loop_run(loop);
    for (int i = 0; i < wanted; i++) {
        close(clients[i]);
    }
}
END_TEST

START_TEST(the_ipv6_wildcard_serves_ipv4_too)
{
    struct err_text why;
    ck_assert_msg(start("::", "0", false, &why) == ERR_OK, "%s", why.text);
    wanted = 1;
    int client = connect_to("127.0.0.1", io_listener_port(listener));
    loop_run(loop);
    close(client);
}
END_TEST

START_TEST(a_port_in_use_is_told_as_such)
{
    struct err_text why;
    ck_assert_int_eq(start("127.0.0.1", "0", false, &why), ERR_OK);
    char port[8];
    snprintf(port, sizeof port, "%u", io_listener_port(listener));
    struct io_listener *second;
    ck_assert_int_eq(io_listen(loop, "127.0.0.1", port, false, accepted, NULL, &second, &why), ERR_IO);
    ck_assert_ptr_null(second);
    ck_assert_msg(strstr(why.text, port) && strstr(why.text, "in use"), "%s", why.text);
}
END_TEST

START_TEST(listeners_share_a_port_when_they_are_told_to)
{
    struct err_text why;
    ck_assert_int_eq(start("127.0.0.1", "0", true, &why), ERR_OK);
    char port[8];
    snprintf(port, sizeof port, "%u", io_listener_port(listener));
    struct io_listener *second;
    ck_assert_msg(io_listen(loop, "127.0.0.1", port, true, accepted, NULL, &second, &why) == ERR_OK, "%s",
                  why.text);
    io_listener_free(second);
}
END_TEST

START_TEST(a_port_that_others_share_is_not_free)
{
    struct err_text why;
    ck_assert_int_eq(start("127.0.0.1", "0", true, &why), ERR_OK);
    char port[8];
    snprintf(port, sizeof port, "%u", io_listener_port(listener));
    static const char *const hosts[] = {"127.0.0.1", "0.0.0.0"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        ck_assert_int_eq(io_listen_check(hosts[i], port, &why), ERR_IO);
        ck_assert_msg(strstr(why.text, port) && strstr(why.text, "in use"), "%s", why.text);
    }
    io_listener_free(listener);
    listener = NULL;
    ck_assert_msg(io_listen_check("127.0.0.1", port, &why) == ERR_OK, "%s", why.text);
}
END_TEST

START_TEST(a_host_that_is_not_ours_is_told_as_such)
{
    struct err_text why;
    ck_assert_int_ne(start("192.0.2.1", "0", false, &why), ERR_OK);
    ck_assert_ptr_nonnull(strstr(why.text, "192.0.2.1"));
    ck_assert_int_eq(start("127.0.0.1", "no-such-service", false, &why), ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(why.text, "no-such-service"));
}
END_TEST

static void free_listener(void *owner, int fd)
{
    (void)owner;
    close(fd);
    io_listener_free(listener);
    listener = NULL;
    loop_stop(loop);
}

START_TEST(a_listener_may_be_freed_while_it_accepts)
{
    ck_assert_int_eq(io_listen(loop, "127.0.0.1", "0", false, free_listener, NULL, &listener, NULL), ERR_OK);
    int first = connect_to("127.0.0.1", io_listener_port(listener));
    int second = connect_to("127.0.0.1", io_listener_port(listener));
    loop_run(loop);
    close(first);
    close(second);
}
END_TEST

/* --- no descriptors left ------------------------------------------------------------------------------ */

static int warnings;

static void count_warning(void *owner, const char *line, size_t size)
{
    (void)owner;
    (void)size;
    warnings += strstr(line, "event=accept_paused") != NULL;
}

static void stop(void *owner)
{
    (void)owner;
    loop_stop(loop);
}

/* Runs the loop for a while and returns the processor time it took in ms. */
static int64_t run_for_ms(int64_t duration_ms)
{
    struct timespec before;
    struct timespec after;
    struct loop_timer *end = loop_timer_new(loop, stop, NULL);
    loop_timer_start_ms(end, duration_ms);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    loop_run(loop);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    loop_timer_free(end);
    return (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
}

START_TEST(without_descriptors_it_waits_instead_of_spinning)
{
    ck_assert_int_eq(start("127.0.0.1", "0", false, NULL), ERR_OK);
    wanted = -1;
    log_set_sink(count_warning, NULL);
    int client = connect_to("127.0.0.1", io_listener_port(listener));
    const struct rlimit none = {.rlim_cur = (rlim_t)client + 1, .rlim_max = (rlim_t)client + 1};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    int64_t busy_ms = run_for_ms(300);
    ck_assert_int_eq(accepted_count, 0);
    ck_assert_int_eq(warnings, 1); // and not one for every attempt
    ck_assert_int_lt(busy_ms, 20);

    ck_assert_int_eq(close(STDIN_FILENO), 0); // one descriptor becomes free
    wanted = 1;
    loop_run(loop);
    ck_assert_int_eq(accepted_count, 1);
    log_set_sink(NULL, NULL);
    close(client);
}
END_TEST

int main(void)
{
    return suite_run_with("io_listener", setup, teardown,
                          (const TTest *[]){
                              accepts_every_connection,
                              the_ipv6_wildcard_serves_ipv4_too,
                              a_port_in_use_is_told_as_such,
                              listeners_share_a_port_when_they_are_told_to,
                              a_port_that_others_share_is_not_free,
                              a_host_that_is_not_ours_is_told_as_such,
                              a_listener_may_be_freed_while_it_accepts,
                              without_descriptors_it_waits_instead_of_spinning,
                              NULL,
                          });
}
