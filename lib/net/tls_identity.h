/*
 * tls_identity: what a certificate says about its owner. Inside lib/net only; pure, any thread.
 *
 * Certificates come from outside: every text is bounded, escaped, and cut where too long.
 */
#ifndef BOURDON_NET_TLS_IDENTITY_H
#define BOURDON_NET_TLS_IDENTITY_H

#include "base/buffer.h"
#include "net/tls.h"

#include <openssl/x509.h>

/* Fills `peer` from a leaf certificate. Says nothing about whether it may be believed. */
void tls_identity_read(const X509 *certificate, struct tls_peer *peer);

/* Writes the distinguished name (RFC 2253) into text[TLS_TEXT_MAX]; a cut one ends with "...". */
void tls_identity_name(const X509_NAME *name, char *text);

/* Writes the DNS names and IP addresses of the certificate, joined with ", ", into text[TLS_TEXT_MAX]. */
void tls_identity_hosts(const X509 *certificate, char *text);

/* Wall time in µs; 0 if `time` is not a time. */
int64_t tls_identity_time_us(const ASN1_TIME *time);

/* Whether the certificate's only critical extension that OpenSSL does not know is the role. */
bool tls_identity_only_role_is_unknown(const X509 *certificate);

/*
 * Decodes the value of a role extension (MODBUS/TCP Security R-22: DER, one UTF8String, nothing behind it)
 * into role[TLS_ROLE_MAX]. False, and an empty role, if it is anything else, empty, longer than fits, or
 * holds a NUL.
 */
bool tls_identity_role(struct bytes value, char *role);

#endif
