#include "store/store.h"

#include "base/array.h"
#include "store/jetstream.h"
#include "store/postgresql.h"
#include "store/sqlite.h"

#include <string.h>

static const struct kind {
    const char *prefix;
    bool whole; /* open() wants the prefix, too */
    enum err (*open)(const char *where, struct store **store, struct err_text *why);
} kinds[] = {
    {"sqlite:", false, sqlite_store_open},
    {"postgresql://", true, postgresql_store_open},
    {"jetstream://", false, jetstream_store_open},
};

static const struct kind *kind_of(const char *where)
{
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        size_t length = strlen(kinds[i].prefix);
        if (strncmp(where, kinds[i].prefix, length) == 0 && where[length] != '\0') {
            return &kinds[i];
        }
    }
    return NULL;
}

enum err store_check(const char *where, struct err_text *why)
{
    const struct kind *kind = kind_of(where);
    if (!kind) {
        return err_set(why, ERR_CONFIG,
                       "store: \"%s\" is of no kind we know: sqlite:FILE, "
                       "postgresql://HOST/DATABASE, jetstream://HOST:PORT/NAME",
                       where);
    }
    const char *authority = strstr(where, "://");
    const char *at = authority ? strchr(authority, '@') : NULL;
    bool password = at && memchr(authority + 3, ':', (size_t)(at - authority - 3));
    if (password || (kind->whole && strstr(where, "password="))) {
        return err_set(why, ERR_CONFIG, "store: has a password in it, which logs and \"ps\" would show");
    }
    return ERR_OK;
}

enum err store_open(const char *where, struct store **store, struct err_text *why)
{
    *store = NULL;
    enum err result = store_check(where, why);
    if (result != ERR_OK) {
        return result;
    }
    const struct kind *kind = kind_of(where);
    result = kind->open(kind->whole ? where : where + strlen(kind->prefix), store, why);
    return strstr(where, "://") && result != ERR_OK ? err_prefix(why, result, "store %s", where) : result;
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
    enum err result = store->operations->look_up(store, bridge, epoch, watermarks, why);
    if (watermarks->contiguous > watermarks->highest) { // a gap may reach beyond all that came
        watermarks->contiguous = watermarks->highest;
    }
    return result;
}

enum err store_find_catalog(struct store *store, const uint8_t *hash, struct buffer *encoded,
                            struct err_text *why)
{
    return store->operations->find_catalog(store, hash, encoded, why);
}

enum err store_tidy(struct store *store, struct err_text *why)
{
    return store->operations->tidy ? store->operations->tidy(store, why) : ERR_OK;
}

bool store_can_expire(const struct store *store)
{
    return store->operations->expire != NULL;
}

enum err store_expire(struct store *store, const struct store_retention *limits, int64_t now_us,
                      struct store_expired *expired, struct err_text *why)
{
    *expired = (struct store_expired){0};
    return store_can_expire(store) ? store->operations->expire(store, limits, now_us, expired, why) : ERR_OK;
}
