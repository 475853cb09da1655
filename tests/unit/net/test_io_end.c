#include "base/array.h"
#include "base/clock.h"
#include "io_fixture.h"
#include "raw_tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- ends --------------------------------------------------------------------------------------------- */

static bool server_got_all_and_closed(const struct exchange *seen)
{
    return seen->server.closed && seen->client.closed;
}

START_TEST(a_shutdown_delivers_everything_before_it_ends)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    send_pattern(&exchange.client, 1);
    io_shutdown(exchange.client.io, EXCHANGE_DEADLINE_MS);
    ck_assert_int_eq(send_text(&exchange.client, "too late"), ERR_CLOSED);
    exchange_run(&exchange, server_got_all_and_closed, "both are closed");
    check_pattern(&exchange.server, 1);
    ck_assert_int_eq(exchange.server.code, ERR_OK);
    ck_assert_str_eq(exchange.server.reason, "the peer closed the connection");
    ck_assert_msg(exchange.client.code == ERR_OK, "%s", exchange.client.reason);
    ck_assert_int_eq(exchange.client.closed, 1);
    exchange_close(&exchange);
}
END_TEST

START_TEST(a_shutdown_gives_up_on_a_peer_that_does_not_read)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    io_pause(exchange.server.io);
    send_pattern(&exchange.client, 1);
    io_shutdown(exchange.client.io, 50);
    exchange_run(&exchange, exchange_client_closed, "the client gave up");
    ck_assert_int_eq(exchange.client.code, ERR_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(exchange.client.reason, "did not take in time"));
    exchange_close(&exchange);
}
END_TEST

START_TEST(a_shutdown_gives_up_on_a_peer_that_does_not_close)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    io_pause(exchange.server.io);
    io_shutdown(exchange.client.io, 50);
    exchange_run(&exchange, exchange_client_closed, "the client gave up");
    ck_assert_int_eq(exchange.client.code, ERR_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(exchange.client.reason, "did not close"));
    exchange_close(&exchange);
}
END_TEST

START_TEST(a_shutdown_before_the_connection_is_open_ends_it)
{
    start((enum kind)_i);
    exchange_connect(&exchange, _i == TLS ? client_tls : NULL, "localhost");
    io_shutdown(exchange.client.io, 1000);
    ck_assert_int_eq(exchange.client.closed, 0); // never out of a call
    exchange_run(&exchange, exchange_client_closed, "the client is closed");
    ck_assert_int_eq(exchange.client.code, ERR_OK);
    exchange_close(&exchange);
}
END_TEST

START_TEST(an_end_without_close_notify_is_an_error)
{
    static const struct {
        const char *name;
        bool silent_end;
        enum err code;
        const char *reason;
    } rows[] = {
        {"silent", true, ERR_CLOSED, "close_notify"},
        {"proper", false, ERR_OK, "the peer closed the connection"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        start(TLS);
        struct raw_tls peer = {.port = exchange.port,
                               .certificate = file("bridge/cell-3", ".pem"),
                               .key = file("bridge/cell-3", ".key"),
                               .alpn = "bourdon/1",
                               .send = "last words",
                               .silent_end = rows[i].silent_end};
        raw_tls_start(&peer);
        exchange_run(&exchange, server_got_something, "the last words");
        if (!rows[i].silent_end) {
            ck_assert_int_eq(send_text(&exchange.server, "well?"), ERR_OK); // the peer waits for it
        }
        exchange_run(&exchange, exchange_server_closed, "the end");
        raw_tls_join(&peer);
        ck_assert(received_text(&exchange.server, "last words"));
        ck_assert_msg(exchange.server.code == rows[i].code, "%s: %s", rows[i].name, exchange.server.reason);
        ck_assert_ptr_nonnull(strstr(exchange.server.reason, rows[i].reason));
        exchange_close(&exchange);
    }
}
END_TEST

static void reset(int fd)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fd);
}

START_TEST(a_reset_is_told_as_such)
{
    start((enum kind)_i);
    int fd = exchange_raw(&exchange);
    if (_i == PLAIN) {
        exchange_run(&exchange, exchange_server_open, "the server is open");
    } else {
        static const uint8_t hello_begins[] = {0x16, 0x03, 0x01, 0x02};
        ck_assert_int_eq(write(fd, hello_begins, sizeof hello_begins), sizeof hello_begins);
    }
    reset(fd);
    exchange_run(&exchange, exchange_server_closed, "the server noticed");
    ck_assert_msg(exchange.server.code == ERR_CLOSED, "%s", exchange.server.reason);
    ck_assert_ptr_nonnull(strstr(exchange.server.reason, "reset"));
    exchange_close(&exchange);
}
END_TEST

START_TEST(a_plain_end_of_stream_is_a_clean_close)
{
    start(PLAIN);
    int fd = exchange_raw(&exchange);
    ck_assert_int_eq(write(fd, "bye", 3), 3);
    close(fd);
    exchange_run(&exchange, exchange_server_closed, "the server noticed");
    ck_assert(received_text(&exchange.server, "bye"));
    ck_assert_int_eq(exchange.server.code, ERR_OK);
    exchange_close(&exchange);
}
END_TEST

