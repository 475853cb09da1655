#include "contract.h"
#include "base/array.h"
#include "base/clock.h"
#include "link/link.h"
#include "support/plc_server.h"
#include "support/raw_peer.h"
#include "support/suite.h"
#include "support/system.h"
#include "tls_front.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RESPONSE_MS = 150 };
#define COST_MAX_US (INT64_C(2) * RESPONSE_MS * CLOCK_US_PER_MS)

static metric_value counters[LINK_COUNTERS];

/* How this run of the suite speaks. */
static bool batched;
static struct tls_context *tls; /* NULL: plainly */
static struct tls_front_options front_options;
static struct tls_front *front; /* before the peer of the test */

static struct link *new_link(const char *address, int64_t connect_ms)
{
    char url[300];
    snprintf(url, sizeof url, "%s://%s", tls ? "tls" : "tcp", address);
    struct link_setup setup = {
        .response_timeout_us = RESPONSE_MS * CLOCK_US_PER_MS,
        .connect_timeout_us = connect_ms * CLOCK_US_PER_MS,
        .counters = counters,
        .tls = tls,
    };
    struct err_text why = {.text = ""};
    struct link *link;
    ck_assert_int_eq(link_url_parse(url, &setup.url, NULL), ERR_OK);
    ck_assert_msg(link_new(&setup, &link, &why) == ERR_OK, "%s", why.text);
    return link;
}

/* A link to a plain peer on this port of the host. */
static struct link *new_link_to(const char *host, uint16_t port, int64_t connect_ms)
{
    if (tls) {
        front_options.plain_port = port;
        front = tls_front_start(&front_options);
        port = tls_front_port(front);
    }
    char address[64];
    snprintf(address, sizeof address, "%s:%u", host, port);
    return new_link(address, connect_ms);
}

static void end_link(struct link *link)
{
    link_free(link);
    tls_front_stop(front);
    front = NULL;
}

static struct link *link_to(uint16_t port)
{
    struct link *link = new_link_to("127.0.0.1", port, 5000);
    struct err_text why = {.text = ""};
    ck_assert_msg(link_connect(link, &why) == ERR_OK, "%s", why.text);
    return link;
}

static const struct pdu_request read_two = {
    .function = MODBUS_READ_HOLDING_REGISTERS,
    .read = {.address = 10, .quantity = 2},
};

static void keep_answer(void *owner, struct link_exchange *exchange)
{
    static uint8_t kept[PDU_SIZE_MAX];
    int *answers = owner;
    ++*answers;
    if (exchange->response.data.size > 0) {
        memcpy(kept, exchange->response.data.data, exchange->response.data.size);
    }
    exchange->response.data.data = kept;
}

static enum link_outcome ask(struct link *link, struct link_exchange *exchange)
{
    if (!batched) {
        return link_exchange(link, exchange);
    }
    int answers = 0;
    const struct link_batch batch = {exchange, 1, keep_answer, &answers};
    enum link_outcome outcome = link_exchange_all(link, &batch);
    ck_assert_int_eq(answers, outcome == LINK_ANSWERED ? 1 : 0);
    ck_assert_int_eq(exchange->answered, outcome == LINK_ANSWERED);
    return outcome;
}

static enum link_outcome read_registers(struct link *link, struct link_exchange *exchange)
{
    *exchange = (struct link_exchange){.unit = 5, .request = &read_two};
    return ask(link, exchange);
}

START_TEST(reads_what_a_plc_holds)
{
    struct plc_server *plc = plc_server_start();
    plc_server_set(plc, TABLE_HOLDING, 10, 0x1234);
    plc_server_set(plc, TABLE_HOLDING, 11, 0xabcd);
    plc_server_set(plc, TABLE_COIL, 3, 1);
    struct link *link = link_to(plc_server_port(plc));
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
    ck_assert_uint_eq(exchange.response.exception, 0);
    ck_assert_uint_eq(pdu_register(exchange.response.data, 0), 0x1234);
    ck_assert_uint_eq(pdu_register(exchange.response.data, 1), 0xabcd);
    const struct pdu_request bits = {.function = MODBUS_READ_COILS, .read = {.address = 0, .quantity = 10}};
    exchange = (struct link_exchange){.unit = 5, .request = &bits};
    ck_assert_int_eq(ask(link, &exchange), LINK_ANSWERED);
    ck_assert(pdu_bit(exchange.response.data, 3));
    ck_assert(!pdu_bit(exchange.response.data, 4));
    end_link(link);
    plc_server_stop(plc);
}
END_TEST

