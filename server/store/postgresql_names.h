/*
 * postgresql_names: the numbers that stand for names in the tables of a PostgreSQL store, and the decoded
 * catalogs behind them. What is not there yet is made, outside of any transaction: a name without a batch
 * says nothing. Part of postgresql.c, with the same connection and thread.
 */
#ifndef BOURDON_SERVER_STORE_POSTGRESQL_NAMES_H
#define BOURDON_SERVER_STORE_POSTGRESQL_NAMES_H

#include "store/pg.h"
#include "tunnel/catalog.h"

enum {
    POSTGRESQL_STREAMS_MAX = 200000,  /* streams kept in memory */
    POSTGRESQL_TAGS_MAX = 4 * 1000000 /* tags of catalogs, and of bridges with them */
};

/* A catalog as one bridge uses it. */
struct postgresql_tags {
    const struct catalog *catalog;
    int64_t catalog_id;
    int32_t *ids; /* of its tags, in the order of the catalog */
};

struct postgresql_names;

MUST_USE struct postgresql_names *postgresql_names_new(struct pg *pg); /* NULL: out of memory */
void postgresql_names_free(struct postgresql_names *names);            /* NULL is fine */

/* Between groups: bounds the memory, and forgets everything after a new connection. What was handed out
 * before is gone then. */
void postgresql_names_settle(struct postgresql_names *names);

MUST_USE enum err postgresql_names_stream(struct postgresql_names *names, const char *bridge,
                                          const uint8_t *epoch, int32_t *id, struct err_text *why);
/* `*tags` NULL: the catalog is not stored. */
MUST_USE enum err postgresql_names_tags(struct postgresql_names *names, const char *bridge,
                                        const uint8_t *hash, const struct postgresql_tags **tags,
                                        struct err_text *why);

#endif
