/*
 * store_await: opens the store when the server starts. A database or cluster that is away then is waited for:
 * it is tried again and again, /healthz is red and says why, and bridges find nobody listening, so that they
 * keep their batches, or go to another server.
 *
 * Has an event loop of its own while it waits; a try blocks it for as long as the store's time-outs are.
 */
#ifndef BOURDON_SERVER_STORE_AWAIT_H
#define BOURDON_SERVER_STORE_AWAIT_H

#include "http.h"
#include "store/store.h"

enum { STORE_AWAIT_TRY_MS = 1000 };

/* `http` is host:port, or "" for none. ERR_CLOSED: SIGTERM or SIGINT came first; else as store_open(), but
 * ERR_BUSY only of a file. */
MUST_USE enum err store_await(const char *where, const char *http, struct store **store,
                              struct err_text *why);

#endif
