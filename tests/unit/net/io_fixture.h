/*
 * io_fixture: two ends of a connection, plain or over TLS, and a suite that runs its tests over both. For
 * tests of this folder.
 */
#ifndef BOURDON_TESTS_NET_IO_FIXTURE_H
#define BOURDON_TESTS_NET_IO_FIXTURE_H

#include "contexts.h"
#include "exchange.h"

#include <check.h>

/* Each behaviour is the same plain and over TLS, unless a test says otherwise. */
enum kind { PLAIN, TLS, KINDS };

extern struct exchange exchange;
extern struct tls_context *server_tls;
extern struct tls_context *client_tls;

void start(enum kind kind);     /* the listener alone */
void join_ends(enum kind kind); /* until both ends are open */
enum err send_text(struct end *end, const char *text);
bool received_text(const struct end *end, const char *text);

/* Conditions of exchange_run(). */
bool both_greeted(const struct exchange *seen);
bool server_got_something(const struct exchange *seen);

enum { BIG = 8 * 1024 * 1024 + 4321 }; /* more than the kernel keeps for two sockets */
/* Writes BIG bytes of a pattern; whether they were received. */
void send_pattern(struct end *end, unsigned salt);
void check_pattern(const struct end *end, unsigned salt);

/* Runs `both` for each kind (as the test's _i) and `once` once, then all that with handshakes computed in
 * other threads; both end with NULL. The exit status. */
int io_fixture_run(const char *name, const TTest *const *both, const TTest *const *once);

#endif
