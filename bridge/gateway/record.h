/* record: what sessions have to say to the audit file. The gateway's thread. */
#ifndef BOURDON_BRIDGE_GATEWAY_RECORD_H
#define BOURDON_BRIDGE_GATEWAY_RECORD_H

#include "gateway/session.h"

void record_opened(struct session *session);
void record_closed(struct session *session, const char *reason);
/* A request that was denied; `request` NULL: it was not looked at beyond its function code. A client that is
 * denied all the time gets one record for many. */
void record_denied(struct session *session, uint8_t unit, const struct pdu_request *request,
                   const struct policy_decision *decision, int64_t now_us);
/* A write that was let through, with what came of it. */
void record_write(struct session *session, const struct transaction *transaction);
/* What was counted and has no record yet. */
void record_pending(struct session *session, int64_t now_us);

#endif
