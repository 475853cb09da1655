#include "base/array.h"
#include "base/clock.h"
#include "contract.h"
#include "link/tcp_batch.h"
#include "support/raw_peer.h"
#include "support/suite.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RESPONSE_MS = 1000 };

static metric_value counters[LINK_COUNTERS];

static struct link *link_to(const struct raw_peer *peer)
{
    char url[64];
    snprintf(url, sizeof url, "tcp://127.0.0.1:%u", raw_peer_port(peer));
    struct link_setup setup = {
        .response_timeout_us = RESPONSE_MS * CLOCK_US_PER_MS,
        .connect_timeout_us = 5 * CLOCK_US_PER_S,
        .counters = counters,
    };
    struct link *link;
    ck_assert_int_eq(link_url_parse(url, &setup.url, NULL), ERR_OK);
    ck_assert_int_eq(link_new(&setup, &link, NULL), ERR_OK);
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    return link;
}

/* Reads of the registers 0, 1, 2, …, one each, and what they brought. */
struct reads {
    struct pdu_request requests[LINK_OUTSTANDING_MAX];
    struct link_exchange exchanges[LINK_OUTSTANDING_MAX];
    uint16_t values[LINK_OUTSTANDING_MAX];
    size_t answers;
    struct link_batch batch;
};

static void take_answer(void *owner, struct link_exchange *exchange)
{
    struct reads *reads = owner;
    size_t index = (size_t)(exchange - reads->exchanges);
    ck_assert(exchange->answered);
    reads->values[index] = pdu_register(exchange->response.data, 0);
    reads->answers++;
}

static void fill(struct reads *reads, size_t count)
{
    *reads = (struct reads){.answers = 0};
    for (size_t i = 0; i < count; i++) {
        reads->requests[i] = (struct pdu_request){.function = MODBUS_READ_HOLDING_REGISTERS,
                                                  .read = {.address = (uint16_t)i, .quantity = 1}};
        reads->exchanges[i] = (struct link_exchange){.unit = 5, .request = &reads->requests[i]};
    }
    reads->batch = (struct link_batch){reads->exchanges, count, take_answer, reads};
}

/* A device that takes `count` requests before it answers the first, and answers as a test wants it. */
struct device {
    size_t count;
    bool (*answer)(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count);
    uint8_t requests[LINK_OUTSTANDING_MAX][RAW_REQUEST_SIZE];
    size_t taken;
};

static bool take_request(void *owner, int fd, const uint8_t *request)
{
    struct device *device = owner;
    memcpy(device->requests[device->taken++], request, RAW_REQUEST_SIZE);
    if (device->taken < device->count) {
        return true;
    }
    device->taken = 0;
    return device->answer(fd, device->requests, device->count);
}

/* The register's value is its address with a bit set. */
static void answer_one(int fd, const uint8_t *request)
{
    uint8_t frame[260];
    raw_send(fd, frame, raw_registers(request, (uint16_t)(0x4000 | request[9]), frame));
}

static bool backwards(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count)
{
    while (count > 0) {
        answer_one(fd, requests[--count]);
    }
    return true;
}

static void check_values(const struct reads *reads)
{
    ck_assert_uint_eq(reads->answers, LINK_OUTSTANDING_MAX);
    for (size_t i = 0; i < LINK_OUTSTANDING_MAX; i++) {
        ck_assert_uint_eq(reads->values[i], 0x4000 | i);
        ck_assert_int_gt(reads->exchanges[i].request_us, 0);
        ck_assert_int_ge(reads->exchanges[i].response_us, reads->exchanges[i].request_us);
    }
}

START_TEST(answers_in_any_order_find_their_requests)
{
    struct device device = {.count = LINK_OUTSTANDING_MAX, .answer = backwards};
    struct raw_peer *peer = raw_peer_start(take_request, &device);
    struct link *link = link_to(peer);
    for (int round = 0; round < 100; round++) {
        struct reads reads;
        fill(&reads, LINK_OUTSTANDING_MAX);
        ck_assert_int_eq(link_exchange_all(link, &reads.batch), LINK_ANSWERED);
        check_values(&reads);
    }
    link_free(link);
    raw_peer_stop(peer);
}
END_TEST