START_TEST(an_exception_is_an_answer)
{
    struct plc_server *plc = plc_server_start();
    plc_server_set_hole(plc, TABLE_HOLDING, 11, 11);
    struct link *link = link_to(plc_server_port(plc));
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
    ck_assert_uint_eq(exchange.response.exception, MODBUS_ILLEGAL_DATA_ADDRESS);
    ck_assert(link->connected);
    end_link(link);
    plc_server_stop(plc);
}
END_TEST

START_TEST(a_thousand_answers_each_to_their_request)
{
    struct plc_server *plc = plc_server_start();
    struct link *link = link_to(plc_server_port(plc));
    for (uint16_t i = 0; i < 1000; i++) {
        plc_server_set(plc, TABLE_HOLDING, 10, i);
        struct link_exchange exchange;
        ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
        ck_assert_uint_eq(pdu_register(exchange.response.data, 0), i);
    }
    ck_assert_int_eq(metric_get(&counters[LINK_CONNECTS]), 1);
    end_link(link);
    plc_server_stop(plc);
}
END_TEST

/* How a hostile device answers: what is changed in a right answer, and what goes before it. */
struct hostility {
    const char *name;
    size_t at; /* byte of the answer to change; 0 = none */
    uint8_t value[2];
    size_t values;
    size_t size; /* bytes sent; 0 = the right number */
    enum link_outcome outcome;
    int counter; /* that must have counted; -1 = none */
};

static bool answer_wrongly(void *owner, int fd, const uint8_t *request)
{
    const struct hostility *hostility = owner;
    uint8_t frame[260 + 7] = {0};
    size_t size = raw_registers(request, 0x5555, frame);
    memcpy(frame + hostility->at, hostility->value, hostility->values);
    raw_send(fd, frame, hostility->size ? hostility->size : size);
    return true;
}

