#include "front/catalogs.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct shared_catalog {
    struct shared_catalog *next;
    struct catalog *catalog;
    size_t uses;
};

struct catalogs {
    struct shared_catalog *buckets[BUCKETS];
    size_t count;
};

struct catalogs *catalogs_new(void)
{
    return calloc(1, sizeof(struct catalogs));
}

void catalogs_free(struct catalogs *catalogs)
{
    free(catalogs);
}

/* The hash is a SHA-256: any of its bytes spread well. */
static struct shared_catalog **bucket_of(struct catalogs *catalogs, const uint8_t *hash)
{
    return &catalogs->buckets[(hash[0] << 8 | hash[1]) % BUCKETS];
}

static bool add_use(struct catalog_uses *uses, struct shared_catalog *shared)
{
    for (size_t i = 0; i < uses->count; i++) {
        if (uses->items[i] == shared) {
            return true;
        }
    }
    struct shared_catalog **items = realloc(uses->items, (uses->count + 1) * sizeof(struct shared_catalog *));
    if (!items) {
        return false;
    }
    items[uses->count++] = shared;
    uses->items = items;
    shared->uses++;
    return true;
}

const struct catalog *catalogs_find(struct catalogs *catalogs, const uint8_t *hash, struct catalog_uses *uses)
{
    struct shared_catalog *shared = *bucket_of(catalogs, hash);
    while (shared && memcmp(catalog_hash(shared->catalog), hash, CATALOG_HASH_SIZE) != 0) {
        shared = shared->next;
    }
    return shared && add_use(uses, shared) ? shared->catalog : NULL;
}

bool catalogs_keep(struct catalogs *catalogs, struct catalog *catalog, struct catalog_uses *uses)
{
    struct shared_catalog *shared = malloc(sizeof *shared);
    if (!shared) {
        return false;
    }
    struct shared_catalog **bucket = bucket_of(catalogs, catalog_hash(catalog));
    *shared = (struct shared_catalog){.next = *bucket, .catalog = catalog};
    if (!add_use(uses, shared)) {
        free(shared);
        return false;
    }
    *bucket = shared;
    catalogs->count++;
    return true;
}

static void drop(struct catalogs *catalogs, struct shared_catalog *shared)
{
    struct shared_catalog **link = bucket_of(catalogs, catalog_hash(shared->catalog));
    while (*link != shared) {
        link = &(*link)->next;
    }
    *link = shared->next;
    catalogs->count--;
    catalog_free(shared->catalog);
    free(shared);
}

void catalogs_give_back(struct catalogs *catalogs, struct catalog_uses *uses)
{
    for (size_t i = 0; i < uses->count; i++) {
        if (--uses->items[i]->uses == 0) {
            drop(catalogs, uses->items[i]);
        }
    }
    free(uses->items);
    *uses = (struct catalog_uses){0};
}

size_t catalogs_count(const struct catalogs *catalogs)
{
    return catalogs->count;
}
