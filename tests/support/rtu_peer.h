/*
 * rtu_peer: a device on a serial line, which is a pseudo-terminal, in a thread of the test. Takes one frame
 * of 8 bytes (a read) at a time and answers it as the test pleases.
 */
#ifndef BOURDON_TESTS_RTU_PEER_H
#define BOURDON_TESTS_RTU_PEER_H

#include <stddef.h>
#include <stdint.h>

enum { RTU_REQUEST_SIZE = 8, RTU_FRAME_MAX = 256 };

/* Writes the answer to a request, without its CRC, into frame[RTU_FRAME_MAX] and returns its size; 0 = none.
 */
typedef size_t rtu_answer(void *owner, const uint8_t *request, uint8_t *frame);

struct rtu_peer;

/* `path` (a symbolic link made here) is where the line is found. Aborts the test if it cannot. */
struct rtu_peer *rtu_peer_start(const char *path, rtu_answer *answer, void *owner);
/* The line is gone from its path, and hangs up. */
void rtu_peer_stop(struct rtu_peer *peer);

/* The answer to a read of registers, each `value`. */
size_t rtu_registers(const uint8_t *request, uint16_t value, uint8_t *frame);

#endif
