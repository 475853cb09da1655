/*
 * raw_peer: a TCP peer in a thread of the test that answers Modbus requests as the test pleases, byte by
 * byte. Serves one connection after the other, on a free port of 127.0.0.1.
 */
#ifndef BOURDON_TESTS_RAW_PEER_H
#define BOURDON_TESTS_RAW_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAW_REQUEST_SIZE = 12 }; /* of a read */

/* Answers one request on the connection; false = close it. */
typedef bool raw_answer(void *owner, int fd, const uint8_t *request);

struct raw_peer;

struct raw_peer *raw_peer_start(raw_answer *answer, void *owner); /* aborts the test if it cannot */
void raw_peer_stop(struct raw_peer *peer);
uint16_t raw_peer_port(const struct raw_peer *peer);

/* Sends the bytes, as far as the other side takes them. */
void raw_send(int fd, const void *data, size_t size);
/* Waits until the other side hangs up, or for `timeout_ms`. True if it hung up. */
bool raw_await_hangup(int fd, int timeout_ms);

/* Writes the answer to a read of registers, each `value`, into frame[260] and returns its size. */
size_t raw_registers(const uint8_t *request, uint16_t value, uint8_t *frame);

#endif
