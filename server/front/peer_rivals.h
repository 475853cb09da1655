/*
 * peer_rivals: what a session does about the others of its bridge, as the roster tells it: it waits for its
 * place, takes over from one that no longer answers, or is refused as a clone or superseded. Inside
 * server/front only; the listener's thread, but for peer_rivals_tell().
 */
#ifndef BOURDON_SERVER_FRONT_PEER_RIVALS_H
#define BOURDON_SERVER_FRONT_PEER_RIVALS_H

#include "front/peer.h"

/* For the roster, in the thread of another session with its lock held: this one hears of it in its own. */
void peer_rivals_tell(struct roster_session *session, enum roster_news news);

/* Acts on what the roster has told. peer_settle() is due afterwards. */
void peer_rivals_hear(struct peer *peer);

/* At a tick: an older session that has not answered in time gives way, for its bridge has lost that
 * connection, and come back. */
void peer_rivals_press(struct peer *peer, int64_t now_us);

#endif