/* libmodbus ends a frame where its PDU does; elsewhere the length field says where, so that these differ. */
static void as_by_length(struct hostility *row)
{
    static const struct {
        const char *name;
        enum link_outcome outcome;
        int counter;
    } rows[] = {
        {"length one more", LINK_TIMED_OUT, LINK_TIMEOUTS},
        {"length 254", LINK_TIMED_OUT, LINK_TIMEOUTS},
        {"an exception to another", LINK_TIMED_OUT, LINK_TIMEOUTS},
        {"too few bytes said", LINK_TIMED_OUT, LINK_TIMEOUTS},
        {"odd bytes said", LINK_TIMED_OUT, LINK_TIMEOUTS},
        {"more bytes said than come", LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (strcmp(rows[i].name, row->name) == 0) {
            row->outcome = rows[i].outcome;
            row->counter = rows[i].counter;
        }
    }
}

START_TEST(what_is_not_the_answer_is_never_a_value)
{
    static const struct hostility rows[] = {
        {"another transaction", 0, {0x77, 0x77}, 2, 0, LINK_TIMED_OUT, LINK_STALE_FRAMES},
        {"protocol 7", 2, {0, 7}, 2, 0, LINK_TIMED_OUT, LINK_FOREIGN_FRAMES},
        {"protocol 0x0700", 2, {7, 0}, 2, 0, LINK_TIMED_OUT, LINK_FOREIGN_FRAMES},
        {"length 0", 4, {0, 0}, 2, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"length 1", 4, {0, 1}, 2, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"length one less", 4, {0, 6}, 2, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"length one more", 4, {0, 8}, 2, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"length 254", 4, {0, 254}, 2, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"length 254, and as much", 4, {0, 254}, 2, 260, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"length 255", 4, {0, 255}, 2, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"length 65535", 4, {255, 255}, 2, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"another unit", 6, {6}, 1, 0, LINK_TIMED_OUT, LINK_FOREIGN_FRAMES},
        {"another function", 7, {4}, 1, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"an exception to another", 7, {0x84}, 1, 9, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"function 0", 7, {0}, 1, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"too few bytes said", 8, {2}, 1, 11, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"odd bytes said", 8, {3}, 1, 12, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"too many bytes said", 8, {255}, 1, 0, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES},
        {"more bytes said than come", 8, {200}, 1, 0, LINK_TIMED_OUT, LINK_TIMEOUTS},
        {"header only", 0, {0}, 0, 7, LINK_TIMED_OUT, LINK_TIMEOUTS},
        {"cut in the header", 0, {0}, 0, 3, LINK_TIMED_OUT, LINK_TIMEOUTS},
        {"cut in the data", 0, {0}, 0, 12, LINK_TIMED_OUT, LINK_TIMEOUTS},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct hostility row = rows[i];
        if (tls || batched) {
            as_by_length(&row);
        }
        memset(counters, 0, sizeof counters);
        struct raw_peer *peer = raw_peer_start(answer_wrongly, &row);
        struct link *link = link_to(raw_peer_port(peer));
        struct link_exchange exchange;
        int64_t start_us = clock_mono_us();
        enum link_outcome outcome = read_registers(link, &exchange);
        int64_t took_us = clock_mono_us() - start_us;
        ck_assert_msg(outcome == row.outcome, "%s: %d", row.name, (int)outcome);
        ck_assert_msg(!link->connected, "%s", row.name);
        ck_assert_msg(metric_get(&counters[row.counter]) > 0, "%s", row.name);
        ck_assert_msg(took_us < COST_MAX_US, "%s", row.name);
        end_link(link);
        raw_peer_stop(peer);
    }
}
END_TEST

static bool answer_twice_and_stale(void *owner, int fd, const uint8_t *request)
{
    (void)owner;
    uint8_t stale[RAW_REQUEST_SIZE];
    uint8_t frame[260];
    memcpy(stale, request, sizeof stale);
    stale[1]--;
    raw_send(fd, frame, raw_registers(stale, 0xdead, frame));
    size_t size = raw_registers(request, request[1], frame);
    raw_send(fd, frame, size);
    raw_send(fd, frame, size);
    return true;
}

START_TEST(late_and_doubled_answers_are_dropped_and_the_right_one_found)
{
    struct raw_peer *peer = raw_peer_start(answer_twice_and_stale, NULL);
    struct link *link = link_to(raw_peer_port(peer));
    for (uint16_t i = 1; i <= 100; i++) {
        struct link_exchange exchange;
        ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
        ck_assert_uint_eq(pdu_register(exchange.response.data, 0), i);
    }
    /* Whether the double of the last answer is still seen is up to chance where frames are read as they come.
     */
    ck_assert_int_ge(metric_get(&counters[LINK_STALE_FRAMES]), 100 + 99);
    ck_assert_int_le(metric_get(&counters[LINK_STALE_FRAMES]), 100 + 99 + (batched ? 1 : 0));
    end_link(link);
    raw_peer_stop(peer);
}
END_TEST

static bool answer_after_the_timeout(void *owner, int fd, const uint8_t *request)
{
    uint16_t *value = owner;
    uint8_t frame[260];
    bool late = *value == 0;
    size_t size = raw_registers(request, (*value)++, frame);
    if (late) {
        /* The link gives up and hangs up: what is sent now finds nobody. */
        ck_assert(raw_await_hangup(fd, 10 * RESPONSE_MS));
    }
    raw_send(fd, frame, size);
    return !late;
}

START_TEST(an_answer_that_comes_too_late_is_never_seen)
{
    uint16_t value = 0;
    struct raw_peer *peer = raw_peer_start(answer_after_the_timeout, &value);
    struct link *link = link_to(raw_peer_port(peer));
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(link, &exchange), LINK_TIMED_OUT);
    for (uint16_t i = 1; i < 10; i++) {
        if (!link->connected) {
            ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
        }
        ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
        ck_assert_uint_eq(pdu_register(exchange.response.data, 0), i);
    }
    end_link(link);
    raw_peer_stop(peer);
}
END_TEST

static bool drip(void *owner, int fd, const uint8_t *request)
{
    (void)owner;
    uint8_t frame[260];
    size_t size = raw_registers(request, 1, frame);
    for (size_t i = 0; i < size && !raw_await_hangup(fd, RESPONSE_MS / 4); i++) {
        raw_send(fd, frame + i, 1);
    }
    return false;
}

static bool flood(void *owner, int fd, const uint8_t *request)
{
    (void)owner;
    uint8_t noise[4096];
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)(i * 31 + request[1]);
    }
    while (!raw_await_hangup(fd, 0)) {
        raw_send(fd, noise, sizeof noise);
    }
    return false;
}

static bool flood_with_frames(void *owner, int fd, const uint8_t *request)
{
    (void)owner;
    uint8_t other[RAW_REQUEST_SIZE];
    uint8_t frame[260];
    memcpy(other, request, sizeof other);
    other[0] ^= 0x80;
    size_t size = raw_registers(other, 1, frame);
    while (!raw_await_hangup(fd, 0)) {
        raw_send(fd, frame, size);
    }
    return false;
}

