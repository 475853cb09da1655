#include "base/array.h"
#include "base/clock.h"
#include "contexts.h"
#include "exchange.h"
#include "raw_tls.h"
#include "support/suite.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct exchange exchange;
static struct tls_context *server_tls;
static struct tls_context *client_tls;

static void setup(void)
{
    const struct wish server = server_wish();
    const struct wish client = client_wish();
    server_tls = context_of(&server);
    client_tls = context_of(&client);
}

static void teardown(void)
{
    tls_context_unref(server_tls);
    tls_context_unref(client_tls);
}

/* Each behaviour is the same plain and over TLS, unless a test says otherwise. */
enum kind { PLAIN, TLS, KINDS };

static void start(enum kind kind)
{
    exchange_open(&exchange, kind == TLS ? server_tls : NULL);
}

static void join_ends(enum kind kind)
{
    exchange_connect(&exchange, kind == TLS ? client_tls : NULL, "localhost");
    exchange_run(&exchange, exchange_both_open, "both are open");
}

static enum err send_text(struct end *end, const char *text)
{
    return io_write(end->io, (struct bytes){.data = (const uint8_t *)text, .size = strlen(text)});
}

static bool received_text(const struct end *end, const char *text)
{
    struct bytes bytes = buffer_bytes(&end->received);
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

/* --- sending and receiving ---------------------------------------------------------------------------- */

static bool both_greeted(const struct exchange *seen)
{
    return received_text(&seen->server, "hello server") && received_text(&seen->client, "hello client");
}

START_TEST(carries_bytes_both_ways)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    ck_assert_int_eq(send_text(&exchange.client, "hello "), ERR_OK);
    ck_assert_int_eq(send_text(&exchange.client, "server"), ERR_OK);
    ck_assert_int_eq(send_text(&exchange.server, "hello client"), ERR_OK);
    exchange_run(&exchange, both_greeted, "both were greeted");
    ck_assert_int_eq(exchange.client.opened, 1);
    ck_assert_int_eq(exchange.server.opened, 1);
    ck_assert_int_eq(strncmp(io_address(exchange.server.io), "127.0.0.1:", 10), 0);
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", exchange.port);
    ck_assert_str_eq(io_address(exchange.client.io), address);
    ck_assert_int_eq(io_peer(exchange.server.io) != NULL, _i == TLS);
    ck_assert_int_eq(io_cipher(exchange.server.io)[0] != '\0', _i == TLS);
    exchange_close(&exchange);
}
END_TEST

/* More than the kernel keeps for two sockets; a pattern whose period fits no record and no buffer. */
enum { BIG = 8 * 1024 * 1024 + 4321, PERIOD = 4099 };

static void fill_period(uint8_t *period, unsigned salt)
{
    for (unsigned i = 0; i < PERIOD; i++) {
        period[i] = (uint8_t)((i * 2654435761U + salt) >> 13);
    }
}

static void send_pattern(struct end *end, unsigned salt)
{
    uint8_t period[PERIOD];
    fill_period(period, salt);
    for (size_t at = 0; at < BIG; at += PERIOD) {
        struct bytes bytes = {.data = period, .size = at + PERIOD < BIG ? PERIOD : BIG - at};
        ck_assert_int_eq(io_write(end->io, bytes), ERR_OK);
    }
}

static void check_pattern(const struct end *end, unsigned salt)
{
    uint8_t period[PERIOD];
    fill_period(period, salt);
    struct bytes bytes = buffer_bytes(&end->received);
    ck_assert_uint_eq(bytes.size, BIG);
    for (size_t at = 0; at < BIG; at += PERIOD) {
        size_t size = at + PERIOD < BIG ? PERIOD : BIG - at;
        ck_assert_msg(memcmp(bytes.data + at, period, size) == 0, "a byte from %zu on is wrong", at);
    }
}

static bool both_got_all(const struct exchange *seen)
{
    return seen->client.received.size == BIG && seen->server.received.size == BIG && seen->client.drained &&
           seen->server.drained;
}

