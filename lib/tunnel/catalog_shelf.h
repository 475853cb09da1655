/*
 * catalog_shelf: the catalogs of one session at the server: those the bridge sent, each waiting for the store
 * or stored. Bounded by TUNNEL_CATALOGS_MAX and by the bytes the server takes. One thread.
 */
#ifndef BOURDON_TUNNEL_CATALOG_SHELF_H
#define BOURDON_TUNNEL_CATALOG_SHELF_H

#include "tunnel/frame.h"

struct shelf_catalog {
    const struct catalog *catalog;
    struct catalog *owned; /* NULL: somebody else keeps it */
    uint8_t hash[CATALOG_HASH_SIZE];
    bool pending; /* not answered yet */
};

struct catalog_shelf {
    struct shelf_catalog catalogs[TUNNEL_CATALOGS_MAX];
    size_t count, pending;
    size_t received; /* all that came, … */
    size_t bytes;    /* … and their encoded bytes */
};

void catalog_shelf_init(struct catalog_shelf *shelf);
void catalog_shelf_fini(struct catalog_shelf *shelf);

/* How many bytes the next catalog may have, when all together may have `max_bytes`. ERR_LIMIT: no more
 * catalogs. */
MUST_USE enum err catalog_shelf_room(const struct catalog_shelf *shelf, uint32_t max_bytes, uint32_t *room,
                                     struct err_text *why);
/* NULL: not there. */
struct shelf_catalog *catalog_shelf_find(struct catalog_shelf *shelf, const uint8_t *hash);

/*
 * Puts a catalog that came there, pending; one that was there already becomes pending again. `known` is the
 * same catalog if somebody keeps it already, else NULL: it is decoded. ERR_CONFLICT: it is pending; otherwise
 * as catalog_decode().
 */
MUST_USE enum err catalog_shelf_put(struct catalog_shelf *shelf, struct bytes encoded, const uint8_t *hash,
                                    const struct catalog *known, struct err_text *why);
/* The store has answered; a catalog that was not stored leaves the shelf. False: it was not pending. */
bool catalog_shelf_answer(struct catalog_shelf *shelf, const uint8_t *hash, bool stored);

#endif
