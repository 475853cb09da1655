/*
 * rounds: when a listener looks at each of its sessions again. A wheel of slots, each a tick wide: a session
 * that has nothing due costs nothing until its slot comes, so ten thousand that are silent are not asked
 * twice a second whether they have. One thread; the time comes from outside.
 */
#ifndef BOURDON_SERVER_FRONT_ROUNDS_H
#define BOURDON_SERVER_FRONT_ROUNDS_H

#include "front/peer.h"

/* The longest that a session is not looked at: all slots but one. */
enum { ROUNDS_LONGEST_MS = (ROUNDS_SLOTS - 1) * LISTENER_TICK_MS };

void rounds_init(struct rounds *rounds, int64_t now_us);

/* Looks at the peer in the first round at or after the slot of `due_us`, and anyhow within ROUNDS_LONGEST_MS.
 * Replaces what was planned before. May come up to a tick early; plan again then. */
void rounds_plan(struct peer *peer, int64_t due_us);
/* Nothing is planned any more. */
void rounds_leave(struct peer *peer);

/* The next peer whose time has come, and which nothing is planned for any more; NULL: that was all. */
struct peer *rounds_next(struct rounds *rounds, int64_t now_us);

#endif
