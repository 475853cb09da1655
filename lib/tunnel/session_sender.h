/*
 * session_sender: the bridge's end of a tunnel session, as a pure state machine: bytes, time and the owner's
 * wishes in; bytes, acks and an end out, through `struct sender_events`. No socket, clock, disk or log. One
 * thread.
 *
 *   WAIT_HELLO ──HELLO──▶ WAIT_WELCOME ──WELCOME──▶ READY ──goodbye──▶ DRAINING ──all answered──▶ CLOSED
 *        └───────t1──────────────┴──t1, protocol error, BYE──┴──────────────┴──────▶ CLOSED
 *
 * READY and DRAINING: a batch unanswered for t1, or a TEST unanswered for t1, closes; nothing received for t3
 * sends a TEST. An ACK without ranges says "the store is slow" and restarts t1. The machine never invents a
 * sequence: the owner sends what its spool has committed, and trims what is acked.
 */
#ifndef BOURDON_TUNNEL_SESSION_SENDER_H
#define BOURDON_TUNNEL_SESSION_SENDER_H

#include "tunnel/frame.h"

/* The highest sequence above our own that is believed of a server, since we go on above it: what is left must
 * last for ever. A thousand batches a second for a million years do not reach it. */
#define SENDER_SEQUENCE_MAX (UINT64_C(1) << 62)

enum sender_state { SENDER_WAIT_HELLO, SENDER_WAIT_WELCOME, SENDER_READY, SENDER_DRAINING, SENDER_CLOSED };

/* Called from inside the sender_* functions; must not call them back, but for sender_state() and the getters.
 */
struct sender_events {
    void (*send)(void *owner, struct bytes bytes);
    /* The server's limits and watermark are known: batches may be sent from now on. */
    void (*ready)(void *owner, const struct frame_hello *hello, const struct frame_welcome *welcome);
    void (*catalog_acked)(void *owner, const struct frame_catalog_ack *ack);
    /* One call a range of an ACK; every sequence in it was in flight and no longer is. `sent_us` is of the
     * first one. */
    void (*acked)(void *owner, const struct ack_range *range, int64_t first_sent_us);
    /* The end, once: clean if both sides said goodbye and nothing was in flight. */
    void (*closed)(void *owner, enum err code, enum bye_reason reason, const char *text);
};

enum { SENDER_WINDOW_MAX = 1024 }; /* batches in flight, whatever the server would take */

struct sender_options {
    const struct sender_events *events;
    void *owner;
    struct frame_open open; /* what to say after HELLO; version is filled in */
};

struct sender;
MUST_USE struct sender *sender_new(const struct sender_options *options, int64_t now_us);
void sender_free(struct sender *sender);

enum sender_state sender_state(const struct sender *sender);
void sender_receive(struct sender *sender, struct bytes bytes, int64_t now_us); /* any split of the stream */
/* Call at or after the deadline (monotonic µs) that sender_deadline_us() names; INT64_MAX = none. */
void sender_tick(struct sender *sender, int64_t now_us);
int64_t sender_deadline_us(const struct sender *sender);

/* Whether a batch of this size fits the window now (state READY). */
bool sender_has_room(const struct sender *sender, size_t batch_size);
/* ERR_BUSY: no room, or not READY; ERR_LIMIT: larger than the server takes; ERR_CONFLICT: already in flight;
 * ERR_MALFORMED: sequence 0; ERR_NO_MEMORY. Nothing has been sent then. */
MUST_USE enum err sender_send_batch(struct sender *sender, uint64_t sequence, struct bytes encoded,
                                    bool historical, int64_t now_us);
/* A catalog must be sent (once a session) before the first batch that refers to it; batches may follow at
 * once. ERR_BUSY: not READY; ERR_LIMIT: larger than the server takes, or more than TUNNEL_CATALOGS_MAX or
 * max_catalog bytes in this session: start another; ERR_NO_MEMORY. */
MUST_USE enum err sender_send_catalog(struct sender *sender, struct bytes encoded, int64_t now_us);

size_t sender_in_flight(const struct sender *sender);
/* Says goodbye once everything in flight is answered; before READY, at once. */
void sender_goodbye(struct sender *sender, enum bye_reason reason, const char *text, int64_t now_us);

#endif
