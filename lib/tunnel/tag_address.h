/*
 * tag_address: Modicon references, the one-based numbers of data sheets whose first digit names the table.
 *
 *   00001 coil 0    10001 discrete input 0    30001 input register 0    40101 holding register 100
 *
 * Five digits reach address 9998, six digits (400101) all 65536. Nothing shorter or longer is taken: whether
 * "100" means holding register 100 or 99 is a guess, and we do not guess. Pure.
 */
#ifndef BOURDON_TUNNEL_TAG_ADDRESS_H
#define BOURDON_TUNNEL_TAG_ADDRESS_H

#include "base/err.h"
#include "tunnel/catalog.h"

#include <stdint.h>

struct tag_address {
    enum table table;
    uint16_t address; /* zero-based, as on the wire */
};

/* ERR_CONFIG with the reason. */
MUST_USE enum err tag_address_parse(const char *reference, struct tag_address *address, struct err_text *why);

#endif
