/*
 * live: follows the server's watch socket in a thread of its own, and publishes what it says. While the
 * server is away it tries again, and says {"type":"server","connected":false}.
 */
#ifndef BOURDON_WEB_LIVE_H
#define BOURDON_WEB_LIVE_H

#include "events.h"

enum { LIVE_RETRY_MS = 1000 };

struct live;

/* `watch` is borrowed. */
MUST_USE enum err live_start(const char *watch, struct events *events, struct live **live,
                             struct err_text *why);
void live_stop(struct live *live); /* NULL is fine */

bool live_is_connected(const struct live *live); /* any thread; NULL: no */

#endif
