/*
 * channel: one attempt to reach one server, and the session that comes of it: name look-up, connection, TLS,
 * session_sender, timers. It ends once, with a reason in an operator's words; the uplink then makes another.
 *
 *   RESOLVING ─▶ CONNECTING ─▶ GREETING ─▶ READY ─▶ CLOSING ─▶ CLOSED
 *       └────────────┴────────────┴──────────────────▲──▶──────────┘
 *
 * RESOLVING is bounded by the resolver, CONNECTING by `connect_ms`, the others by the session's t1 and t3.
 * The loop's thread.
 */
#ifndef BOURDON_UPLINK_CHANNEL_H
#define BOURDON_UPLINK_CHANNEL_H

#include "net/io.h"
#include "tunnel/session_sender.h"

enum {
    CHANNEL_WAITING_MAX = 1024 * 1024, /* bytes handed over and not yet taken by the kernel: send no more */
    CHANNEL_LINGER_MS = 1000,
};

/* Called from the loop. Only `closed` may free the channel. */
struct channel_events {
    /* Within the session machine: note it, and act in `turn`. */
    void (*ready)(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome);
    void (*acked)(void *owner, const struct ack_range *range);
    void (*catalog_acked)(void *owner, const struct frame_catalog_ack *ack);
    /* Something has happened (also room to write): batches may be sent from in here. */
    void (*turn)(void *owner);
    /* The end; it never was ready if `ready` was not called. ERR_OK: both sides said goodbye. */
    void (*closed)(void *owner, enum err code, enum bye_reason reason, const char *text);
};

struct channel_options {
    struct loop *loop;
    struct tls_context *tls; /* NULL: plain, for tests */
    const char *endpoint;    /* host:port, copied */
    struct frame_open open;
    int64_t connect_ms;
    const struct channel_events *events;
    void *owner;
};

struct channel;

/* ERR_NO_MEMORY, ERR_CONFIG (no host:port): there is no channel. */
MUST_USE enum err channel_open(const struct channel_options *options, struct channel **channel);
void channel_free(struct channel *channel); /* NULL is fine; closes at once, without `closed` */

bool channel_has_room(const struct channel *channel, size_t batch_size);
/* As sender_send_batch() and sender_send_catalog(); also ERR_BUSY while too much waits to be written. */
MUST_USE enum err channel_send_batch(struct channel *channel, uint64_t seq, struct bytes encoded,
                                     bool historical);
MUST_USE enum err channel_send_catalog(struct channel *channel, struct bytes encoded);

/* Says goodbye once everything in flight is answered; `closed` follows. */
void channel_goodbye(struct channel *channel, enum bye_reason reason, const char *text);

/* Address and cipher for logs; "" before they are known. */
const char *channel_address(const struct channel *channel);
const char *channel_cipher(const struct channel *channel);

#endif
