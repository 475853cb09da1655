/*
 * tls: contexts, verification and identity. Only files of lib/net include OpenSSL's SSL headers.
 *
 * A tls_context is immutable once made and counted: a reload makes a new one, connections keep theirs.
 * Policy (the same on both ends): peers show a certificate that chains to the configured CA file, is valid
 * now, has the right key usage (clientAuth / serverAuth when an extended key usage is present), a strong
 * enough key (security level 2), is not revoked by the CRL where one is given, and names whom we expect. No
 * resumption, no renegotiation, no compression. TLS 1.3; 1.2 by option, and by every profile of MODBUS/TCP
 * Security. A self-signed certificate in the CA file stands for itself: it needs no list to revoke it.
 *
 * A client may pin its server's certificate instead: then neither authority, name nor purpose of it count,
 * but its dates and its strength do.
 */
#ifndef BOURDON_NET_TLS_H
#define BOURDON_NET_TLS_H

#include "base/err.h"
#include "base/options.h"

#include <stdbool.h>
#include <stdint.h>

enum tls_side { TLS_CLIENT, TLS_SERVER };

enum tls_profile {
    TLS_PROFILE_TUNNEL,    /* between bridge and server */
    TLS_PROFILE_MBAPS_V36, /* MODBUS/TCP Security v36; this and what follows: the chain is sent with its root
                            */
    TLS_PROFILE_SUNSPEC,   /* Secure SunSpec Modbus 1.0: its suites in its order */
    TLS_PROFILE_NIST,      /* SP 800-52 revision 2: approved ciphers and curves only */
};

/* The profiles of MODBUS/TCP Security as a configuration names them: mbaps-v36, sunspec, nist. */
extern const struct option_choice tls_profile_choices[];

struct tls_pair {
    const char *certificate; /* PEM file: leaf, then intermediates */
    const char *key;         /* PEM file; refused when others may read it */
};

struct tls_options {
    enum tls_side side;
    enum tls_profile profile;
    const char *ca;          /* PEM file, one or more roots; a client with a pin needs none */
    const char *certificate; /* PEM file: leaf, then intermediates */
    const char *key;         /* PEM file; refused when others may read it */
    struct tls_pair second;  /* of the other kind of key, RSA or P-256; "" or NULL = none */
    const char *crl;         /* PEM file with one or more CRLs, "" or NULL = no revocation check */
    const char *alpn;        /* the one protocol offered and demanded, "bourdon/1"; "" or NULL = none */
    bool allow_tls12;
    const char *pin;     /* client: SHA-256 of the server's certificate in hexadecimal; "" or NULL = none */
    const char *ciphers; /* client: TLS 1.2 ciphers an old device needs, in OpenSSL's words; "" or NULL */
    bool fragment_512;   /* client: asks for records of at most 512 bytes (RFC 6066, section 4) */
};

enum { TLS_NAME_MAX = 64, TLS_ROLE_MAX = 256, TLS_TEXT_MAX = 256 };

/* What the verified leaf certificate of the peer says. */
struct tls_peer {
    char bridge[TLS_NAME_MAX]; /* X of URI SAN urn:bourdon:bridge:X; "" if there is none (or more than one) */
    char subject[TLS_TEXT_MAX]; /* RFC 2253 */
    char serial[64];            /* hexadecimal */
    int64_t not_after_us;       /* wall time */
    unsigned role_count;        /* role extensions found, OID 1.3.6.1.4.1.50316.802.1 */
    char role[TLS_ROLE_MAX];    /* valid if exactly one well-formed UTF8String, else "" */
};

struct tls_context;

/* Loads and checks the files. The text names the file and what to do about it. */
MUST_USE enum err tls_context_new(const struct tls_options *options, struct tls_context **context,
                                  struct err_text *why);
/* A file that cannot be used: its option ("pin", "ca", "certificate", "key" or "crl"), and what to do about
 * it. */
struct tls_faults {
    void (*found)(void *owner, const char *option, const struct err_text *why);
    void *owner;
};
/* The same, but goes on behind a file that cannot be used, and tells of each. */
MUST_USE enum err tls_context_load(const struct tls_options *options, const struct tls_faults *faults,
                                   struct tls_context **context);
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* NULL is fine */

/* When the first of our own certificates ends (wall time, µs): for status and warnings. */
int64_t tls_context_not_after_us(const struct tls_context *context);
/* When the first of the revocation lists ends, which then refuses everybody (wall time, µs); 0: never. */
int64_t tls_context_crl_end_us(const struct tls_context *context);
/* The bridge name in our own certificate, "" if there is none. */
const char *tls_context_bridge(const struct tls_context *context);

/* A bridge name: 1..63 characters a-z A-Z 0-9 . _ -, beginning with a letter or digit. */
bool tls_bridge_name_valid(const char *name);

#endif
