/*
 * gateway_options: what the operator says about the gateway of MODBUS/TCP Security, as a table, and what it
 * names: certificates, policy, unit map. One thread while loading, then read-only.
 */
#ifndef BOURDON_BRIDGE_GATEWAY_OPTIONS_H
#define BOURDON_BRIDGE_GATEWAY_OPTIONS_H

#include "base/diagnostics.h"
#include "base/options.h"
#include "field/field_options.h"
#include "gateway/policy.h"
#include "net/tls.h"

enum {
    GATEWAY_PORT = 802, /* mbap/TLS/TCP at IANA */
    GATEWAY_UNITS = 256,
    GATEWAY_LISTEN_MAX = 8,
    GATEWAY_CONNECTIONS_MAX = 10000,
    GATEWAY_REQUESTS_MAX = 16, /* of one connection at once: NumberMaxOfServerTransaction */
};

enum gateway_audit_failing { AUDIT_REFUSES_WRITES, AUDIT_GOES_ON };

struct gateway_audit_options {
    struct place place;
    char *file;
    int when_failing; /* enum gateway_audit_failing */
    bool old_values;
    int64_t heads_every_us;
};

struct gateway_limit_options {
    struct place place;
    int64_t connections, per_identity, per_address, handshakes;
    int64_t requests; /* of one connection at once */
    int64_t handshake_us, idle_us, frame_us, answer_us;
};

struct gateway_unit_options {
    struct place place;
    int64_t unit; /* as clients ask for it */
    char *link;
    int64_t target; /* behind the link; GATEWAY_SAME_UNIT = the same */
};

#define GATEWAY_SAME_UNIT INT64_C(-1)

/* Where a unit is. */
struct gateway_target {
    bool known;
    uint8_t unit;
    size_t link; /* place in the options */
};

struct gateway_options {
    struct place place;        /* all zero: there is no gateway */
    struct option_list listen; /* of char *: host:port */
    char *ca, *certificate, *key, *crl;
    char *second_certificate, *second_key; /* of the other kind of key */
    int profile;                           /* enum tls_profile */
    char *policy_file;
    struct option_list units; /* of struct gateway_unit_options */
    struct gateway_audit_options audit;
    struct gateway_limit_options limits;

    /* Not in the table: made by gateway_options_check(). */
    struct tls_context *tls;
    struct policy *policy;
    struct gateway_target targets[GATEWAY_UNITS];
};

extern const struct option gateway_options_table[];

bool gateway_options_given(const struct gateway_options *options);

/* The port of an address of `listen`, which may be left out: "0.0.0.0", "[::]:1802". False: it is no address.
 */
bool gateway_options_split(const char *address, char *host, char *port);

/* Loads and checks what is named. Mistakes go to the diagnostics; gateway_options_release() is due anyway. */
void gateway_options_check(struct gateway_options *options, const struct field_options *field,
                           struct diagnostics *diagnostics);
void gateway_options_release(struct gateway_options *options);

/* Whether a running gateway of the old options can go on with the new ones. */
bool gateway_options_may_replace(const struct gateway_options *old, const struct gateway_options *new);

/* The context of connections, from the files that the options name. */
MUST_USE enum err gateway_options_tls(const struct gateway_options *options, struct tls_context **context,
                                      struct err_text *why);

#endif
