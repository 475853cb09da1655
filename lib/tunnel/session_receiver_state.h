/* session_receiver_state: the receiver's structure, for its own files: session_receiver.c (the session and
 * its time) and session_receiver_store.c (what goes to the store, and its answers). */
#ifndef BOURDON_TUNNEL_SESSION_RECEIVER_STATE_H
#define BOURDON_TUNNEL_SESSION_RECEIVER_STATE_H

#include "tunnel/ack_queue.h"
#include "tunnel/catalog_shelf.h"
#include "tunnel/flight.h"
#include "tunnel/session_link.h"
#include "tunnel/session_receiver.h"

struct receiver {
    const struct receiver_events *events; /* borrowed */
    void *owner;
    struct batch_decoder *decoder; /* borrowed */
    enum receiver_state state;
    struct frame_hello hello;
    uint16_t version; /* the bridge's choice */
    uint8_t epoch[BATCH_EPOCH_SIZE];
    struct session_link link;
    struct flight outstanding;
    struct catalog_shelf shelf;
    struct ack_queue answers;
    unsigned corked;
    bool probe_wanted;      /* once the bridge may be asked */
    int64_t state_since_us; /* WAIT_OPEN, LOOKING_UP: since when */
    int64_t owed_since_us;  /* since when the bridge has heard nothing, while it waits for something */
    struct frame_bye bye;   /* DRAINING: what the bridge said */
};

/* When what is being handled came. */
static inline int64_t receiver_heard_us(const struct receiver *receiver)
{
    return receiver->link.liveness.heard_us;
}

/* session_receiver_store.c */
MUST_USE enum err receiver_on_catalog(struct receiver *receiver, struct bytes payload, struct err_text *why);
MUST_USE enum err receiver_on_batch(struct receiver *receiver, struct bytes payload, struct err_text *why);
/* Whether the bridge waits for an answer. */
bool receiver_is_answering(const struct receiver *receiver);
/* If it did not until now, it does from `now_us` on. */
void receiver_start_owing(struct receiver *receiver, int64_t now_us);
void receiver_send_answers(struct receiver *receiver, int64_t now_us);

#endif
