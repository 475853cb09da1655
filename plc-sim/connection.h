/*
 * connection: one Modbus TCP client of an endpoint, or the one serial line of it.
 *
 *   bytes ─▶ frames (modbus/mbap, rtu) ─▶ access ─▶ service ─▶ outbox ─▶ descriptor, or TLS (net/io)
 *
 * Everything is bounded: a round of the loop reads at most CONNECTION_READ_MAX bytes of a client, at most
 * OUTBOX_PENDING_MAX replies wait for their time (a further request is answered with exception 06), and a
 * client that does not take its answers is not read from. So no client delays another. In the loop's thread.
 */
#ifndef BOURDON_PLCSIM_CONNECTION_H
#define BOURDON_PLCSIM_CONNECTION_H

#include "access.h"
#include "net/io.h"
#include "service.h"

enum {
    CONNECTION_READ_MAX = 4096,
    CONNECTION_SILENCE_MS = 20,        /* ends a frame on a serial line */
    CONNECTION_OUT_ENOUGH = 32 * 1024, /* with more than this unsent, the client is not read from */
    CONNECTION_HANDSHAKE_MS = 10000,
    CONNECTION_LINGER_MS = 1000,
};

struct connection;

struct connection_options {
    struct loop *loop;
    struct service *service;
    const struct service_units *units;
    int64_t start_us;                /* monotonic time of the simulator's start: faults count from there */
    int64_t byte_us;                 /* what a byte takes on the serial line; 0 = nothing */
    struct tls_context *tls;         /* NULL = plain */
    const struct access_rule *rules; /* with TLS: who may do what */
    size_t rule_count;
    /* The connection is at its end, and is freed by the callee. */
    void (*ended)(void *owner, struct connection *connection);
    void *owner;
};

/* Takes over the descriptor in any case. */
MUST_USE enum err connection_new(const struct connection_options *options, int fd,
                                 struct connection **connection);
/* Closes. NULL is fine; allowed in callbacks. */
void connection_free(struct connection *connection);

/* Monotonic time of the last bytes that came in. */
int64_t connection_last_active_us(const struct connection *connection);

/* For the list of the endpoint that owns it. */
struct connection *connection_next(const struct connection *connection);
void connection_set_next(struct connection *connection, struct connection *next);

#endif