/* --- hostile handshakes ------------------------------------------------------------------------------- */

START_TEST(a_handshake_that_never_comes_or_drips_ends_at_the_deadline)
{
    static const struct {
        const char *name;
        size_t size;
    } rows[] = {{"silence", 0}, {"the start of a hello", 7}};
    static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        start(TLS);
        exchange.handshake_ms = 60;
        int fd = exchange_raw(&exchange);
        ck_assert_int_eq(write(fd, hello, rows[i].size), (ssize_t)rows[i].size);
        int64_t before_us = clock_mono_us();
        exchange_run(&exchange, exchange_server_closed, rows[i].name);
        ck_assert_int_ge(clock_mono_us() - before_us, 50 * CLOCK_US_PER_MS);
        ck_assert_int_eq(exchange.server.code, ERR_TIMEOUT);
        ck_assert_ptr_nonnull(strstr(exchange.server.reason, "handshake"));
        ck_assert_int_eq(exchange.server.opened, 0);
        close(fd);
        exchange_close(&exchange);
    }
}
END_TEST

/* --- an end while another thread computes the handshake --------------------------------------------------
 */

enum { BLOCKERS = 16 }; /* at least as many as threads that work for loops */

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void wait_until_let_go(void *owner)
{
    (void)owner;
    pthread_mutex_lock(&held);
    pthread_mutex_unlock(&held);
}

static void nothing(void *owner)
{
    (void)owner;
}

static bool settled;
static int raw;

static void settle(void *owner)
{
    (void)owner;
    settled = true;
}

static bool server_has_begun(const struct exchange *seen)
{
    return settled && seen->server.io;
}

/* Until the server's handshake waits for a thread, all of which are held. Returns the client's socket. */
static int start_a_handshake_that_waits(void)
{
    static const uint8_t hello[] = {0x16, 0x03, 0x01};
    start(TLS);
    pthread_mutex_lock(&held);
    for (int i = 0; i < BLOCKERS; i++) {
        ck_assert_ptr_nonnull(loop_work(exchange.loop, wait_until_let_go, nothing, NULL));
    }
    exchange.handshake_ms = 200;
    int fd = exchange_raw(&exchange);
    ck_assert_int_eq(write(fd, hello, sizeof hello), sizeof hello);
    struct loop_timer *timer = loop_timer_new(exchange.loop, settle, NULL);
    loop_timer_start_ms(timer, 50);
    exchange_run(&exchange, server_has_begun, "the server has begun");
    loop_timer_free(timer);
    return fd;
}

static void close_after(int fd)
{
    close(fd);
    exchange_close(&exchange);
}

START_TEST(an_io_freed_while_its_handshake_is_computed_lives_until_that_ends)
{
    int fd = start_a_handshake_that_waits();
    io_free(exchange.server.io);
    exchange.server.io = NULL;
    pthread_mutex_unlock(&held);
    close_after(fd);
}
END_TEST

