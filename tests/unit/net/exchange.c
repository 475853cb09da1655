#include "exchange.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void opened(void *owner)
{
    struct end *end = owner;
    end->opened++;
    if (end->on_opened) {
        end->on_opened(end);
    }
}

static void received(void *owner, struct bytes bytes)
{
    struct end *end = owner;
    ck_assert_int_eq(buffer_append(&end->received, bytes.data, bytes.size), ERR_OK);
    if (end->on_received) {
        end->on_received(end);
    }
}

static void drained(void *owner)
{
    struct end *end = owner;
    end->drained++;
}

static void closed(void *owner, enum err code, const char *reason)
{
    struct end *end = owner;
    end->closed++;
    end->code = code;
    snprintf(end->reason, sizeof end->reason, "%s", reason);
    if (end->on_closed) {
        end->on_closed(end);
    }
}

static const struct io_events EVENTS = {
    .opened = opened, .received = received, .drained = drained, .closed = closed};

bool exchange_handshake_apart;

static struct io_options options_of(const struct exchange *exchange, struct end *end, struct tls_context *tls)
{
    return (struct io_options){
        .loop = exchange->loop,
        .tls = tls,
        .events = &EVENTS,
        .owner = end,
        .handshake_ms = exchange->handshake_ms,
        .out_limit = exchange->out_limit,
        .handshake_apart = exchange_handshake_apart,
    };
}

static void accepted(void *owner, int fd)
{
    struct exchange *exchange = owner;
    ck_assert_ptr_null(exchange->server.io);
    struct io_options options = options_of(exchange, &exchange->server, exchange->server_tls);
    ck_assert_int_eq(io_accept(&options, fd, &exchange->server.io), ERR_OK);
}

void exchange_open(struct exchange *exchange, struct tls_context *server_tls)
{
    *exchange = (struct exchange){
        .server_tls = server_tls, .handshake_ms = EXCHANGE_HANDSHAKE_MS, .out_limit = EXCHANGE_KEEP_MAX};
    exchange->loop = loop_new();
    ck_assert_ptr_nonnull(exchange->loop);
    buffer_init(&exchange->client.received, EXCHANGE_KEEP_MAX);
    buffer_init(&exchange->server.received, EXCHANGE_KEEP_MAX);
    struct err_text why;
    enum err result =
        io_listen(exchange->loop, "127.0.0.1", "0", false, accepted, exchange, &exchange->listener, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    exchange->port = io_listener_port(exchange->listener);
}

void exchange_close(struct exchange *exchange)
{
    io_free(exchange->client.io);
    io_free(exchange->server.io);
    io_listener_free(exchange->listener);
    loop_free(exchange->loop);
    buffer_fini(&exchange->client.received);
    buffer_fini(&exchange->server.received);
}

static struct sockaddr_in target(const struct exchange *exchange)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(exchange->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

void exchange_connect_to(struct exchange *exchange, struct tls_context *tls, const char *server_name,
                         const struct loop_addresses *addresses)
{
    struct io_options options = options_of(exchange, &exchange->client, tls);
    options.server_name = server_name;
    ck_assert_int_eq(io_connect(&options, addresses, &exchange->client.io), ERR_OK);
}

void exchange_connect(struct exchange *exchange, struct tls_context *tls, const char *server_name)
{
    struct sockaddr_in address = target(exchange);
    struct loop_addresses addresses = {.count = 1, .sizes = {sizeof address}};
    memcpy(&addresses.items[0], &address, sizeof address);
    exchange_connect_to(exchange, tls, server_name, &addresses);
}

int exchange_raw(const struct exchange *exchange)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    struct sockaddr_in address = target(exchange);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

uint16_t exchange_listen_somewhere(int *fd, int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(*fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(*fd, backlog), 0);
    ck_assert_int_eq(getsockname(*fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

/* Looks at the condition after every millisecond of the loop; events in between are not missed. */
struct waiting {
    struct exchange *exchange;
    bool (*done)(const struct exchange *exchange);
    struct loop_timer *timer;
};

static void look(void *owner)
{
    struct waiting *waiting = owner;
    if (waiting->exchange->expired || waiting->done(waiting->exchange)) {
        loop_stop(waiting->exchange->loop);
        return;
    }
    loop_timer_start_ms(waiting->timer, 1);
}

static void expire(void *owner)
{
    struct exchange *exchange = owner;
    exchange->expired = true;
}

void exchange_run(struct exchange *exchange, bool (*done)(const struct exchange *exchange), const char *what)
{
    struct waiting waiting = {.exchange = exchange, .done = done};
    waiting.timer = loop_timer_new(exchange->loop, look, &waiting);
    struct loop_timer *deadline = loop_timer_new(exchange->loop, expire, exchange);
    loop_timer_start_ms(deadline, EXCHANGE_DEADLINE_MS);
    loop_timer_start_ms(waiting.timer, 0);
    loop_run(exchange->loop);
    loop_timer_free(waiting.timer);
    loop_timer_free(deadline);
    ck_assert_msg(!exchange->expired, "waited in vain until %s; client %s, server %s", what,
                  exchange->client.reason, exchange->server.reason);
}

bool exchange_both_open(const struct exchange *exchange)
{
    return exchange->client.opened && exchange->server.opened;
}

bool exchange_both_closed(const struct exchange *exchange)
{
    return exchange->client.closed && exchange->server.closed;
}

bool exchange_server_open(const struct exchange *exchange)
{
    return exchange->server.opened;
}

bool exchange_server_closed(const struct exchange *exchange)
{
    return exchange->server.closed;
}

bool exchange_client_closed(const struct exchange *exchange)
{
    return exchange->client.closed;
}
