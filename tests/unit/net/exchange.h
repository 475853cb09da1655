/*
 * exchange: two ends connected over loopback inside one loop, and what happened to each. For tests of this
 * folder. Every wait has a deadline, after which the test fails.
 */
#ifndef BOURDON_TESTS_EXCHANGE_H
#define BOURDON_TESTS_EXCHANGE_H

#include "net/io.h"

enum {
    EXCHANGE_DEADLINE_MS = 20000,
    EXCHANGE_HANDSHAKE_MS = 10000,
    EXCHANGE_KEEP_MAX = 64 * 1024 * 1024, /* bytes an end may receive */
};

struct end {
    struct io *io;
    int opened;
    int drained;
    int closed;
    enum err code;
    char reason[ERR_TEXT_MAX];
    struct buffer received;
    void (*on_opened)(struct end *end);   /* NULL = nothing */
    void (*on_received)(struct end *end); /* NULL = nothing */
    void (*on_closed)(struct end *end);   /* NULL = nothing */
};

struct exchange {
    struct loop *loop;
    struct io_listener *listener;
    struct end client;
    struct end server;
    struct tls_context *server_tls; /* borrowed; NULL = plain */
    int64_t handshake_ms;
    size_t out_limit;
    uint16_t port; /* that the client connects to: the listener's unless a test changes it */
    bool expired;
};

/* Whether the handshakes of both ends are computed in other threads. */
extern bool exchange_handshake_apart;

/* Makes the loop and the listener. */
void exchange_open(struct exchange *exchange, struct tls_context *server_tls);
void exchange_close(struct exchange *exchange);

/* Starts the client's connection to the listener. `tls` NULL = plain. */
void exchange_connect(struct exchange *exchange, struct tls_context *tls, const char *server_name);

void exchange_connect_to(struct exchange *exchange, struct tls_context *tls, const char *server_name,
                         const struct loop_addresses *addresses);

/* A blocking socket connected to the listener, for peers that misbehave. */
int exchange_raw(const struct exchange *exchange);

/* A listening socket on a port of its own, which is returned. */
uint16_t exchange_listen_somewhere(int *fd, int backlog);

/* Runs the loop until done(exchange); the test fails with `what` if the deadline comes first. */
void exchange_run(struct exchange *exchange, bool (*done)(const struct exchange *exchange), const char *what);

bool exchange_both_open(const struct exchange *exchange);
bool exchange_both_closed(const struct exchange *exchange);
bool exchange_server_open(const struct exchange *exchange);
bool exchange_server_closed(const struct exchange *exchange);
bool exchange_client_closed(const struct exchange *exchange);

#endif
