/*
 * tls_explain: why a TLS connection failed, in an operator's words: which certificate, which check, what to
 * do. Inside lib/net only; any thread (the error queue read is the thread's own).
 */
#ifndef BOURDON_NET_TLS_EXPLAIN_H
#define BOURDON_NET_TLS_EXPLAIN_H

#include "base/err.h"
#include "net/tls_context.h"

/* Who speaks with whom. Borrowed. */
struct tls_scene {
    const struct tls_context *context;
    const char *address;     /* of the peer */
    const char *server_name; /* that a client demands, "" on a server */
};

/* A certificate of the peer's chain that failed a check. Borrowed. */
struct tls_refusal {
    int check;           /* X509_V_ERR_… */
    int depth;           /* of the culprit: 0 = the leaf */
    const X509 *leaf;    /* what the peer calls itself */
    const X509 *culprit; /* what failed */
};

/* "refused the certificate of 192.0.2.7:40112 (CN=cell-3, serial 4A): it expired on 2026-10-01: …" */
enum err tls_explain_refusal(const struct tls_scene *scene, const struct tls_refusal *refusal,
                             struct err_text *why);

/* The peer does not offer, or a server did not choose, the protocol of the context. */
enum err tls_explain_alpn(const struct tls_scene *scene, struct err_text *why);

/* What OpenSSL's error queue of this thread says; empties it. */
enum err tls_explain_queue(const struct tls_scene *scene, struct err_text *why);

#endif
