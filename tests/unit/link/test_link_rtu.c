#include "base/array.h"
#include "base/clock.h"
#include "link/link_libmodbus.h"
#include "support/rtu_peer.h"
#include "support/suite.h"
#include "support/system.h"
#include "support/temporary.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { RESPONSE_MS = 150 };

static metric_value counters[LINK_COUNTERS];
static char folder[TEMPORARY_PATH_MAX];
static char line[TEMPORARY_PATH_MAX];

static void set_up(void)
{
    temporary_folder(folder);
    temporary_path(folder, "line", line);
}

static void tear_down(void)
{
    temporary_remove(folder);
}

static struct link *new_link(void)
{
    char url[TEMPORARY_PATH_MAX + 64];
    snprintf(url, sizeof url, "rtu://%s?baud=115200&parity=even", line);
    struct link_setup setup = {
        .response_timeout_us = RESPONSE_MS * CLOCK_US_PER_MS,
        .connect_timeout_us = CLOCK_US_PER_S,
        .counters = counters,
    };
    struct err_text why = {.text = ""};
    struct link *link;
    ck_assert_msg(link_url_parse(url, &setup.url, &why) == ERR_OK, "%s", why.text);
    ck_assert_msg(link_libmodbus_new(&setup, &link, &why) == ERR_OK, "%s", why.text);
    return link;
}

static const struct pdu_request read_two = {
    .function = MODBUS_READ_INPUT_REGISTERS,
    .read = {.address = 10, .quantity = 2},
};

static enum link_outcome read_registers(struct link *link, struct link_exchange *exchange)
{
    *exchange = (struct link_exchange){.unit = 5, .request = &read_two};
    return link_exchange(link, exchange);
}

static size_t answer_rightly(void *owner, const uint8_t *request, uint8_t *frame)
{
    uint16_t *value = owner;
    return rtu_registers(request, (*value)++, frame);
}

START_TEST(reads_registers_over_a_serial_line)
{
    uint16_t value = 0;
    struct rtu_peer *peer = rtu_peer_start(line, answer_rightly, &value);
    struct link *link = new_link();
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    for (uint16_t i = 0; i < 50; i++) {
        struct link_exchange exchange;
        ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
        ck_assert_uint_eq(pdu_register(exchange.response.data, 1), i);
    }
    link_free(link);
    rtu_peer_stop(peer);
}
END_TEST

/* An answer with some bytes changed, but a right CRC. */
struct change {
    const char *name;
    size_t at;
    uint8_t value;
    size_t size; /* 0 = the right one */
    enum link_outcome outcome;
};

static size_t answer_wrongly(void *owner, const uint8_t *request, uint8_t *frame)
{
    const struct change *change = owner;
    size_t size = rtu_registers(request, 0x5555, frame);
    frame[change->at] = change->value;
    return change->size ? change->size : size;
}

START_TEST(what_is_not_the_answer_is_never_a_value)
{
    static const struct change rows[] = {
        {"another unit", 0, 6, 0, LINK_TIMED_OUT},
        {"another function", 1, 3, 0, LINK_BROKE_PROTOCOL},
        {"an exception to another", 1, 0x83, 3, LINK_BROKE_PROTOCOL},
        {"fewer registers", 2, 2, 5, LINK_BROKE_PROTOCOL},
        {"cut", 0, 5, 4, LINK_TIMED_OUT},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct change row = rows[i];
        struct rtu_peer *peer = rtu_peer_start(line, answer_wrongly, &row);
        struct link *link = new_link();
        ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
        struct link_exchange exchange;
        enum link_outcome outcome = read_registers(link, &exchange);
        ck_assert_msg(outcome == row.outcome, "%s: %d", row.name, (int)outcome);
        link_free(link);
        rtu_peer_stop(peer);
    }
}
END_TEST

static size_t answer_only_the_second(void *owner, const uint8_t *request, uint8_t *frame)
{
    uint16_t *value = owner;
    return (*value)++ == 0 ? 0 : rtu_registers(request, *value, frame);
}

