/* exchange: a request of a session on its way to a link, and back. The gateway's thread. */
#ifndef BOURDON_BRIDGE_GATEWAY_EXCHANGE_H
#define BOURDON_BRIDGE_GATEWAY_EXCHANGE_H

#include "gateway/session.h"

/* One ADU has arrived. May close the session. */
void exchange_request(struct session *session, const struct mbap *adu, int64_t now_us);

/* The answers of a link, in its thread. */
extern const struct live_events exchange_events;
/* Passes on what has come back. It comes by itself, but for a moment without memory. */
void exchange_take_answers(struct gateway *gateway);

/* The session has ended: the reads under way find it no more; writes do, but only to be recorded. */
void exchange_abandon(struct session *session);
/* The session may do nothing any more: writes that have not begun are not carried out. */
void exchange_cancel(struct session *session);
void exchange_free_all(struct gateway *gateway);

#endif