static bool client_was_closed(const struct exchange *seen)
{
    uint8_t byte;
    (void)seen;
    return recv(raw, &byte, sizeof byte, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
}

/* Or a storm of handshakes that nobody waits for any more would hold descriptors and threads. */
START_TEST(an_io_freed_while_its_handshake_waits_for_a_thread_is_gone_at_once)
{
    raw = start_a_handshake_that_waits();
    io_free(exchange.server.io);
    exchange.server.io = NULL;
    exchange_run(&exchange, client_was_closed, "the connection is closed");
    pthread_mutex_unlock(&held);
    close_after(raw);
}
END_TEST

START_TEST(a_shutdown_while_the_handshake_is_computed_need_not_wait_for_it)
{
    int fd = start_a_handshake_that_waits();
    io_shutdown(exchange.server.io, 1000);
    if (!exchange_handshake_apart) {
        pthread_mutex_unlock(&held);
    }
    exchange_run(&exchange, exchange_server_closed, "the server is closed");
    ck_assert_int_eq(exchange.server.code, ERR_OK);
    ck_assert_ptr_nonnull(strstr(exchange.server.reason, "before it was open"));
    if (exchange_handshake_apart) {
        pthread_mutex_unlock(&held);
    }
    close_after(fd);
}
END_TEST

static bool released;

static void let_go(void *owner)
{
    (void)owner;
    released = true;
    pthread_mutex_unlock(&held);
}

static bool server_closed_and_threads_released(const struct exchange *seen)
{
    return released && exchange_server_closed(seen);
}

START_TEST(a_deadline_while_the_handshake_is_computed_holds)
{
    int fd = start_a_handshake_that_waits();
    struct loop_timer *timer = loop_timer_new(exchange.loop, let_go, NULL);
    loop_timer_start_ms(timer, 400);
    exchange_run(&exchange, server_closed_and_threads_released, "the server is closed");
    ck_assert_int_eq(exchange.server.code, ERR_TIMEOUT);
    loop_timer_free(timer);
    close_after(fd);
}
END_TEST

/* Hands on one byte at a time, both ways, until either side ends. */
struct relay {
    int listener;
    int outward; /* to the exchange's listener */
    pthread_t thread;
};

static bool hand_on(int from, int to)
{
    char byte;
    return recv(from, &byte, 1, 0) == 1 && send(to, &byte, 1, MSG_NOSIGNAL) == 1;
}

static void *relay_bytes(void *owner)
{
    const struct relay *relay = owner;
    int inward = accept(relay->listener, NULL, NULL);
    const int on = 1;
    setsockopt(inward, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(relay->outward, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bool open = true;
    while (open) {
        struct pollfd fds[2] = {{.fd = inward, .events = POLLIN}, {.fd = relay->outward, .events = POLLIN}};
        poll(fds, 2, EXCHANGE_DEADLINE_MS);
        open = (!fds[0].revents || hand_on(inward, relay->outward)) &&
               (!fds[1].revents || hand_on(relay->outward, inward));
    }
    close(inward);
    close(relay->outward);
    close(relay->listener);
    return NULL;
}

START_TEST(bytes_that_arrive_one_by_one_make_no_difference)
{
    start((enum kind)_i);
    struct relay relay = {.outward = exchange_raw(&exchange)};
    exchange.port = exchange_listen_somewhere(&relay.listener, 1);
    ck_assert_int_eq(pthread_create(&relay.thread, NULL, relay_bytes, &relay), 0);
    join_ends((enum kind)_i);
    ck_assert_int_eq(send_text(&exchange.client, "hello server"), ERR_OK);
    ck_assert_int_eq(send_text(&exchange.server, "hello client"), ERR_OK);
    exchange_run(&exchange, both_greeted, "both were greeted");
    exchange_close(&exchange);
    pthread_join(relay.thread, NULL);
}
END_TEST

static int talker;
static uint8_t answer[16];
static size_t answer_size;
static bool answer_ended;

static bool talker_heard_the_end(const struct exchange *seen)
{
    (void)seen;
    ssize_t got = recv(talker, answer + answer_size, sizeof answer - answer_size, MSG_DONTWAIT);
    answer_size += got > 0 ? (size_t)got : 0;
    answer_ended = got == 0;
    return answer_ended;
}

START_TEST(an_alert_lingers_for_a_peer_that_talks_on)
{
    // The peer has sent more than the server reads: closing at once would answer with a reset, and lose the
    // alert.
    start(TLS);
    talker = exchange_raw(&exchange);
    char rubbish[20000] = {0x16, 0x03, 0x01, 0x00, 0x05}; // a handshake record of a type that does not exist
    memset(rubbish + 5, 'x', sizeof rubbish - 5);
    ck_assert_int_eq(send(talker, rubbish, sizeof rubbish, 0), sizeof rubbish);
    exchange_run(&exchange, talker_heard_the_end, "the peer heard the end");
    ck_assert_msg(answer_size == 7 && answer[0] == 0x15, "%zu", answer_size); // one alert record
    ck_assert_int_eq(exchange.server.closed, 0);                              // it still listens
    close(talker);
    exchange_run(&exchange, exchange_server_closed, "the server closed");
    ck_assert_int_eq(exchange.server.code, ERR_MALFORMED);
    ck_assert_msg(strstr(exchange.server.reason, "broke TLS") != NULL, "%s", exchange.server.reason);
    exchange_close(&exchange);
}
END_TEST

START_TEST(lingering_has_an_end)
{
    start(TLS);
    talker = exchange_raw(&exchange);
    static const uint8_t rubbish[] = {0x16, 0x03, 0x01, 0x00, 0x05, 'x', 'x', 'x', 'x', 'x'};
    ck_assert_int_eq(send(talker, rubbish, sizeof rubbish, 0), sizeof rubbish);
    exchange_run(&exchange, exchange_server_closed, "the server gave up");
    ck_assert_int_eq(exchange.server.code, ERR_MALFORMED);
    close(talker);
    exchange_close(&exchange);
}
END_TEST

int main(void)
{
    const TTest *const both[] = {
        a_shutdown_delivers_everything_before_it_ends,
        a_shutdown_gives_up_on_a_peer_that_does_not_read,
        a_shutdown_gives_up_on_a_peer_that_does_not_close,
        a_shutdown_before_the_connection_is_open_ends_it,
        a_reset_is_told_as_such,
        bytes_that_arrive_one_by_one_make_no_difference,
        NULL,
    };
    const TTest *const once[] = {
        an_end_without_close_notify_is_an_error,
        a_plain_end_of_stream_is_a_clean_close,
        a_handshake_that_never_comes_or_drips_ends_at_the_deadline,
        an_alert_lingers_for_a_peer_that_talks_on,
        lingering_has_an_end,
        an_io_freed_while_its_handshake_is_computed_lives_until_that_ends,
        an_io_freed_while_its_handshake_waits_for_a_thread_is_gone_at_once,
        a_shutdown_while_the_handshake_is_computed_need_not_wait_for_it,
        a_deadline_while_the_handshake_is_computed_holds,
        NULL,
    };
    return io_fixture_run("io_end", both, once);
}
