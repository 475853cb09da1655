/*
 * handshakes: the TLS handshakes that one listener has in progress, oldest first, and who of them makes room
 * when there are too many. One thread.
 *
 * The places of the configuration are shared out evenly among the listeners: a listener can free only its
 * own, so a crowd at one must not take those of another. The kernel spreads connections over the listeners.
 *
 * Within a listener places are shared out by address: a newcomer takes one from the address that holds most
 * of them, if that leaves both with about the same. So a crowd from one address keeps nobody else out.
 * Against a crowd from many addresses there is only time: honest peers answer within milliseconds, so the
 * oldest one gives way that has kept us waiting for a whole answer, and whoever wants to hold all places has
 * to renew them faster than bridges need one. Who waits for us, because thousands came at once, does not give
 * way: work that was done for it would be lost.
 */
#ifndef BOURDON_SERVER_FRONT_HANDSHAKES_H
#define BOURDON_SERVER_FRONT_HANDSHAKES_H

#include "front/peer.h"

enum {
    HANDSHAKES_GRACE_MS = 1000, /* a peer that keeps us waiting this long has had its time */
    HANDSHAKES_LOOKS = 64,      /* of the oldest, that are asked how long they have */
};

/* The places of each of `listeners`, 1 at least. */
size_t handshakes_share(size_t places, size_t listeners);
bool handshakes_has_place(const struct listener *listener);

/* The peer was accepted, and counted by admission; its handshake begins. */
void handshakes_add(struct peer *peer);
/* It is done, or given up. */
void handshakes_remove(struct peer *peer);

/* Drops one handshake, counted and said, in favour of a newcomer. False: nobody is to go. */
bool handshakes_make_room(struct listener *listener, const struct sockaddr_storage *newcomer);

#endif