static bool half_close(void *owner, int fd, const uint8_t *request)
{
    (void)owner;
    (void)request;
    shutdown(fd, SHUT_WR);
    raw_await_hangup(fd, 10 * RESPONSE_MS);
    return false;
}

static bool reset(void *owner, int fd, const uint8_t *request)
{
    (void)owner;
    (void)request;
    struct linger linger = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    return false;
}

static bool stay_silent(void *owner, int fd, const uint8_t *request)
{
    (void)owner;
    (void)request;
    raw_await_hangup(fd, 100 * RESPONSE_MS);
    return false;
}

START_TEST(a_hostile_device_costs_at_most_its_response_time_out)
{
    static const struct {
        const char *name;
        raw_answer *answer;
        enum link_outcome outcome;
    } rows[] = {
        {"drip", drip, LINK_TIMED_OUT},
        {"flood", flood, LINK_BROKE_PROTOCOL},
        {"flood of frames", flood_with_frames, LINK_BROKE_PROTOCOL},
        {"half-close", half_close, LINK_LOST},
        {"reset", reset, LINK_LOST},
        {"silence", stay_silent, LINK_TIMED_OUT},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct raw_peer *peer = raw_peer_start(rows[i].answer, NULL);
        struct link *link = link_to(raw_peer_port(peer));
        struct link_exchange exchange;
        int64_t start_us = clock_mono_us();
        enum link_outcome outcome = read_registers(link, &exchange);
        int64_t took_us = clock_mono_us() - start_us;
        ck_assert_msg(outcome == rows[i].outcome, "%s: %d", rows[i].name, (int)outcome);
        ck_assert_msg(took_us < COST_MAX_US, "%s: %lld us", rows[i].name, (long long)took_us);
        end_link(link);
        raw_peer_stop(peer);
    }
}
END_TEST

static void *interrupt_it(void *link)
{
    link_interrupt(link);
    return NULL;
}

START_TEST(waiting_for_an_answer_can_be_interrupted)
{
    struct raw_peer *peer = raw_peer_start(stay_silent, NULL);
    struct link *link = link_to(raw_peer_port(peer));
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_it, link), 0);
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(link, &exchange), LINK_INTERRUPTED);
    pthread_join(thread, NULL);
    ck_assert_int_eq(link_connect(link, NULL), ERR_CLOSED);
    end_link(link);
    raw_peer_stop(peer);
}
END_TEST

/* A port where connections are neither taken nor refused: the queue of the listener is full. */
static uint16_t full_port(int *fds, size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fds[0], (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fds[0], 0), 0);
    ck_assert_int_eq(getsockname(fds[0], (struct sockaddr *)&address, &size), 0);
    for (size_t i = 1; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], (struct sockaddr *)&address, size);
    }
    return ntohs(address.sin_port);
}

START_TEST(connecting_is_bounded_and_can_be_interrupted)
{
    int fds[8];
    char url[64];
    snprintf(url, sizeof url, "127.0.0.1:%u", full_port(fds, ARRAY_LENGTH(fds)));
    struct link *link = new_link(url, 100);
    int64_t start_us = clock_mono_us();
    ck_assert_int_eq(link_connect(link, NULL), ERR_TIMEOUT);
    ck_assert_int_lt(clock_mono_us() - start_us, 500 * CLOCK_US_PER_MS);
    end_link(link);

    link = new_link(url, 60000);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_it, link), 0);
    ck_assert_int_eq(link_connect(link, NULL), ERR_CLOSED);
    pthread_join(thread, NULL);
    end_link(link);
    for (size_t i = 0; i < ARRAY_LENGTH(fds); i++) {
        close(fds[i]);
    }
}
END_TEST

START_TEST(a_refused_connection_says_so)
{
    struct raw_peer *peer = raw_peer_start(stay_silent, NULL);
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%u", raw_peer_port(peer));
    raw_peer_stop(peer);
    struct link *link = new_link(address, 2000);
    struct err_text why = {.text = ""};
    ck_assert_int_eq(link_connect(link, &why), ERR_REFUSED);
    ck_assert_ptr_nonnull(strstr(why.text, "refused"));
    end_link(link);
}
END_TEST

