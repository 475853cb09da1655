/*
 * audit_record: what one line of the audit file says, and its JSON. docs/gateway.md lists the members. Pure,
 * any thread.
 */
#ifndef BOURDON_BRIDGE_GATEWAY_AUDIT_RECORD_H
#define BOURDON_BRIDGE_GATEWAY_AUDIT_RECORD_H

#include "base/buffer.h"
#include "modbus/pdu.h"
#include "net/tls.h"

#include <stdbool.h>
#include <stdint.h>

/* Borrows everything. What is NULL or 0 is left out. */
struct audit_record {
    const char *event; /* "session_opened", "session_closed", "denied", "write", … */
    int64_t time_us;   /* wall clock */
    uint64_t session;  /* 0 = none */
    const char *peer;  /* address and port */
    const struct tls_peer *certificate;
    const char *role;                  /* NULL: none; for records with a certificate */
    const struct pdu_request *request; /* with `unit` */
    uint8_t unit;
    bool has_values;    /* of a write: `old` and what the request writes */
    struct bytes old;   /* packed, empty = not known */
    const char *rule;   /* that allowed, or came closest */
    const char *result; /* "done", "exception 2", "no answer", … */
    const char *reason;
    uint64_t reads, writes, denied; /* session_closed: how many there were */
    bool has_counts;
    uint64_t count; /* of what the record stands for; 0 = one */
    bool can_wait;  /* for others to be synced with it */
};

/* Appends the members, without braces, to `out`. Values that would not fit a line are left out, and
 * "values_left_out" says so. ERR_LIMIT, ERR_NO_MEMORY: nothing was appended. */
MUST_USE enum err audit_record_write(const struct audit_record *record, struct buffer *out);

#endif
