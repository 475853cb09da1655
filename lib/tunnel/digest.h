/* digest: SHA-256 (FIPS 180-4). Any thread. */
#ifndef BOURDON_TUNNEL_DIGEST_H
#define BOURDON_TUNNEL_DIGEST_H

#include "base/buffer.h"

enum { DIGEST_SIZE = 32 };

/* Writes DIGEST_SIZE bytes. ERR_NO_MEMORY is its only failure. */
MUST_USE enum err digest_sha256(struct bytes input, uint8_t *digest);

#endif
