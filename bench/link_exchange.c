/*
 * link_exchange: our link against a bare libmodbus loop, 125 holding registers a request, one after the
 * other:
 *
 *   taskset -c 0 build/release/bin/link_exchange
 *
 * On one core, because across two the wake-ups dominate and vary. Rounds alternate; the best of each counts.
 */
#include "base/clock.h"
#include "link/link_libmodbus.h"
#include "modbus_responder.h"

#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 7, ROUND_MS = 700, REGISTERS = 125 };

static double bare_loop(uint16_t port)
{
    modbus_t *context = modbus_new_tcp("127.0.0.1", port);
    uint16_t registers[REGISTERS];
    modbus_set_slave(context, 1);
    if (modbus_connect(context)) {
        perror("connect");
        exit(EXIT_FAILURE);
    }
    long count = 0;
    int64_t start_us = clock_mono_us();
    while (clock_mono_us() - start_us < ROUND_MS * CLOCK_US_PER_MS) {
        count += modbus_read_registers(context, 0, REGISTERS, registers) == REGISTERS;
    }
    double seconds = (double)(clock_mono_us() - start_us) / 1e6;
    modbus_close(context);
    modbus_free(context);
    return (double)count / seconds;
}

static double our_loop(uint16_t port)
{
    metric_value counters[LINK_COUNTERS] = {0};
    struct link_setup setup = {
        .url = {.scheme = LINK_TCP, .host = "127.0.0.1", .port = port},
        .response_timeout_us = CLOCK_US_PER_S,
        .connect_timeout_us = CLOCK_US_PER_S,
        .counters = counters,
    };
    struct link *link;
    if (link_libmodbus_new(&setup, &link, NULL) != ERR_OK || link_connect(link, NULL) != ERR_OK) {
        fprintf(stderr, "cannot connect\n");
        exit(EXIT_FAILURE);
    }
    const struct pdu_request request = {
        .function = MODBUS_READ_HOLDING_REGISTERS,
        .read = {.address = 0, .quantity = REGISTERS},
    };
    long count = 0;
    int64_t start_us = clock_mono_us();
    while (clock_mono_us() - start_us < ROUND_MS * CLOCK_US_PER_MS) {
        struct link_exchange exchange = {.unit = 1, .request = &request};
        count += link_exchange(link, &exchange) == LINK_ANSWERED;
    }
    double seconds = (double)(clock_mono_us() - start_us) / 1e6;
    link_free(link);
    return (double)count / seconds;
}

int main(void)
{
    struct modbus_responder responder = modbus_responder_start();
    double bare = 0;
    double ours = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double one = bare_loop(responder.port);
        bare = one > bare ? one : bare;
        one = our_loop(responder.port);
        ours = one > ours ? one : ours;
    }
    printf("bare libmodbus %.0f/s, our link %.0f/s: %.1f %%\n", bare, ours, 100 * ours / bare);
    modbus_responder_stop(&responder);
    return EXIT_SUCCESS;
}
