/*
 * gateway: the MODBUS/TCP Security front door of the bridge: a listener for mutual TLS, in a thread of its
 * own. Every request is judged by the policy, goes to the link of its unit between the polls (field/live.h),
 * and its answer goes back; sessions, denials and writes are recorded (gateway/audit.h).
 *
 *   client ══ TLS ══ session ── policy ──▶ live queue of the link ──▶ PLC
 *                       ▲                         │
 *                       └──── answers, in batches ┘
 *
 * Everything below is called by the main thread. What touches the sessions runs in the gateway's own thread,
 * and the main thread waits for it.
 */
#ifndef BOURDON_BRIDGE_GATEWAY_GATEWAY_H
#define BOURDON_BRIDGE_GATEWAY_GATEWAY_H

#include "base/buffer.h"
#include "field/field.h"
#include "gateway/gateway_options.h"

struct gateway;

/* Listens and opens the audit file; every request is answered with exception 0B until gateway_attach(). */
MUST_USE enum err gateway_start(const struct gateway_options *options, struct gateway **gateway,
                                struct err_text *why);

/* From now on these options hold, but for `listen` and the audit file's name, and requests go to this field.
 * Sessions whose certificate the new files do not trust any more are closed. Both are borrowed until
 * gateway_detach(). */
void gateway_attach(struct gateway *gateway, const struct gateway_options *options, struct field *field);
/* Nothing is put to the field any more, so that it may be stopped; sessions stay. */
void gateway_detach(struct gateway *gateway);

/* Closes all sessions and ends. After gateway_detach() and field_stop(): what was asked has come back. NULL
 * is fine, also of the others. */
void gateway_stop(struct gateway *gateway);

/* Appends the state and the sessions as a JSON object. */
MUST_USE enum err gateway_status(struct gateway *gateway, struct buffer *out);
MUST_USE enum err gateway_metrics(struct gateway *gateway, struct buffer *out);
/* Closes the session with this number. False: there is none. */
bool gateway_end_session(struct gateway *gateway, uint64_t session);

/* The port of the first address, for tests that let the kernel pick it. */
uint16_t gateway_port(const struct gateway *gateway);

#endif