START_TEST(transaction_numbers_begin_anew_within_a_batch)
{
    struct device device = {.count = LINK_OUTSTANDING_MAX, .answer = backwards};
    struct raw_peer *peer = raw_peer_start(take_request, &device);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons(raw_peer_port(peer))};
    const struct tcp_batch line = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
                                   .timeout_us = RESPONSE_MS * CLOCK_US_PER_MS,
                                   .counters = counters};
    ck_assert_int_eq(connect(line.fd, (const struct sockaddr *)&address, sizeof address), 0);
    struct reads reads;
    fill(&reads, LINK_OUTSTANDING_MAX);
    ck_assert_int_eq(tcp_batch_exchange(&line, &reads.batch, UINT16_MAX - 3), 0);
    check_values(&reads);
    close(line.fd);
    raw_peer_stop(peer);
}
END_TEST

static bool but_not_the_third(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i != 2) {
            answer_one(fd, requests[i]);
        }
    }
    return true;
}

static bool and_then_hangs_up(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count)
{
    but_not_the_third(fd, requests, count);
    return false;
}

static bool the_third_twice_the_size(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count)
{
    answer_one(fd, requests[0]);
    answer_one(fd, requests[1]);
    requests[2][11] = 2; /* answered as if two registers were asked for */
    answer_one(fd, requests[2]);
    answer_one(fd, requests[3]);
    (void)count;
    return true;
}

static bool the_third_from_another_unit(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count)
{
    requests[2][6]++;
    backwards(fd, requests, count);
    return true;
}

static bool the_third_as_the_fourth(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count)
{
    memcpy(requests[2], requests[3], RAW_REQUEST_SIZE);
    backwards(fd, requests, count);
    return true;
}

START_TEST(one_bad_answer_is_no_value_and_ends_the_connection)
{
    static const struct {
        const char *name;
        bool (*answer)(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count);
        enum link_outcome outcome;
        enum link_counter counter;
        size_t answers;
    } rows[] = {
        {"silence", but_not_the_third, LINK_TIMED_OUT, LINK_TIMEOUTS, 3},
        {"the end of the connection", and_then_hangs_up, LINK_LOST, LINK_LOSSES, 3},
        {"too much data", the_third_twice_the_size, LINK_BROKE_PROTOCOL, LINK_BROKEN_FRAMES, 2},
        {"another unit", the_third_from_another_unit, LINK_TIMED_OUT, LINK_FOREIGN_FRAMES, 3},
        {"another's transaction", the_third_as_the_fourth, LINK_TIMED_OUT, LINK_STALE_FRAMES, 3},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        memset(counters, 0, sizeof counters);
        struct device device = {.count = 4, .answer = rows[i].answer};
        struct raw_peer *peer = raw_peer_start(take_request, &device);
        struct link *link = link_to(peer);
        struct reads reads;
        fill(&reads, 4);
        enum link_outcome outcome = link_exchange_all(link, &reads.batch);
        ck_assert_msg(outcome == rows[i].outcome, "%s: %d", rows[i].name, (int)outcome);
        ck_assert_msg(!link->connected, "%s", rows[i].name);
        ck_assert_msg(metric_get(&counters[rows[i].counter]) == 1, "%s", rows[i].name);
        ck_assert_msg(reads.answers == rows[i].answers, "%s: %zu", rows[i].name, reads.answers);
        ck_assert_msg(!reads.exchanges[2].answered, "%s", rows[i].name);
        link_free(link);
        raw_peer_stop(peer);
    }
}
END_TEST

