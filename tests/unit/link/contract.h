/*
 * contract: what every link over TCP promises, plain or with TLS, as one suite. For tests of this folder.
 */
#ifndef BOURDON_TESTS_CONTRACT_H
#define BOURDON_TESTS_CONTRACT_H

#include "net/tls.h"

/* Runs the suite over tcp:// or, with the context of a client, over tls://, before peers that are plain: then
 * a tls_front with this pair speaks TLS for them. Returns main()'s exit status. */
int contract_run(const char *name, struct tls_context *tls, const char *certificate, const char *key);

#endif
