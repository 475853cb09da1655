/*
 * postgresql_group: what was put into a group, kept until its commit. The items belong to the caller. Part
 * of postgresql.c.
 */
#ifndef BOURDON_SERVER_STORE_POSTGRESQL_GROUP_H
#define BOURDON_SERVER_STORE_POSTGRESQL_GROUP_H

#include "store/postgresql_names.h"
#include "store/postgresql_rows.h"
#include "store/store.h"

struct postgresql_item {
    struct store_batch *batch;
    const struct postgresql_tags *tags; /* NULL for gaps */
    int32_t stream;                     /* 0: its catalog is not stored */
};

struct postgresql_group {
    int64_t now_us;
    struct store_catalog **catalogs;
    struct postgresql_item *items;
    size_t catalog_count, catalog_capacity;
    size_t count, capacity;
};

MUST_USE enum err postgresql_group_add_catalog(struct postgresql_group *group, struct store_catalog *catalog);
MUST_USE enum err postgresql_group_add_batch(struct postgresql_group *group, struct store_batch *batch);
void postgresql_group_clear(struct postgresql_group *group); /* keeps the memory */
void postgresql_group_free(struct postgresql_group *group);

/* Writes the batches and their answers, inside a transaction. The items have their stream and tags. */
MUST_USE enum err postgresql_group_write(const struct postgresql_group *group, struct pg *pg,
                                         struct postgresql_rows *rows, struct err_text *why);

#endif