START_TEST(big_transfers_in_both_directions_at_once_arrive_whole)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    send_pattern(&exchange.client, 1);
    send_pattern(&exchange.server, 2);
    ck_assert_uint_gt(io_waiting(exchange.client.io), 0);
    exchange_run(&exchange, both_got_all, "everything arrived");
    check_pattern(&exchange.server, 1);
    check_pattern(&exchange.client, 2);
    ck_assert_uint_eq(io_waiting(exchange.client.io), 0);
    exchange_close(&exchange);
}
END_TEST

enum { SMALL_WRITES = 3000, SMALL_MAX = 97 };

static bool got_all_small_writes(const struct exchange *seen)
{
    size_t expected = 0;
    for (size_t i = 0; i < SMALL_WRITES; i++) {
        expected += i % SMALL_MAX;
    }
    return seen->server.received.size == expected;
}

START_TEST(many_writes_of_odd_sizes_keep_their_order)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    uint8_t data[SMALL_MAX];
    uint8_t next = 0;
    for (size_t i = 0; i < SMALL_WRITES; i++) {
        for (size_t j = 0; j < i % SMALL_MAX; j++) {
            data[j] = next++;
        }
        ck_assert_int_eq(io_write(exchange.client.io, (struct bytes){.data = data, .size = i % SMALL_MAX}),
                         ERR_OK);
    }
    exchange_run(&exchange, got_all_small_writes, "everything arrived");
    struct bytes bytes = buffer_bytes(&exchange.server.received);
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] != (uint8_t)i) {
            ck_abort_msg("byte %zu is wrong", i);
        }
    }
    exchange_close(&exchange);
}
END_TEST

static bool client_drained(const struct exchange *seen)
{
    return seen->client.drained > 0;
}

START_TEST(drained_comes_later_also_for_bytes_that_left_at_once)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    ck_assert_int_eq(send_text(&exchange.client, "x"), ERR_OK);
    ck_assert_uint_eq(io_waiting(exchange.client.io), 0);
    ck_assert_int_eq(exchange.client.drained, 0);
    exchange_run(&exchange, client_drained, "it is drained");
    ck_assert_int_eq(exchange.client.drained, 1);
    exchange_close(&exchange);
}
END_TEST

/* --- back-pressure ------------------------------------------------------------------------------------ */

static bool queue_is_stuck(const struct exchange *seen)
{
    static size_t last_waiting;
    static int same;
    size_t waiting = io_waiting(seen->client.io);
    same = waiting == last_waiting ? same + 1 : 0;
    last_waiting = waiting;
    return waiting > 0 && same > 50; // 50 ms without a byte taken
}

START_TEST(a_paused_reader_holds_the_sender_back)
{
    start((enum kind)_i);
    join_ends((enum kind)_i);
    io_pause(exchange.server.io);
    send_pattern(&exchange.client, 1);
    exchange_run(&exchange, queue_is_stuck, "the sender stands still");
    ck_assert_uint_eq(exchange.server.received.size, 0);
    ck_assert_int_eq(exchange.client.drained, 0);

    send_pattern(&exchange.server, 2); // the other direction is not held back
    io_resume(exchange.server.io);
    exchange_run(&exchange, both_got_all, "everything arrived");
    check_pattern(&exchange.server, 1);
    check_pattern(&exchange.client, 2);
    exchange_close(&exchange);
}
END_TEST

START_TEST(the_queue_has_a_limit)
{
    start((enum kind)_i);
    exchange.out_limit = 1024;
    join_ends((enum kind)_i);
    io_pause(exchange.server.io);
    uint8_t data[1025] = {0};
    ck_assert_int_eq(io_write(exchange.client.io, (struct bytes){.data = data, .size = 1025}), ERR_LIMIT);
    size_t accepted = 0;
    while (io_write(exchange.client.io, (struct bytes){.data = data, .size = 1024}) == ERR_OK) {
        accepted += 1024;
        ck_assert_uint_lt(accepted, EXCHANGE_KEEP_MAX);
    }
    size_t waiting = io_waiting(exchange.client.io);
    ck_assert_uint_gt(waiting, 0);
    ck_assert_uint_le(waiting, 1024);
    exchange_close(&exchange);
}
END_TEST

static void pause_after_first(struct end *end)
{
    io_pause(end->io);
}

