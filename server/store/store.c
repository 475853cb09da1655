#include "store/store.h"

#include "base/array.h"
#include "store/sqlite.h"

#include <string.h>

static const struct {
    const char *prefix;
    enum err (*open)(const char *where, struct store **store, struct err_text *why);
} kinds[] = {
    {"sqlite:", sqlite_store_open},
};

enum err store_open(const char *where, struct store **store, struct err_text *why)
{
    *store = NULL;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        size_t length = strlen(kinds[i].prefix);
        if (strncmp(where, kinds[i].prefix, length) == 0 && where[length] != '\0') {
            return kinds[i].open(where + length, store, why);
        }
    }
    return err_set(why, ERR_CONFIG, "store \"%s\": is not of the form sqlite:/path/of/store.db", where);
}

void store_close(struct store *store)
{
    if (store) {
        store->operations->close(store);
    }
}

enum err store_begin(struct store *store, int64_t now_us, struct err_text *why)
{
    return store->operations->begin(store, now_us, why);
}

enum err store_put_catalog(struct store *store, struct store_catalog *catalog, struct err_text *why)
{
    return store->operations->put_catalog(store, catalog, why);
}

enum err store_put_batch(struct store *store, struct store_batch *batch, struct err_text *why)
{
    return store->operations->put_batch(store, batch, why);
}

enum err store_commit(struct store *store, struct err_text *why)
{
    return store->operations->commit(store, why);
}

void store_rollback(struct store *store)
{
    store->operations->rollback(store);
}

enum err store_look_up(struct store *store, const char *bridge, const uint8_t *epoch,
                       struct store_watermarks *watermarks, struct err_text *why)
{
    return store->operations->look_up(store, bridge, epoch, watermarks, why);
}

enum err store_find_catalog(struct store *store, const uint8_t *hash, struct buffer *encoded,
                            struct err_text *why)
{
    return store->operations->find_catalog(store, hash, encoded, why);
}
