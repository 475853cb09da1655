#include "base/array.h"
#include "http.h"
#include "support/suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { DEADLINE_S = 10 };

static struct http *http;
static enum err current_health;

static enum err health(void *owner, struct err_text *why)
{
    (void)owner;
    return err_set(why, current_health, "store store.db: disk is full");
}

static enum err metrics(void *owner, struct buffer *out)
{
    (void)owner;
    static const char text[] = "bourdon_server_batches_total 7\n";
    return buffer_append(out, text, sizeof text - 1);
}

static void setup(void)
{
    const struct http_source source = {.health = health, .metrics = metrics};
    struct err_text why;
    ck_assert_msg(http_start("127.0.0.1", "0", &source, &http, &why) == ERR_OK, "%s", why.text);
}

static void teardown(void)
{
    http_stop(http);
}

static int connect_to_us(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(http_port(http))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval patience = {.tv_sec = DEADLINE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Everything that comes until the other end closes. */
static const char *ask(const char *request)
{
    static char answer[4096];
    size_t size = 0;
    ssize_t got;
    int fd = connect_to_us();
    ck_assert_int_eq(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
    while (size < sizeof answer - 1 && (got = recv(fd, answer + size, sizeof answer - 1 - size, 0)) > 0) {
        size += (size_t)got;
    }
    answer[size] = '\0';
    close(fd);
    return answer;
}

#define REQUEST(line) line " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

START_TEST(answers_are_as_asked)
{
    static const struct {
        const char *name;
        enum err health;
        const char *request;
        const char *status;
        const char *holds; /* NULL = no body */
    } rows[] = {
        {"healthy", ERR_OK, REQUEST("GET /healthz"), "HTTP/1.1 200 ", "\r\n\r\nok\n"},
        {"ill", ERR_DISK_FULL, REQUEST("GET /healthz"), "HTTP/1.1 503 ",
         "\r\n\r\nstore store.db: disk is full\n"},
        {"only the head", ERR_OK, REQUEST("HEAD /healthz"), "HTTP/1.1 200 ", NULL},
        {"metrics", ERR_OK, REQUEST("GET /metrics"), "HTTP/1.1 200 ",
         "\r\n\r\nbourdon_server_batches_total 7\n"},
        {"type of metrics", ERR_OK, REQUEST("GET /metrics"), "HTTP/1.1 200 ",
         "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"},
        {"query is ignored", ERR_OK, REQUEST("GET /healthz?x=y"), "HTTP/1.1 200 ", "\r\n\r\nok\n"},
        {"nothing there", ERR_OK, REQUEST("GET /"), "HTTP/1.1 404 ", "/healthz"},
        {"path is exact", ERR_OK, REQUEST("GET /healthz/"), "HTTP/1.1 404 ", "/healthz"},
        {"no writing", ERR_OK, REQUEST("DELETE /metrics"), "HTTP/1.1 405 ", "Allow: GET, HEAD"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        current_health = rows[i].health;
        const char *answer = ask(rows[i].request);
        ck_assert_msg(strncmp(answer, rows[i].status, strlen(rows[i].status)) == 0, "%s: %s", rows[i].name,
                      answer);
        const char *body = strstr(answer, "\r\n\r\n");
        ck_assert_msg(body != NULL, "%s", rows[i].name);
        ck_assert_msg(rows[i].holds ? strstr(answer, rows[i].holds) != NULL : strlen(body) == 4, "%s: %s",
                      rows[i].name, answer);
    }
}
END_TEST

START_TEST(a_body_is_not_wanted)
{
    const char *answer = ask("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
                             "Connection: close\r\n\r\nhello");
    ck_assert_msg(strncmp(answer, "HTTP/1.1 200", 12) != 0, "%s", answer);
}
END_TEST

START_TEST(a_huge_request_is_refused)
{
    static char request[4 * HTTP_REQUEST_MAX];
    memset(request, 'a', sizeof request - 1);
    memcpy(request, "GET /", 5);
    ck_assert_msg(strncmp(ask(request), "HTTP/1.1 200", 12) != 0, "served");
}
END_TEST

START_TEST(idle_connections_of_one_address_do_not_pile_up)
{
    int idle[HTTP_CONNECTIONS_PER_ADDRESS_MAX + 4];
    for (size_t i = 0; i < ARRAY_LENGTH(idle); i++) {
        idle[i] = connect_to_us();
    }
    /* The last ones are closed at once; the first ones wait for their time-out. */
    char byte;
    ck_assert_int_eq(recv(idle[ARRAY_LENGTH(idle) - 1], &byte, 1, 0), 0);
    close(idle[0]);
    for (size_t i = 1; i < ARRAY_LENGTH(idle); i++) {
        close(idle[i]);
    }
}
END_TEST

START_TEST(a_place_that_cannot_be_listened_on_is_said)
{
    struct http *second = NULL;
    struct err_text why;
    char port[16];
    const struct http_source source = {.health = health, .metrics = metrics};
    snprintf(port, sizeof port, "%u", (unsigned)http_port(http));
    ck_assert_int_ne(http_start("127.0.0.1", port, &source, &second, &why), ERR_OK);
    ck_assert_ptr_nonnull(strstr(why.text, "Address already in use"));
    ck_assert_ptr_null(second);
}
END_TEST

int main(void)
{
    return suite_run_with("http", setup, teardown,
                          (const TTest *[]){
                              answers_are_as_asked,
                              a_body_is_not_wanted,
                              a_huge_request_is_refused,
                              idle_connections_of_one_address_do_not_pile_up,
                              a_place_that_cannot_be_listened_on_is_said,
                              NULL,
                          });
}
