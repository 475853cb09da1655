#include "tunnel/catalog_shelf.h"

#include <string.h>

void catalog_shelf_init(struct catalog_shelf *shelf)
{
    *shelf = (struct catalog_shelf){0};
}

void catalog_shelf_fini(struct catalog_shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++) {
        catalog_free(shelf->catalogs[i].owned);
    }
    catalog_shelf_init(shelf);
}

enum err catalog_shelf_room(const struct catalog_shelf *shelf, uint32_t max_bytes, uint32_t *room,
                            struct err_text *why)
{
    if (shelf->received == TUNNEL_CATALOGS_MAX) {
        return err_set(why, ERR_LIMIT, "more than %d catalogs in a session", TUNNEL_CATALOGS_MAX);
    }
    *room = max_bytes - (uint32_t)shelf->bytes;
    return ERR_OK;
}

struct shelf_catalog *catalog_shelf_find(struct catalog_shelf *shelf, const uint8_t *hash)
{
    for (size_t i = 0; i < shelf->count; i++) {
        if (memcmp(shelf->catalogs[i].hash, hash, CATALOG_HASH_SIZE) == 0) {
            return &shelf->catalogs[i];
        }
    }
    return NULL;
}

static enum err add(struct catalog_shelf *shelf, struct bytes encoded, const uint8_t *hash,
                    const struct catalog *known, struct err_text *why)
{
    struct shelf_catalog made = {.catalog = known, .pending = true};
    if (!known) {
        enum err err = catalog_decode(encoded, &made.owned, why);
        if (err != ERR_OK) {
            return err;
        }
        made.catalog = made.owned;
    }
    memcpy(made.hash, hash, CATALOG_HASH_SIZE);
    shelf->catalogs[shelf->count++] = made;
    return ERR_OK;
}

enum err catalog_shelf_put(struct catalog_shelf *shelf, struct bytes encoded, const uint8_t *hash,
                           const struct catalog *known, struct err_text *why)
{
    shelf->received++;
    shelf->bytes += encoded.size;
    struct shelf_catalog *there = catalog_shelf_find(shelf, hash);
    if (there && there->pending) {
        return err_set(why, ERR_CONFLICT, "a catalog sent again before its answer");
    }
    enum err err = there ? ERR_OK : add(shelf, encoded, hash, known, why);
    if (err != ERR_OK) {
        return err;
    }
    if (there) {
        there->pending = true;
    }
    shelf->pending++;
    return ERR_OK;
}

bool catalog_shelf_answer(struct catalog_shelf *shelf, const uint8_t *hash, bool stored)
{
    struct shelf_catalog *there = catalog_shelf_find(shelf, hash);
    if (!there || !there->pending) {
        return false;
    }
    there->pending = false;
    shelf->pending--;
    if (!stored) {
        catalog_free(there->owned);
        *there = shelf->catalogs[--shelf->count];
    }
    return true;
}