static bool server_got_something(const struct exchange *seen)
{
    return seen->server.received.size > 0;
}

START_TEST(a_pause_inside_received_takes_effect_at_once)
{
    start((enum kind)_i);
    exchange.server.on_received = pause_after_first;
    join_ends((enum kind)_i);
    send_pattern(&exchange.client, 1);
    exchange_run(&exchange, server_got_something, "the first bytes");
    size_t first = exchange.server.received.size;
    ck_assert_uint_le(first, 16384U);
    exchange_run(&exchange, queue_is_stuck, "the sender stands still");
    ck_assert_uint_eq(exchange.server.received.size, first);
    exchange_close(&exchange);
}
END_TEST

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

/* --- freeing in callbacks ----------------------------------------------------------------------------- */

static void free_it(struct end *end)
{
    io_free(end->io);
    end->io = NULL;
    end->closed = 1; // of our own making: closed() does not come
}

static void shut_it(struct end *end)
{
    io_shutdown(end->io, 1000);
}

static void write_and_shut_it(struct end *end)
{
    ck_assert_int_eq(send_text(end, "goodbye"), ERR_OK);
    io_shutdown(end->io, EXCHANGE_DEADLINE_MS);
}

START_TEST(an_io_may_be_freed_or_shut_down_in_any_callback)
{
    static const struct {
        const char *name;
        void (*on_opened)(struct end *end);
        void (*on_received)(struct end *end);
        void (*on_closed)(struct end *end);
    } rows[] = {
        {"freed in opened", free_it, NULL, NULL},
        {"freed in received", NULL, free_it, NULL},
        {"freed in closed", NULL, shut_it, free_it},
        {"shut down in opened", shut_it, NULL, NULL},
        {"shut down in received", NULL, shut_it, NULL},
        {"a last word in opened", write_and_shut_it, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        start((enum kind)_i);
        exchange.server.on_opened = rows[i].on_opened;
        exchange.server.on_received = rows[i].on_received;
        exchange.server.on_closed = rows[i].on_closed;
        join_ends((enum kind)_i);
        if (!exchange.client.closed) {
            (void)send_text(&exchange.client, "word");
        }
        exchange_run(&exchange, exchange_both_closed, rows[i].name);
        exchange_close(&exchange);
    }
}
END_TEST

static void add_tests(TCase *tcase, const TTest *const *tests, int kinds)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    for (; *tests; tests++) {
        tcase_add_loop_test(tcase, *tests, 0, kinds);
    }
}

static int run_suite(void)
{
    Suite *suite = suite_create("io");
    TCase *plain_and_tls = tcase_create("plain and TLS");
    add_tests(plain_and_tls,
              (const TTest *[]){
                  carries_bytes_both_ways,
                  big_transfers_in_both_directions_at_once_arrive_whole,
                  many_writes_of_odd_sizes_keep_their_order,
                  drained_comes_later_also_for_bytes_that_left_at_once,
                  bytes_that_arrive_one_by_one_make_no_difference,
                  a_paused_reader_holds_the_sender_back,
                  the_queue_has_a_limit,
                  a_pause_inside_received_takes_effect_at_once,
                  a_shutdown_delivers_everything_before_it_ends,
                  a_shutdown_gives_up_on_a_peer_that_does_not_read,
                  a_shutdown_gives_up_on_a_peer_that_does_not_close,
                  a_shutdown_before_the_connection_is_open_ends_it,
                  a_reset_is_told_as_such,
                  an_io_may_be_freed_or_shut_down_in_any_callback,
                  NULL,
              },
              KINDS);
    TCase *once = tcase_create("of one kind");
    add_tests(once,
              (const TTest *[]){
                  an_end_without_close_notify_is_an_error,
                  a_plain_end_of_stream_is_a_clean_close,
                  a_handshake_that_never_comes_or_drips_ends_at_the_deadline,
                  an_alert_lingers_for_a_peer_that_talks_on,
                  lingering_has_an_end,
                  NULL,
              },
              1);
    suite_add_tcase(suite, plain_and_tls);
    suite_add_tcase(suite, once);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
    certificates_make(&plant);
    int status = run_suite();
    certificates_remove(&plant);
    return status;
}
