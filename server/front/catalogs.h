/*
 * catalogs: the decoded catalogs of one loop's sessions, each once, however many bridges send the same. One
 * thread.
 */
#ifndef BOURDON_SERVER_FRONT_CATALOGS_H
#define BOURDON_SERVER_FRONT_CATALOGS_H

#include "tunnel/catalog.h"

struct catalogs;
struct shared_catalog;

/* What one session uses. All zero is nothing. */
struct catalog_uses {
    struct shared_catalog **items;
    size_t count;
};

MUST_USE struct catalogs *catalogs_new(void);  /* NULL: out of memory */
void catalogs_free(struct catalogs *catalogs); /* after every use was given back; NULL is fine */

/* The catalog, which stays until the session gives its uses back. NULL: not known, or out of memory. */
const struct catalog *catalogs_find(struct catalogs *catalogs, const uint8_t *hash,
                                    struct catalog_uses *uses);
/* Takes a catalog over that is not known yet. False: out of memory, it still is the caller's. */
bool catalogs_keep(struct catalogs *catalogs, struct catalog *catalog, struct catalog_uses *uses);
/* The session has ended. */
void catalogs_give_back(struct catalogs *catalogs, struct catalog_uses *uses);

size_t catalogs_count(const struct catalogs *catalogs);

#endif
