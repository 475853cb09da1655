/* The whole of it in a thread of this process, asked over sockets. */
#include "base/array.h"
#include "base/clock.h"
#include "http.h"
#include "made_store.h"
#include "support/suite.h"
#include "support/temporary.h"
#include "web.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_S = 20, CONNECTIONS = 6, EVENTS = 2 };

static const struct daemon daemon_of_test = {.program = "bourdon-web", .table = web_options_table};
static char folder[TEMPORARY_PATH_MAX];
static struct web *web;
static pthread_t thread;

static void *run(void *unused)
{
    ck_assert_int_eq(web_run(web), 0);
    return unused;
}

static void setup(void)
{
    char store[TEMPORARY_PATH_MAX];
    char text[TEMPORARY_PATH_MAX + 256];
    struct web_options options;
    struct err_text why = {""};
    temporary_folder(folder);
    made_store(temporary_path(folder, "store.db", store));
    snprintf(text, sizeof text,
             "listen: 127.0.0.1:0\nstore: \"sqlite:%s\"\nwatch: \"\"\nhosts: [plant.example]\n"
             "limits: {connections: %d, events: %d}\n",
             store, CONNECTIONS, EVENTS);
    struct diagnostics *diagnostics = diagnostics_new();
    ck_assert_int_eq(
        options_load_text("web.yaml", text, strlen(text), web_options_table, &options, diagnostics), ERR_OK);
    diagnostics_free(diagnostics);
    ck_assert_msg(web_new(&daemon_of_test, NULL, &options, &web, &why) == ERR_OK, "%s", why.text);
    pthread_create(&thread, NULL, run, NULL);
}

static void teardown(void)
{
    web_stop(web);
    pthread_join(thread, NULL);
    web_free(web);
    temporary_remove(folder);
}

