/*
 * gate: who may open a session, or keep it after a reload: the certificate names a bridge, the name is on the
 * list, and the policy of today still trusts the certificate.
 */
#ifndef BOURDON_SERVER_FRONT_GATE_H
#define BOURDON_SERVER_FRONT_GATE_H

#include "front/peer.h"

/* By the listener's policy, of a peer whose handshake is done. False: counted, and `why` says it to both
 * operators. */
bool gate_admits(struct peer *peer, struct err_text *why);

/* One line about somebody who was refused, at a bounded rate. */
void gate_log_refused(struct peer *peer, const char *reason);

#endif
