/*
 * relay: takes a TLS connection of a reader with a certificate, and hands what is inside to a local socket:
 * so the product has one TLS policy, and what serves pages sees plain bytes. The loop's thread.
 *
 *   reader ══ TLS ══ io ──▶ relay ──▶ io ── local socket ── http
 *
 * Each direction is bounded: who does not take bytes stops the other from sending more.
 */
#ifndef BOURDON_WEB_RELAY_H
#define BOURDON_WEB_RELAY_H

#include "net/io.h"

enum {
    RELAY_HANDSHAKE_MS = 10000,
    RELAY_BUFFER = 256 * 1024,   /* bytes waiting in one direction before its source is paused */
    RELAY_CONNECTIONS_MAX = 256, /* with those in their handshake */
    RELAY_LINGER_MS = 2000,
};

struct relay_options {
    struct loop *loop;
    /* Whether this reader may see everything; the reason is logged. */
    bool (*allowed)(void *owner, const struct tls_peer *peer, struct err_text *why);
    /* Takes over the other end of the local socket. */
    enum err (*serve)(void *owner, int fd);
    void *owner;
};

struct relays;

MUST_USE struct relays *relays_new(const struct relay_options *options); /* NULL: out of memory */
void relays_free(struct relays *relays);                                 /* closes all; NULL is fine */
void relays_end_all(struct relays *relays); /* the readers come again, if they still may */

/* Takes over an accepted descriptor; `tls` is for this connection. */
void relays_accept(struct relays *relays, struct tls_context *tls, int fd);

#endif
