#include "io_fixture.h"

#include <stdlib.h>
#include <string.h>

struct exchange exchange;
struct tls_context *server_tls;
struct tls_context *client_tls;

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

void start(enum kind kind)
{
    exchange_open(&exchange, kind == TLS ? server_tls : NULL);
}

void join_ends(enum kind kind)
{
    exchange_connect(&exchange, kind == TLS ? client_tls : NULL, "localhost");
    exchange_run(&exchange, exchange_both_open, "both are open");
}

enum err send_text(struct end *end, const char *text)
{
    return io_write(end->io, (struct bytes){.data = (const uint8_t *)text, .size = strlen(text)});
}

bool received_text(const struct end *end, const char *text)
{
    struct bytes bytes = buffer_bytes(&end->received);
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

/* Fits no record and no buffer. */
enum { PERIOD = 4099 };

static void fill_period(uint8_t *period, unsigned salt)
{
    for (unsigned i = 0; i < PERIOD; i++) {
        period[i] = (uint8_t)((i * 2654435761U + salt) >> 13);
    }
}

void send_pattern(struct end *end, unsigned salt)
{
    uint8_t period[PERIOD];
    fill_period(period, salt);
    for (size_t at = 0; at < BIG; at += PERIOD) {
        struct bytes bytes = {.data = period, .size = at + PERIOD < BIG ? PERIOD : BIG - at};
        ck_assert_int_eq(io_write(end->io, bytes), ERR_OK);
    }
}

void check_pattern(const struct end *end, unsigned salt)
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

bool both_greeted(const struct exchange *seen)
{
    return received_text(&seen->server, "hello server") && received_text(&seen->client, "hello client");
}

bool server_got_something(const struct exchange *seen)
{
    return seen->server.received.size > 0;
}

static void add_tests(TCase *tcase, const TTest *const *tests, int kinds)
{
    tcase_add_checked_fixture(tcase, setup, teardown);
    for (; *tests; tests++) {
        tcase_add_loop_test(tcase, *tests, 0, kinds);
    }
}

static bool run_suite(const char *name, const TTest *const *both, const TTest *const *once)
{
    Suite *suite = suite_create(name);
    TCase *plain_and_tls = tcase_create("plain and TLS");
    TCase *of_one_kind = tcase_create("of one kind");
    add_tests(plain_and_tls, both, KINDS);
    add_tests(of_one_kind, once, 1);
    suite_add_tcase(suite, plain_and_tls);
    suite_add_tcase(suite, of_one_kind);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0;
}

int io_fixture_run(const char *name, const TTest *const *both, const TTest *const *once)
{
    certificates_make(&plant);
    bool passed = run_suite(name, both, once);
    exchange_handshake_apart = true;
    passed = run_suite("with handshakes in other threads", both, once) && passed;
    certificates_remove(&plant);
    return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
