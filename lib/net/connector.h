/*
 * connector: a TCP connection to the first of several addresses that answers. Inside lib/net only; the loop's
 * thread. The time given is shared out among the addresses not yet tried.
 */
#ifndef BOURDON_NET_CONNECTOR_H
#define BOURDON_NET_CONNECTOR_H

#include "net/loop.h"

struct connector;

/* One of the two is called, once and later; connector_free() may be called in it. */
struct connector_events {
    void (*connected)(void *owner, int fd); /* the owner's from now on */
    void (*failed)(void *owner, enum err code, const char *reason);
};

/* Copies the addresses. NULL: out of memory. */
struct connector *connector_new(struct loop *loop, const struct loop_addresses *addresses, int64_t timeout_ms,
                                const struct connector_events *events, void *owner);
void connector_free(struct connector *connector); /* NULL is fine */

/* The address being tried, or the last one tried. */
const char *connector_address(const struct connector *connector);

#endif
