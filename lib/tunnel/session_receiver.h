/*
 * session_receiver: the server's end of a tunnel session, as a pure state machine: bytes, time and the
 * store's results in; bytes and store operations out. No socket, clock, disk or log. One thread.
 *
 *   WAIT_OPEN ──OPEN──▶ LOOKING_UP ──receiver_opened()──▶ READY ──BYE──▶ DRAINING ──all answered──▶ CLOSED
 *       └──t1──────────────┴──protocol error, timeouts, receiver_goodbye()──┴───────────────────────▶ CLOSED
 *
 * READY: batches are checked (batch_open, then batch_decode against their catalog) and handed to the owner;
 * the owner answers each with receiver_stored() once its store has committed, in any order; ACKs go out at
 * once for what is answered, an empty one every t2 while something is outstanding or a frame is still coming
 * in, a TEST after t3 of silence. A bad batch is answered REJECTED with the reason; a broken frame ends the
 * session with BYE_PROTOCOL. A batch is never acknowledged COMMITTED or DUPLICATE unless the owner said so.
 */
#ifndef BOURDON_TUNNEL_SESSION_RECEIVER_H
#define BOURDON_TUNNEL_SESSION_RECEIVER_H

#include "tunnel/batch_decoder.h"
#include "tunnel/frame.h"

enum receiver_state {
    RECEIVER_WAIT_OPEN,
    RECEIVER_LOOKING_UP,
    RECEIVER_READY,
    RECEIVER_DRAINING, /* the bridge said BYE; what it had sent is still being stored */
    RECEIVER_CLOSED
};

/* Called from inside the receiver_* functions; must not call them back. */
struct receiver_events {
    void (*send)(void *owner, struct bytes bytes);
    /* Look up what the store has of this epoch, then call receiver_opened(). */
    void (*open)(void *owner, const struct frame_open *open);
    /* Store the catalog durably, then call receiver_catalog_stored(). `catalog` is checked and belongs to the
     * session or to the owner (see find_catalog). Batches that refer to it may follow before the answer: do
     * not answer them COMMITTED before the catalog is. */
    void (*catalog)(void *owner, const struct catalog *catalog);
    /* Store the batch durably, then call receiver_stored(). `view` and its bytes are valid during the call
     * only. */
    void (*batch)(void *owner, const struct batch_view *view, bool historical);
    /* A CATALOG came, or a batch refers to one the session does not hold: return it if the owner has it at
     * hand (it keeps it alive until the session ends), or NULL. Saves decoding and holding the same catalog
     * again. */
    const struct catalog *(*find_catalog)(void *owner, const uint8_t *hash);
    /* A catalog was decoded that find_catalog did not know. True: the owner takes it over, to share it among
     * sessions, and keeps it alive until the session ends. NULL = the session keeps it. */
    bool (*keep_catalog)(void *owner, struct catalog *catalog);
    /* A batch was refused and answered so; for counters and a rate-limited log line. */
    void (*rejected)(void *owner, uint64_t sequence, const char *text);
    /* The bridge has answered receiver_probe(). NULL: nobody probes. */
    void (*probed)(void *owner);
    /* The end, once. */
    void (*closed)(void *owner, enum err code, enum bye_reason reason, const char *text);
};

struct receiver_options {
    const struct receiver_events *events;
    void *owner;
    struct batch_decoder *decoder; /* borrowed; shared by the sessions of a thread */
    /* What to say first; its limits and timers are kept to. The owner fills it in but for the versions; a
     * window_bytes below max_batch is raised to it. */
    struct frame_hello hello;
};

struct receiver;
MUST_USE struct receiver *receiver_new(const struct receiver_options *options, int64_t now_us);
void receiver_free(struct receiver *receiver);

enum receiver_state receiver_state(const struct receiver *receiver);
/* Sends HELLO. */
void receiver_start(struct receiver *receiver, int64_t now_us);
void receiver_receive(struct receiver *receiver, struct bytes bytes, int64_t now_us);
void receiver_tick(struct receiver *receiver, int64_t now_us);
int64_t receiver_deadline_us(const struct receiver *receiver);

void receiver_opened(struct receiver *receiver, const struct frame_welcome *welcome, int64_t now_us);
void receiver_catalog_stored(struct receiver *receiver, const struct frame_catalog_ack *ack, int64_t now_us);
/* The store's answer for one sequence; `text` (NULL is fine) says why not. Sequences that are not
 * outstanding, and anything after the end, have no effect. Several answers given between receiver_cork() and
 * receiver_uncork() share ACKs. */
void receiver_stored(struct receiver *receiver, uint64_t sequence, enum ack_result result,
                     int64_t committed_us, uint32_t delay_ms, const char *text, int64_t now_us);
void receiver_cork(struct receiver *receiver);
void receiver_uncork(struct receiver *receiver, int64_t now_us);

/* Asks the bridge for a sign of life from now on, as soon as it may be asked: see `probed`. */
void receiver_probe(struct receiver *receiver);
/* Batches handed to the owner and not yet answered. */
size_t receiver_outstanding(const struct receiver *receiver);
/* Ends the session: answers nothing more, says BYE. */
void receiver_goodbye(struct receiver *receiver, enum bye_reason reason, const char *text, int64_t now_us);

#endif
