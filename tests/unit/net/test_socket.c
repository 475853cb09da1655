#include "base/array.h"
#include "net/socket.h"
#include "support/suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static int option_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    ck_assert_int_eq(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

START_TEST(a_tuned_socket_sends_at_once_and_finds_dead_peers)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socket_tune(fd);
    ck_assert_int_ne(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    ck_assert_int_ne(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    ck_assert_int_le(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), SOCKET_KEEPALIVE_IDLE_S);
    ck_assert_int_ge(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE),
                     SOCKET_KEEPALIVE_IDLE_S - SOCKET_KEEPALIVE_SPREAD_S);
    ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), SOCKET_KEEPALIVE_EVERY_S);
    ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_KEEPCNT), SOCKET_KEEPALIVE_COUNT);
    ck_assert_int_eq(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), SOCKET_USER_TIMEOUT_MS);
    close(fd);
}
END_TEST

/* A TCP connection on loopback: `accepted` is its server's end. */
static int connect_pair(int *accepted)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    *accepted = accept(listener, NULL, NULL);
    ck_assert_int_ge(*accepted, 0);
    close(listener);
    return fd;
}

static void wait_until_waited(int fd, int64_t ms)
{
    while (socket_waited_ms(fd) < ms) { // the test's own time-out ends this
    }
}

static void wait_until_readable(int fd)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    ck_assert_int_eq(poll(&readable, 1, -1), 1);
}

START_TEST(a_socket_waits_for_its_peer_until_more_than_a_scrap_comes_or_is_sent)
{
    enum { LONG_MS = 50 };
    char bytes[SOCKET_SCRAP + 1] = {0};
    int accepted;
    int fd = connect_pair(&accepted);
    wait_until_waited(accepted, LONG_MS);
    ck_assert_int_eq(send(fd, bytes, SOCKET_SCRAP, 0), SOCKET_SCRAP);
    wait_until_readable(accepted);
    ck_assert_int_ge(socket_waited_ms(accepted), LONG_MS);
    ck_assert_int_eq(send(fd, bytes, 1, 0), 1);
    while (socket_waited_ms(accepted) > 0) { // until the last one has arrived
    }
    ck_assert_int_eq(recv(accepted, bytes, sizeof bytes, 0), sizeof bytes);
    ck_assert_int_ge(socket_waited_ms(accepted), LONG_MS);
    int64_t before_ms = socket_waited_ms(accepted);
    ck_assert_int_eq(send(accepted, bytes, 1, 0), 1);
    ck_assert_int_lt(socket_waited_ms(accepted), before_ms);
    wait_until_waited(accepted, LONG_MS);
    close(accepted);
    close(fd);
    ck_assert_int_eq(socket_waited_ms(-1), 0);
}
END_TEST

START_TEST(sockets_that_are_tuned_together_are_not_probed_together)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socket_tune(fd);
    int first = option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE);
    do {
        socket_tune(fd);
    } while (option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) == first);
    close(fd);
}
END_TEST

static struct sockaddr_storage address_of(int family, const char *host, uint16_t port)
{
    struct sockaddr_storage address = {0};
    if (family == AF_INET) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        ck_assert_int_eq(inet_pton(AF_INET, host, &v4.sin_addr), 1);
        memcpy(&address, &v4, sizeof v4);
    } else if (family == AF_INET6) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        ck_assert_int_eq(inet_pton(AF_INET6, host, &v6.sin6_addr), 1);
        memcpy(&address, &v6, sizeof v6);
    } else {
        address.ss_family = AF_UNIX;
    }
    return address;
}

START_TEST(addresses_are_written_as_people_write_them)
{
    static const struct {
        int family;
        const char *host;
        uint16_t port;
        const char *text;
    } rows[] = {
        {AF_INET, "192.0.2.7", 40112, "192.0.2.7:40112"},
        {AF_INET6, "2001:db8::7", 802, "[2001:db8::7]:802"},
        {AF_INET6, "::ffff:192.0.2.7", 802, "192.0.2.7:802"},
        {AF_INET6, "2001:0db8:1111:2222:3333:4444:5555:6666", 65535,
         "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"},
        {AF_UNIX, NULL, 0, "local"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct sockaddr_storage address = address_of(rows[i].family, rows[i].host, rows[i].port);
        char text[SOCKET_ADDRESS_MAX];
        socket_address_text(&address, text);
        ck_assert_str_eq(text, rows[i].text);
    }
}
END_TEST

START_TEST(errors_of_connections_have_classes_and_words)
{
    static const struct {
        int error_number;
        enum err code;
        const char *part;
    } rows[] = {
        {0, ERR_CLOSED, "closed"},
        {ECONNRESET, ERR_CLOSED, "reset"},
        {EPIPE, ERR_CLOSED, "reset"},
        {ECONNREFUSED, ERR_CLOSED, "nothing listens"},
        {ETIMEDOUT, ERR_TIMEOUT, "no longer answers"},
        {EHOSTUNREACH, ERR_IO, "No route"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct err_text why;
        ck_assert_int_eq(socket_explain(rows[i].error_number, &why), rows[i].code);
        ck_assert_msg(strstr(why.text, rows[i].part) != NULL, "%s", why.text);
    }
}
END_TEST

int main(void)
{
    return suite_run("socket", (const TTest *[]){
                                   a_tuned_socket_sends_at_once_and_finds_dead_peers,
                                   sockets_that_are_tuned_together_are_not_probed_together,
                                   a_socket_waits_for_its_peer_until_more_than_a_scrap_comes_or_is_sent,
                                   addresses_are_written_as_people_write_them,
                                   errors_of_connections_have_classes_and_words,
                                   NULL,
                               });
}
