/*
 * tls_verify: which findings about a peer's certificates stand, and whom a client expects. Inside lib/net
 * only; any thread.
 */
#ifndef BOURDON_NET_TLS_VERIFY_H
#define BOURDON_NET_TLS_VERIFY_H

#include "net/tls_context.h"

/*
 * Whether a check of OpenSSL's is passed, given what OpenSSL says (`good`). If not, the error of `checks`
 * says why: OpenSSL's own, or X509_V_ERR_CERT_REJECTED for a certificate that is not the pinned one.
 */
bool tls_verify_passes(bool good, X509_STORE_CTX *checks, const struct tls_context *context);

/* Makes a client's session demand the server of this DNS name or IP address, or the pinned certificate.
 * False: it cannot be demanded, so nothing would be checked. */
bool tls_verify_expect(SSL *ssl, const struct tls_context *context, const char *name);

#endif