START_TEST(a_name_is_resolved)
{
    if (!system_resolves("localhost")) {
        return;
    }
    struct plc_server *plc = plc_server_start();
    struct link *link = new_link_to("localhost", plc_server_port(plc), 5000);
    struct err_text why = {.text = ""};
    ck_assert_msg(link_connect(link, &why) == ERR_OK, "%s", why.text);
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
    end_link(link);
    plc_server_stop(plc);
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_not_waited_for_beyond_the_time_out)
{
    struct link *link = new_link("no-such-plc.invalid", 400);
    struct err_text why = {.text = ""};
    int64_t start_us = clock_mono_us();
    enum err result = link_connect(link, &why);
    ck_assert(result == ERR_NOT_FOUND || result == ERR_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(why.text, "no-such-plc.invalid"));
    ck_assert_int_lt(clock_mono_us() - start_us, 1000 * CLOCK_US_PER_MS);
    end_link(link);
}
END_TEST

static void open_many(int *fds, size_t count)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (size_t i = 0; i < count; i++) {
        fds[i] = open("/dev/null", O_RDONLY);
        ck_assert_int_ge(fds[i], 0);
    }
}

START_TEST(works_when_the_process_has_more_than_1024_descriptors)
{
    enum { MANY = FD_SETSIZE + 50 };
    static int fds[MANY];
    struct plc_server *plc = plc_server_start();
    struct link *link = new_link_to("127.0.0.1", plc_server_port(plc), 2000);
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
    link_disconnect(link);
    /* The PLC of this test cannot take a descriptor above, either: it took this connection before. */
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
    open_many(fds, MANY);
    ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
    struct link_setup setup = {
        .url = {.scheme = tls ? LINK_TLS : LINK_TCP, .host = "127.0.0.1"},
        .counters = counters,
        .tls = tls,
    };
    struct link *another = NULL;
    struct err_text why = {.text = ""};
    ck_assert_int_eq(link_new(&setup, &another, &why), ERR_LIMIT);
    ck_assert_ptr_nonnull(strstr(why.text, "too many links"));
    end_link(link);
    plc_server_stop(plc);
}
END_TEST

static bool answer_rightly(void *owner, int fd, const uint8_t *request)
{
    (void)owner;
    uint8_t frame[260];
    raw_send(fd, frame, raw_registers(request, 7, frame));
    return true;
}

START_TEST(reconnects_when_the_process_has_more_than_1024_descriptors)
{
    enum { MANY = FD_SETSIZE + 50 };
    static int fds[MANY];
    struct raw_peer *peer = raw_peer_start(answer_rightly, NULL);
    struct link *link = new_link_to("127.0.0.1", raw_peer_port(peer), 2000);
    open_many(fds, MANY);
    for (int i = 0; i < 3; i++) {
        struct link_exchange exchange;
        ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
        ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
        link_disconnect(link);
    }
    end_link(link);
    raw_peer_stop(peer);
}
END_TEST

START_TEST(unit_255_is_answered_by_whoever_is_there)
{
    struct hostility row = {.name = "another unit", .at = 6, .value = {1}, .values = 1};
    struct raw_peer *peer = raw_peer_start(answer_wrongly, &row);
    struct link *link = link_to(raw_peer_port(peer));
    struct link_exchange exchange = {.unit = 255, .request = &read_two};
    ck_assert_int_eq(ask(link, &exchange), LINK_ANSWERED);
    end_link(link);
    raw_peer_stop(peer);
}
END_TEST

int contract_run(const char *name, const struct contract_way *way)
{
    batched = way->batched;
    tls = way->tls;
    front_options = (struct tls_front_options){.certificate = way->certificate, .key = way->key};
    return suite_run(name, (const TTest *[]){
                               reads_what_a_plc_holds,
                               an_exception_is_an_answer,
                               a_thousand_answers_each_to_their_request,
                               what_is_not_the_answer_is_never_a_value,
                               late_and_doubled_answers_are_dropped_and_the_right_one_found,
                               an_answer_that_comes_too_late_is_never_seen,
                               a_hostile_device_costs_at_most_its_response_time_out,
                               waiting_for_an_answer_can_be_interrupted,
                               connecting_is_bounded_and_can_be_interrupted,
                               a_refused_connection_says_so,
                               a_name_is_resolved,
                               a_name_that_does_not_exist_is_not_waited_for_beyond_the_time_out,
                               works_when_the_process_has_more_than_1024_descriptors,
                               reconnects_when_the_process_has_more_than_1024_descriptors,
                               unit_255_is_answered_by_whoever_is_there,
                               NULL,
                           });
}
