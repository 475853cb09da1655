/*
 * tls_files: certificates, keys, authorities and revocation lists from PEM files into a context. Inside
 * lib/net only; any thread. Failures are ERR_CONFIG, name the file, and say what to do about it.
 */
#ifndef BOURDON_NET_TLS_FILES_H
#define BOURDON_NET_TLS_FILES_H

#include "net/tls.h"

#include <openssl/ssl.h>

/* A leaf and what comes behind it in the file. */
MUST_USE enum err tls_files_load_certificate(SSL_CTX *ssl, const char *path, struct err_text *why);

/* The key of the certificate loaded last, which `certificate` names; NULL: there is none, only the key itself
 * is judged. The file must be for its owner's eyes only. */
MUST_USE enum err tls_files_load_key(SSL_CTX *ssl, const char *path, const char *certificate,
                                     struct err_text *why);

/* Completes the chain of the pair loaded last from the authorities, down to and including the root, which
 * R-46 of MODBUS/TCP Security wants sent. */
MUST_USE enum err tls_files_complete_chain(SSL_CTX *ssl, const char *certificate, struct err_text *why);

/* Whom to believe; a server also tells its clients. */
MUST_USE enum err tls_files_load_authorities(SSL_CTX *ssl, enum tls_side side, const char *path,
                                             struct err_text *why);

/* With a list, every certificate of a chain must be covered by one: a missing list refuses. */
MUST_USE enum err tls_files_load_revocations(SSL_CTX *ssl, const char *path, struct err_text *why);

/* The cause in OpenSSL's error queue, behind "<what> <path>: "; empties the queue. */
enum err tls_files_explain(struct err_text *why, const char *what, const char *path);

#endif
