#include "base/array.h"
#include "exchange.h"
#include "support/suite.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct exchange exchange;

static void connect_to(const uint16_t *ports, size_t count)
{
    struct loop_addresses addresses = {.count = count};
    for (size_t i = 0; i < count; i++) {
        const struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons(ports[i]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        memcpy(&addresses.items[i], &address, sizeof address);
        addresses.sizes[i] = sizeof address;
    }
    exchange_connect_to(&exchange, NULL, NULL, &addresses);
}

/* A port that is ours and where nothing listens. */
static uint16_t closed_port(int *bound)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(*bound, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(*bound, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

START_TEST(a_port_where_nothing_listens_refuses)
{
    exchange_open(&exchange, NULL);
    int bound;
    const uint16_t port = closed_port(&bound);
    connect_to(&port, 1);
    exchange_run(&exchange, exchange_client_closed, "it was refused");
    ck_assert_int_eq(exchange.client.code, ERR_CLOSED);
    char expected[64];
    snprintf(expected, sizeof expected, "127.0.0.1:%u: connection refused", port);
    ck_assert_msg(strstr(exchange.client.reason, expected) != NULL, "%s", exchange.client.reason);
    ck_assert_int_eq(exchange.client.opened, 0);
    close(bound);
    exchange_close(&exchange);
}
END_TEST

START_TEST(no_address_is_told_as_such)
{
    exchange_open(&exchange, NULL);
    connect_to(NULL, 0);
    ck_assert_int_eq(exchange.client.closed, 0); // never out of a call
    exchange_run(&exchange, exchange_client_closed, "it gave up");
    ck_assert_int_eq(exchange.client.code, ERR_NOT_FOUND);
    exchange_close(&exchange);
}
END_TEST

/* A listener whose queue is full: the kernel leaves new connections without any answer. */
struct silent_port {
    uint16_t port;
    int listener;
    int fillers[4];
};

static void silence(struct silent_port *silent)
{
    silent->port = exchange_listen_somewhere(&silent->listener, 0);
    for (size_t i = 0; i < ARRAY_LENGTH(silent->fillers); i++) {
        const struct sockaddr_in address = {.sin_family = AF_INET,
                                            .sin_port = htons(silent->port),
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        silent->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(silent->fillers[i], (const struct sockaddr *)&address, sizeof address);
    }
}

static void end_silence(const struct silent_port *silent)
{
    for (size_t i = 0; i < ARRAY_LENGTH(silent->fillers); i++) {
        close(silent->fillers[i]);
    }
    close(silent->listener);
}

START_TEST(an_address_that_does_not_answer_ends_at_the_deadline)
{
    exchange_open(&exchange, NULL);
    struct silent_port silent;
    silence(&silent);
    exchange.handshake_ms = 60;
    connect_to(&silent.port, 1);
    exchange_run(&exchange, exchange_client_closed, "it gave up");
    ck_assert_int_eq(exchange.client.code, ERR_TIMEOUT);
    ck_assert_msg(strstr(exchange.client.reason, "no answer") != NULL, "%s", exchange.client.reason);
    end_silence(&silent);
    exchange_close(&exchange);
}
END_TEST

START_TEST(the_first_address_that_answers_is_taken)
{
    exchange_open(&exchange, NULL);
    struct silent_port silent;
    silence(&silent);
    int bound;
    const uint16_t ports[] = {closed_port(&bound), silent.port, exchange.port, closed_port(&bound)};
    exchange.handshake_ms = 2000;
    connect_to(ports, ARRAY_LENGTH(ports));
    exchange_run(&exchange, exchange_both_open, "both are open");
    end_silence(&silent);
    exchange_close(&exchange);
}
END_TEST

START_TEST(an_io_may_be_freed_while_it_connects)
{
    exchange_open(&exchange, NULL);
    struct silent_port silent;
    silence(&silent);
    connect_to(&silent.port, 1);
    io_free(exchange.client.io);
    exchange.client.io = NULL;
    end_silence(&silent);
    exchange_close(&exchange);
}
END_TEST

int main(void)
{
    return suite_run("connector", (const TTest *[]){
                                      a_port_where_nothing_listens_refuses,
                                      no_address_is_told_as_such,
                                      an_address_that_does_not_answer_ends_at_the_deadline,
                                      the_first_address_that_answers_is_taken,
                                      an_io_may_be_freed_while_it_connects,
                                      NULL,
                                  });
}
