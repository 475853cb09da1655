/*
 * tls_profile: which versions, suites and groups each profile speaks, as a table. Inside lib/net only; pure.
 */
#ifndef BOURDON_NET_TLS_PROFILE_H
#define BOURDON_NET_TLS_PROFILE_H

#include "net/tls.h"

#include <openssl/ssl.h>

/* Whether the profile is one of MODBUS/TCP Security: TLS 1.2 is spoken, and the root is sent. */
bool tls_profile_is_mbaps(enum tls_profile profile);

/* Sets versions, suites and groups. ERR_CONFIG names the option that is wrong. */
MUST_USE enum err tls_profile_apply(SSL_CTX *ssl, const struct tls_options *options, struct err_text *why);

#endif