static int connect_to_us(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(web_port(web))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {.tv_sec = DEADLINE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static char answer[512 * 1024];

static void read_all(int fd)
{
    size_t size = 0;
    ssize_t got;
    while (size < sizeof answer - 1 && (got = recv(fd, answer + size, sizeof answer - 1 - size, 0)) > 0) {
        size += (size_t)got;
    }
    answer[size] = '\0';
    close(fd);
}

/* Everything that comes until the other end closes. */
static const char *ask(const char *request)
{
    int fd = connect_to_us();
    (void)!send(fd, request, strlen(request), MSG_NOSIGNAL); // a refused one may be cut off while it is sent
    read_all(fd);
    return answer;
}

#define REQUEST_OF(host, line) line " HTTP/1.1\r\nHost: " host "\r\nConnection: close\r\n\r\n"
#define REQUEST(line)          REQUEST_OF("localhost", line)

START_TEST(answers_are_as_asked)
{
    static const struct {
        const char *name, *request, *status;
        const char *holds; /* NULL = no body */
    } rows[] = {
        {"the page", REQUEST("GET /"), "HTTP/1.1 200 ", "<!DOCTYPE html>"},
        {"its script", REQUEST("GET /app.js"), "HTTP/1.1 200 ", "Content-Type: text/javascript\r\n"},
        {"the charts' licence", REQUEST("GET /uPlot-LICENSE.txt"), "HTTP/1.1 200 ", "MIT License"},
        {"only the head", REQUEST("HEAD /"), "HTTP/1.1 200 ", NULL},
        {"the API", REQUEST("GET /api/v1/tags"), "HTTP/1.1 200 ", "\"tag\":\"pressure\""},
        {"its description", REQUEST("GET /api/v1/openapi.yaml"), "HTTP/1.1 200 ", "openapi: 3.0"},
        {"a wrong parameter", REQUEST("GET /api/v1/tags?limit=x"), "HTTP/1.1 400 ", "{\"error\":\"limit:"},
        {"nothing there", REQUEST("GET /nothing"), "HTTP/1.1 404 ", "/api/v1/openapi.yaml"},
        {"no path of the file system", REQUEST("GET /../../etc/passwd"), "HTTP/1.1 404 ", "there is nothing"},
        {"an escaped one", REQUEST("GET /%2e%2e/%2e%2e/etc/passwd"), "HTTP/1.1 404 ", "there is nothing"},
        {"a path is not decoded", REQUEST("GET /app%2ejs"), "HTTP/1.1 404 ", "there is nothing"},
        {"no writing", REQUEST("DELETE /api/v1/tags"), "HTTP/1.1 405 ", "Allow: GET, HEAD"},
        {"posting nothing", REQUEST("POST /"), "HTTP/1.1 405 ", "only GET and HEAD"},
        {"an address", REQUEST_OF("192.0.2.7:8088", "GET /"), "HTTP/1.1 200 ", "<!DOCTYPE html>"},
        {"an address of version 6", REQUEST_OF("[::1]:8088", "GET /"), "HTTP/1.1 200 ", "<!DOCTYPE html>"},
        {"a configured name", REQUEST_OF("Plant.Example", "GET /"), "HTTP/1.1 200 ", "<!DOCTYPE html>"},
        {"a name of somebody else", REQUEST_OF("evil.example", "GET /"), "HTTP/1.1 421 ", "not served here"},
        {"a second host", REQUEST_OF("localhost\r\nHost: evil.example", "GET /"), "HTTP/1.1 400 ",
         "one host"},
        {"posting something", REQUEST_OF("localhost\r\nContent-Length: 3", "POST /") "abc", "HTTP/1.1 405 ",
         "only GET and HEAD"},
        {"another site's question", REQUEST_OF("localhost\r\nSec-Fetch-Site: cross-site", "GET /api/v1/acks"),
         "HTTP/1.1 403 ", "another site"},
        {"another site's link", REQUEST_OF("localhost\r\nSec-Fetch-Site: cross-site", "GET /"),
         "HTTP/1.1 200 ", "<!DOCTYPE html>"},
        {"this page's question", REQUEST_OF("localhost\r\nSec-Fetch-Site: same-origin", "GET /api/v1/acks"),
         "HTTP/1.1 200 ", "\"acks\""},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *got = ask(rows[i].request);
        ck_assert_msg(strncmp(got, rows[i].status, strlen(rows[i].status)) == 0, "%s: %.300s", rows[i].name,
                      got);
        const char *body = strstr(got, "\r\n\r\n");
        ck_assert_msg(body != NULL, "%s", rows[i].name);
        ck_assert_msg(rows[i].holds ? strstr(got, rows[i].holds) != NULL : strlen(body) == 4, "%s: %.600s",
                      rows[i].name, got);
        ck_assert_msg(strstr(got, "\r\nContent-Security-Policy: default-src 'self'"), "%s", rows[i].name);
    }
}
END_TEST

/* What hides in a body, or behind two lengths, is not answered as a request of its own. */
START_TEST(a_body_is_refused_and_ends_the_connection)
{
    static const char *const fields[] = {
        "Content-Length: 44\r\n",
        "Content-Length: 0\r\nContent-Length: 44\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Expect: 100-continue\r\nContent-Length: 5\r\n",
        "Content-Length : 44\r\n", // others trim the name
        "Transfer-Encoding : chunked\r\n",
        "X: a\rContent-Length: 44\r\n", // for others a line ends there
        "X: a\r\n\tb\x01\r\n",
        "X(: a\r\n",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        char request[512];
        snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n0\r\n\r\n%s", fields[i],
                 "GET /api/v1/acks HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const char *got = ask(request);
        ck_assert_msg(strncmp(got, "HTTP/1.1 400 ", 13) == 0, "%s: %.100s", fields[i], got);
        ck_assert_msg(!strstr(got + 1, "HTTP/1.1"), "%s: %s", fields[i], got);
    }
}
END_TEST

START_TEST(a_huge_request_is_refused)
{
    static char request[4 * HTTP_REQUEST_MAX];
    memset(request, 'a', sizeof request - 1);
    memcpy(request, "GET /", 5);
    ck_assert_msg(strncmp(ask(request), "HTTP/1.1 200", 12) != 0, "served");
    snprintf(request, sizeof request, "GET /%0*d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
             HTTP_URI_MAX, 0);
    ck_assert_msg(strncmp(ask(request), "HTTP/1.1 414", 12) == 0, "%.100s", answer);
}
END_TEST

START_TEST(a_connection_serves_several_requests)
{
    int fd = connect_to_us();
    static const char two[] = "GET /icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n"
                              "GET /icon.svg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    ck_assert_int_eq(send(fd, two, sizeof two - 1, 0), (ssize_t)sizeof two - 1);
    read_all(fd);
    const char *first = strstr(answer, "</svg>");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(strstr(first + 1, "</svg>"));
}
END_TEST

static int open_events(void)
{
    static const char request[] = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int fd = connect_to_us();
    ck_assert_int_eq(send(fd, request, sizeof request - 1, 0), (ssize_t)sizeof request - 1);
    answer[0] = '\0';
    ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
    ck_assert_int_gt(got, 0);
    answer[got] = '\0';
    return fd;
}

START_TEST(streams_of_events_are_bounded_and_leave_room_for_others)
{
    int streams[EVENTS];
    for (int i = 0; i < EVENTS; i++) {
        streams[i] = open_events();
        ck_assert_msg(strstr(answer, "text/event-stream"), "%s", answer);
    }
    int surplus = open_events();
    ck_assert_msg(strncmp(answer, "HTTP/1.1 503 ", 13) == 0 && strstr(answer, "Retry-After"), "%s", answer);
    close(surplus);
    ck_assert_msg(strncmp(ask(REQUEST("GET /api/v1/acks")), "HTTP/1.1 200 ", 13) == 0, "%.200s", answer);
    for (int i = 0; i < EVENTS; i++) {
        close(streams[i]);
    }
}
END_TEST

START_TEST(connections_beyond_the_limit_are_closed_and_do_no_harm)
{
    int idle[3 * CONNECTIONS];
    for (size_t i = 0; i < ARRAY_LENGTH(idle); i++) {
        idle[i] = connect_to_us();
    }
    char byte;
    ck_assert_int_eq(recv(idle[ARRAY_LENGTH(idle) - 1], &byte, 1, 0), 0);
    for (size_t i = 0; i < ARRAY_LENGTH(idle); i++) {
        close(idle[i]);
    }
    const char *got = "";
    int64_t until_us = clock_mono_us() + DEADLINE_S * CLOCK_US_PER_S;
    while (strncmp(got, "HTTP/1.1 200 ", 13) != 0 && clock_mono_us() < until_us) {
        got = ask(REQUEST("GET /icon.svg")); // until the closed ones are noticed
        sched_yield();
    }
    ck_assert_msg(strncmp(got, "HTTP/1.1 200 ", 13) == 0, "%.200s", got);
}
END_TEST

/* Each takes a place that others need. */
START_TEST(who_sends_a_request_byte_by_byte_is_cut_off)
{
    int slow[CONNECTIONS];
    static const char begin[] = "GET / HTTP/1.1\r\nHost: localhost\r\nX: ";
    for (size_t i = 0; i < ARRAY_LENGTH(slow); i++) {
        slow[i] = connect_to_us();
        ck_assert_int_eq(send(slow[i], begin, sizeof begin - 1, MSG_NOSIGNAL), (ssize_t)sizeof begin - 1);
    }
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    int64_t until_us = clock_mono_us() + (HTTP_REQUEST_S + DEADLINE_S) * CLOCK_US_PER_S;
    size_t cut = 0;
    while (cut < ARRAY_LENGTH(slow) && clock_mono_us() < until_us) {
        cut = 0;
        for (size_t i = 0; i < ARRAY_LENGTH(slow); i++) {
            cut += send(slow[i], "a", 1, MSG_NOSIGNAL) < 0;
        }
        nanosleep(&pause, NULL); // the pace of who is slow
    }
    ck_assert_uint_eq(cut, ARRAY_LENGTH(slow));
    ck_assert_msg(strncmp(ask(REQUEST("GET /icon.svg")), "HTTP/1.1 200 ", 13) == 0, "%.200s", answer);
    for (size_t i = 0; i < ARRAY_LENGTH(slow); i++) {
        close(slow[i]);
    }
}
END_TEST

START_TEST(stopping_ends_open_streams)
{
    int fd = open_events();
    web_stop(web);
    pthread_join(thread, NULL);
    web_free(web);
    read_all(fd);
    setup(); // for teardown()
}
END_TEST

int main(void)
{
    return suite_run_with("web", setup, teardown,
                          (const TTest *[]){
                              answers_are_as_asked,
                              a_body_is_refused_and_ends_the_connection,
                              a_huge_request_is_refused,
                              a_connection_serves_several_requests,
                              streams_of_events_are_bounded_and_leave_room_for_others,
                              connections_beyond_the_limit_are_closed_and_do_no_harm,
                              who_sends_a_request_byte_by_byte_is_cut_off,
                              stopping_ends_open_streams,
                              NULL,
                          });
}
