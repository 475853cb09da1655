/*
 * peer: one connection of a bridge: its TLS stream, its session, and what it waits for from the store.
 *
 *   HANDSHAKE ──verified──▶ SESSION ──either end says goodbye, or breaks──▶ PARTING ──▶ GONE
 *       └─────────────────refused, timed out──────────────────────────────────────────────▲
 *
 * GONE: the connection is released; the peer itself lives until the store has answered what it asked. All
 * of it happens in the listener's thread but for the references.
 *
 * The machines below (receiver, io) must not be called from inside their own events. So an event only notes
 * what is to be done, and whoever called the machine ends with peer_settle(), which does it.
 */
#ifndef BOURDON_SERVER_FRONT_PEER_H
#define BOURDON_SERVER_FRONT_PEER_H

#include "front/listener.h"
#include "tunnel/session_receiver.h"

enum { PEER_CHALLENGE_MS = 5000 }; /* for an older session to show that its bridge is there; at most t1 / 3 */

enum peer_state { PEER_HANDSHAKE, PEER_SESSION, PEER_PARTING, PEER_GONE };

struct peer {
    struct listener *listener;
    struct peer *previous, *next;             /* in the listener's list, until it is gone */
    struct peer *older, *newer;               /* in the listener's handshakes */
    int64_t accepted_us;                      /* monotonic */
    struct peer *round_previous, *round_next; /* in the listener's rounds */
    int64_t round;                            /* when its turn is; 0 = it is not in them */
    enum peer_state state;
    uint32_t generation; /* of the policy that its certificate was judged by */
    atomic_uint
        references; /* the connection, each request at the store, each message under way to the loop */
    struct io *io;
    struct receiver *receiver;
    struct catalog_uses catalogs; /* that the session holds */
    struct admission_address *address;
    struct roster_bridge *bridge; /* who it is, from the certificate */
    struct roster_session session;
    uint64_t first_sequence, next_sequence; /* what the bridge said its spool holds */
    uint64_t stored_before;                 /* highest sequence of the epoch when the session opened */
    atomic_uint news;                       /* of the roster, not yet heard: enum roster_news */
    int64_t challenge_until_us;             /* monotonic: then it takes over; 0 = it challenges nobody */
    size_t requests;                        /* at the store */
    struct store_queue refused;             /* requests that the store thread did not take */
    enum err broken;                        /* why the connection is to be dropped; ERR_OK = it is not */
    int64_t paused_until_us;                /* monotonic; 0 = it is read */
    int64_t certificate_end_us;             /* wall clock */
    bool opened;                            /* the store has said what it has of the epoch */
    bool announced;                         /* that it has opened was logged */
    bool corked;                            /* answers are being handed out */
    struct peer *next_corked;
    bool draining;              /* says goodbye as soon as everything it sent is answered */
    uint64_t batches, readings; /* committed in this session */
};

/* Takes over an accepted descriptor, or closes it if a limit is reached. */
void peer_accept(struct listener *listener, int fd);

/* Does what the events noted: answers what the store thread refused, pauses, parts. Call it last. */
void peer_settle(struct peer *peer);

/* What is due, if anything: when the listener's rounds come to it. */
void peer_tick(struct peer *peer, int64_t now_us);
/* The listener's policy has changed. */
void peer_judge(struct peer *peer);
/* The server stops. */
void peer_drain(struct peer *peer);

/* Ends the session with a reason that the bridge is told. Nothing if there is none. */
void peer_goodbye(struct peer *peer, enum bye_reason reason, const char *text);
/* Closes at once. */
void peer_drop(struct peer *peer);

/* Any thread. The last one frees. */
void peer_unref(struct peer *peer);

#endif
