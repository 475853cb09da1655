/*
 * modbus_responder: a process that answers reads of registers over TCP at once, as a PLC for benchmarks; or
 * one that misbehaves.
 */
#ifndef BOURDON_BENCH_MODBUS_RESPONDER_H
#define BOURDON_BENCH_MODBUS_RESPONDER_H

#include <stdint.h>
#include <sys/types.h>

struct modbus_responder {
    pid_t process;
    uint16_t port; /* of 127.0.0.1 */
};

/* How it answers; the names of --help: "right", "silence", "flood", "reset", "half-close", "garbage". */
enum responder_mood {
    RESPONDER_RIGHT,
    RESPONDER_SILENT,
    RESPONDER_FLOOD,
    RESPONDER_RESET,
    RESPONDER_HALF_CLOSE,
    RESPONDER_GARBAGE,
    RESPONDER_MOODS
};
extern const char *const responder_moods[RESPONDER_MOODS];

struct modbus_responder modbus_responder_start(enum responder_mood mood); /* exits the program if it cannot */
void modbus_responder_stop(const struct modbus_responder *responder);

#endif
