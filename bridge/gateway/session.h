/*
 * session: one connection of a client, from its handshake to its end. The gateway's thread.
 *
 *   HANDSHAKE ──verified──▶ OPEN ──the client leaves, or we close it──▶ gone
 *
 * Framing is strict: what follows a broken MBAP header cannot be trusted, so the connection is closed; frames
 * of other protocols are ignored (Messaging guide, section 4.2). Requests may be pipelined up to the
 * configured number; answers go out in the order they come from the links.
 */
#ifndef BOURDON_BRIDGE_GATEWAY_SESSION_H
#define BOURDON_BRIDGE_GATEWAY_SESSION_H

#include "gateway/gateway_state.h"
#include "modbus/mbap.h"
#include "net/socket.h"

enum {
    SESSION_OUT_MAX = 64 * 1024,   /* answers a client may leave unread; more and it is closed */
    SESSION_DENIALS_RECORDED = 20, /* in one window; the others are counted into one record */
    SESSION_DENIAL_WINDOW_US = 10 * 1000 * 1000,
};

struct session {
    struct gateway *gateway;
    struct session *previous, *next;
    uint64_t number; /* 0 until it is open */
    struct io *io;
    bool open;
    uint32_t generation;          /* of the context that its certificate was judged by */
    bool doomed;                  /* closed: it waits for the results of its writes, and for its burial */
    int64_t accepted_us, used_us; /* monotonic */
    int64_t opened_wall_us;
    int64_t frame_us;                 /* when the frame began that is not complete; 0 = none has */
    struct tls_peer peer;             /* once it is open; the record may need it when `io` is gone */
    char address[SOCKET_ADDRESS_MAX]; /* likewise */
    const char *role;                 /* of the certificate; NULL = none */
    const struct policy_role *rules;
    size_t outstanding;
    struct transaction *transactions[GATEWAY_REQUESTS_MAX];
    uint64_t reads, writes, denied, failed;
    int64_t denials_since_us;
    uint64_t denials_recorded, denials_counted;
    struct mbap_reader reader;
};

/* One request on its way. */
struct transaction {
    struct live_request live; /* the first member: what comes back is one of these */
    struct session *session;  /* NULL: it has ended, and there is nothing to record */
    size_t slot;
    uint16_t number;            /* of the MBAP header */
    uint8_t unit;               /* as the client asked */
    char rule_name[64];         /* that allowed to write: the policy may be gone when the answer comes */
    uint8_t data[PDU_SIZE_MAX]; /* what is written */
};

/* Takes over a descriptor. */
void session_accept(struct gateway *gateway, int fd);
/* Ends it; `reason` goes to log and audit. The memory stays until session_bury_all() finds that none of its
 * writes is under way. */
void session_close(struct session *session, const char *reason);
/* The same of a session that has lost its rights: its writes that have not begun are not carried out. */
void session_expel(struct session *session, const char *reason);
void session_bury_all(struct gateway *gateway);
/* The session's rules are those of the gateway's policy. */
void session_find_rules(struct session *session);
/* Closes it if it was silent, slow, or its certificate has ended. */
void session_tick(struct session *session, int64_t now_us, int64_t wall_us);
/* Closes it if this context does not trust its certificate. */
void session_judge(struct session *session, const struct tls_context *tls);

/* Sends an answer. May close the session. */
void session_answer(struct session *session, uint16_t transaction, uint8_t unit, struct bytes pdu);

#endif
