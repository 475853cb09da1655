/*
 * server: the control server put together: what is started in which order, and stopped in the reverse one.
 *
 *   options → TLS context → store → store thread → listeners → http, control → running
 *
 * SIGTERM and SIGINT stop: nothing new is accepted, what was received is committed and acknowledged, every
 * bridge is told, then the exit status is 0. SIGHUP reloads. A store that fails for good stops with status 1.
 * Everything here is called in the main thread.
 */
#ifndef BOURDON_SERVER_SERVER_H
#define BOURDON_SERVER_SERVER_H

#include "base/daemon.h"
#include "server_options.h"

struct server;

/* Takes the options over, also on failure. `daemon` and `config` are for reloads. */
MUST_USE enum err server_new(const struct daemon *daemon, const char *config, struct server_options *options,
                             struct server **server, struct err_text *why);
/* Serves until a signal or a failure; returns the exit status. */
int server_run(struct server *server);
void server_free(struct server *server); /* NULL is fine */

/* The port bound for the address `index` of `listen`, and for http (0 = none): for tests with port 0. */
uint16_t server_port(const struct server *server, size_t index);
uint16_t server_http_port(const struct server *server);

/* What SIGHUP and SIGTERM do; the second from any thread. */
void server_reload(struct server *server);
void server_stop(struct server *server);

#endif
