/*
 * server_fixture: the whole server in a thread of this process, with a plant's certificates, and what it
 * logs. One at a time.
 */
#ifndef BOURDON_TESTS_SERVER_FIXTURE_H
#define BOURDON_TESTS_SERVER_FIXTURE_H

#include "remote_bridge.h"
#include "server.h"

/* Around all tests: the plant, with bridge/cell-3, bridge/cell-4, bridge/cell-5 and operator/anna. */
void server_fixture_make_plant(void);
void server_fixture_remove_plant(void);
const struct certificates *server_fixture_plant(void);

/* Around each test: a folder with a store and a configuration. */
void server_fixture_setup(void);
void server_fixture_teardown(void); /* stops the server, if it runs */
const char *server_fixture_store(void);
const char *server_fixture_config(void);

/* Writes the configuration: `bridges` as YAML, `more` whole lines. */
void server_fixture_configure(const char *bridges, const char *more);
/* For cell-3. adjust() changes what no configuration may say; NULL = nothing. */
void server_fixture_start(const char *more, void (*adjust)(struct server_options *options));
/* Tries to start one that cannot. */
enum err server_fixture_fail(void (*adjust)(struct server_options *options));
void server_fixture_stop_later(void); /* as by SIGTERM */
int server_fixture_wait(void);        /* until it has stopped by itself; the exit status */
int server_fixture_stop(void);        /* both */
void server_fixture_reload(void);     /* by SIGHUP, until the server has said what came of it */

uint16_t server_fixture_port(void);
bool server_fixture_said(const char *text); /* since the start of the test */
/* The number that a query on the store gives. */
int64_t server_fixture_stored(const char *sql);

/* Connects cell-3, and sends its catalog once the session is ready. */
void server_fixture_connect(struct remote_bridge *remote, uint8_t epoch, uint64_t first, uint64_t next);

#endif
