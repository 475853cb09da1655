/* tls_context: what is behind the handle of net/tls.h. Inside lib/net only. */
#ifndef BOURDON_NET_TLS_CONTEXT_H
#define BOURDON_NET_TLS_CONTEXT_H

#include "net/tls.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

enum {
    TLS_CHAIN_DEPTH_MAX = 4,         /* intermediates between a leaf and its root */
    TLS_CHAIN_BYTES_MAX = 32 * 1024, /* of certificates a peer may send */
    TLS_ALPN_MAX = 255,              /* RFC 7301, section 3.1 */
    TLS_PIN_SIZE = 32,               /* SHA-256 */
};

/* Immutable but for the count. The texts are for messages; "" where the option was not given. */
struct tls_context {
    atomic_uint references;
    SSL_CTX *ssl;
    enum tls_side side;
    bool allow_tls12;
    bool pinned; /* the peer must show the certificate with this fingerprint */
    unsigned char pin[TLS_PIN_SIZE];
    char *ca;
    char *certificate;
    char *crl;
    char *alpn;
    int64_t not_after_us;
    int64_t crl_end_us;
    char bridge[TLS_NAME_MAX];
};

#endif
