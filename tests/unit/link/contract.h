/*
 * contract: what every link over TCP promises, plain or with TLS, as one suite. For tests of this folder.
 */
#ifndef BOURDON_TESTS_CONTRACT_H
#define BOURDON_TESTS_CONTRACT_H

#include "net/tls.h"

#include <stdbool.h>

struct contract_way {
    bool batched; /* every request is a batch of its own: link_exchange_all() */
    /* Over tls:// with the context of a client, before peers that are plain: a tls_front with this pair
     * speaks TLS for them. NULL: over tcp://. */
    struct tls_context *tls;
    const char *certificate, *key;
};

/* Runs the suite. Returns main()'s exit status. */
int contract_run(const char *name, const struct contract_way *way);

#endif
