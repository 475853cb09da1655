/*
 * modbus_responder: a process that answers reads of registers over TCP at once, as a PLC for benchmarks.
 */
#ifndef BOURDON_BENCH_MODBUS_RESPONDER_H
#define BOURDON_BENCH_MODBUS_RESPONDER_H

#include <stdint.h>
#include <sys/types.h>

struct modbus_responder {
    pid_t process;
    uint16_t port; /* of 127.0.0.1 */
};

struct modbus_responder modbus_responder_start(void); /* exits the program if it cannot */
void modbus_responder_stop(const struct modbus_responder *responder);

#endif