START_TEST(what_is_answered_is_not_asked_again)
{
    struct device device = {.count = 2, .answer = backwards};
    struct raw_peer *peer = raw_peer_start(take_request, &device);
    struct link *link = link_to(peer);
    struct reads reads;
    fill(&reads, 4);
    reads.exchanges[0].answered = reads.exchanges[2].answered = true;
    ck_assert_int_eq(link_exchange_all(link, &reads.batch), LINK_ANSWERED);
    ck_assert_uint_eq(reads.answers, 2);
    ck_assert_uint_eq(reads.values[1], 0x4001);
    ck_assert_uint_eq(reads.values[3], 0x4003);
    link_free(link);
    raw_peer_stop(peer);
}
END_TEST

static bool slowly(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count)
{
    for (size_t i = 0; i < count && !raw_await_hangup(fd, RESPONSE_MS / 3); i++) {
        answer_one(fd, requests[i]);
    }
    return true;
}

START_TEST(each_answer_gives_the_next_its_own_time)
{
    struct device device = {.count = 4, .answer = slowly};
    struct raw_peer *peer = raw_peer_start(take_request, &device);
    struct link *link = link_to(peer);
    struct reads reads;
    fill(&reads, 4);
    ck_assert_int_eq(link_exchange_all(link, &reads.batch), LINK_ANSWERED);
    link_free(link);
    raw_peer_stop(peer);
}
END_TEST

/* How many frames that nobody asked for go before the answer. */
static int strangers;

static bool after_strangers(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count)
{
    for (int i = 0; i < strangers; i++) {
        requests[0][0] ^= 0x80;
        answer_one(fd, requests[0]);
        requests[0][0] ^= 0x80;
    }
    return backwards(fd, requests, count);
}

START_TEST(a_flood_of_strange_frames_ends_the_connection)
{
    static const struct {
        int strangers;
        enum link_outcome outcome;
    } rows[] = {{LINK_DISCARDS_MAX - 1, LINK_ANSWERED}, {LINK_DISCARDS_MAX, LINK_BROKE_PROTOCOL}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        strangers = rows[i].strangers;
        struct device device = {.count = 2, .answer = after_strangers};
        struct raw_peer *peer = raw_peer_start(take_request, &device);
        struct link *link = link_to(peer);
        struct reads reads;
        fill(&reads, 2);
        ck_assert_int_eq(link_exchange_all(link, &reads.batch), rows[i].outcome);
        link_free(link);
        raw_peer_stop(peer);
    }
}
END_TEST

static bool and_the_beginning_of_more(int fd, uint8_t (*requests)[RAW_REQUEST_SIZE], size_t count)
{
    uint8_t frames[2 * 260];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += raw_registers(requests[i], 1, frames + size);
    }
    memcpy(frames + size, frames, 5);
    raw_send(fd, frames, size + 5);
    return true;
}

START_TEST(nothing_of_one_batch_reaches_the_next)
{
    struct device device = {.count = 2, .answer = and_the_beginning_of_more};
    struct raw_peer *peer = raw_peer_start(take_request, &device);
    struct link *link = link_to(peer);
    struct reads reads;
    fill(&reads, 2);
    ck_assert_int_eq(link_exchange_all(link, &reads.batch), LINK_BROKE_PROTOCOL);
    ck_assert_uint_eq(reads.answers, 2);
    ck_assert(!link->connected);
    link_free(link);
    raw_peer_stop(peer);
}
END_TEST

int main(void)
{
    int failed = contract_run("tcp_batch of one", &(struct contract_way){.batched = true});
    return suite_run("tcp_batch",
                     (const TTest *[]){
                         answers_in_any_order_find_their_requests,
                         transaction_numbers_begin_anew_within_a_batch,
                         one_bad_answer_is_no_value_and_ends_the_connection,
                         what_is_answered_is_not_asked_again,
                         each_answer_gives_the_next_its_own_time,
                         a_flood_of_strange_frames_ends_the_connection,
                         nothing_of_one_batch_reaches_the_next,
                         NULL,
                     }) ||
           failed;
}