START_TEST(a_silent_device_times_out_and_is_heard_again)
{
    uint16_t value = 0;
    struct rtu_peer *peer = rtu_peer_start(line, answer_only_the_second, &value);
    struct link *link = new_link();
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(link, &exchange), LINK_TIMED_OUT);
    struct err_text why = {.text = ""};
    ck_assert_msg(link_connect(link, &why) == ERR_OK, "%s", why.text);
    ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
    link_free(link);
    rtu_peer_stop(peer);
}
END_TEST

/* Answers the first request only when the second has come: too late. */
static size_t answer_late(void *owner, const uint8_t *request, uint8_t *frame)
{
    uint8_t *seen = owner;
    if ((*seen)++ == 0) {
        return 0;
    }
    return rtu_registers((const uint8_t[]){9, request[1], 0, 0, 0, 2}, 0xdead, frame);
}

START_TEST(a_late_answer_of_a_neighbour_is_dropped)
{
    uint8_t seen = 0;
    struct rtu_peer *peer = rtu_peer_start(line, answer_late, &seen);
    struct link *link = new_link();
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    struct link_exchange exchange = {.unit = 9, .request = &read_two};
    ck_assert_int_eq(link_exchange(link, &exchange), LINK_TIMED_OUT);
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    ck_assert_int_eq(read_registers(link, &exchange), LINK_TIMED_OUT);
    ck_assert_int_eq(metric_get(&counters[LINK_FOREIGN_FRAMES]), 1);
    link_free(link);
    rtu_peer_stop(peer);
}
END_TEST

START_TEST(a_line_that_vanishes_is_found_again)
{
    uint16_t value = 0;
    struct rtu_peer *peer = rtu_peer_start(line, answer_rightly, &value);
    struct link *link = new_link();
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
    rtu_peer_stop(peer);
    ck_assert_int_eq(read_registers(link, &exchange), LINK_LOST);
    struct err_text why = {.text = ""};
    ck_assert_int_eq(link_connect(link, &why), ERR_IO);
    ck_assert_ptr_nonnull(strstr(why.text, line));
    peer = rtu_peer_start(line, answer_rightly, &value);
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    ck_assert_int_eq(read_registers(link, &exchange), LINK_ANSWERED);
    link_free(link);
    rtu_peer_stop(peer);
}
END_TEST

static void *interrupt_it(void *link)
{
    link_interrupt(link);
    return NULL;
}

static size_t stay_silent(void *owner, const uint8_t *request, uint8_t *frame)
{
    (void)owner;
    (void)request;
    (void)frame;
    return 0;
}

START_TEST(a_line_that_somebody_left_set_up_is_taken)
{
    uint16_t value = 0;
    struct rtu_peer *peer = rtu_peer_start(line, answer_rightly, &value);
    struct link *first = new_link();
    struct link *second = new_link();
    struct err_text why = {.text = ""};
    ck_assert_int_eq(link_connect(first, NULL), ERR_OK);
    ck_assert_msg(link_connect(second, &why) == ERR_OK, "%s", why.text);
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(second, &exchange), LINK_ANSWERED);
    link_free(first);
    link_free(second);
    rtu_peer_stop(peer);
}
END_TEST

START_TEST(waiting_can_be_interrupted)
{
    struct rtu_peer *peer = rtu_peer_start(line, stay_silent, NULL);
    struct link *link = new_link();
    ck_assert_int_eq(link_connect(link, NULL), ERR_OK);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_it, link), 0);
    struct link_exchange exchange;
    ck_assert_int_eq(read_registers(link, &exchange), LINK_INTERRUPTED);
    pthread_join(thread, NULL);
    link_free(link);
    rtu_peer_stop(peer);
}
END_TEST

int main(void)
{
    if (!system_has_terminals()) {
        return SYSTEM_SKIPPED;
    }
    return suite_run_with("link_rtu", set_up, tear_down,
                          (const TTest *[]){
                              reads_registers_over_a_serial_line,
                              what_is_not_the_answer_is_never_a_value,
                              a_silent_device_times_out_and_is_heard_again,
                              a_late_answer_of_a_neighbour_is_dropped,
                              a_line_that_vanishes_is_found_again,
                              a_line_that_somebody_left_set_up_is_taken,
                              waiting_can_be_interrupted,
                              NULL,
                          });
}
