#include "store/postgresql_names.h"

#include "store/memo.h"
#include "tunnel/batch.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 64 + CATALOG_HASH_SIZE };

struct known_catalog {
    struct catalog *catalog;
    int64_t id;
};

struct postgresql_names {
    struct pg *pg;
    unsigned generation;
    struct memo *streams;  /* bridge, epoch → int32_t */
    struct memo *catalogs; /* hash → struct known_catalog */
    struct memo *tags;     /* bridge, hash → struct postgresql_tags */
};

/* ---- memory ---- */

static void forget_catalog(void *value)
{
    struct known_catalog *known = value;
    catalog_free(known->catalog);
    free(known);
}

static void forget_tags(void *value)
{
    struct postgresql_tags *tags = value;
    free(tags->ids);
    free(tags);
}

struct postgresql_names *postgresql_names_new(struct pg *pg)
{
    struct postgresql_names *names = calloc(1, sizeof *names);
    if (!names) {
        return NULL;
    }
    names->pg = pg;
    names->streams = memo_new(POSTGRESQL_STREAMS_MAX, free);
    names->catalogs = memo_new(POSTGRESQL_TAGS_MAX, forget_catalog);
    names->tags = memo_new(POSTGRESQL_TAGS_MAX, forget_tags);
    if (names->streams && names->catalogs && names->tags) {
        return names;
    }
    postgresql_names_free(names);
    return NULL;
}

void postgresql_names_free(struct postgresql_names *names)
{
    if (names) {
        memo_free(names->streams);
        memo_free(names->tags);
        memo_free(names->catalogs);
        free(names);
    }
}

void postgresql_names_settle(struct postgresql_names *names)
{
    // A new connection may be one to another database, or to an older copy of it.
    bool renewed = names->generation != pg_generation(names->pg);
    names->generation = pg_generation(names->pg);
    if (renewed || memo_is_over(names->streams)) {
        memo_clear(names->streams);
    }
    if (renewed || memo_is_over(names->tags) || memo_is_over(names->catalogs)) {
        memo_clear(names->tags); // they point into the catalogs
        memo_clear(names->catalogs);
    }
}

/* A bridge's name ends with its first NUL, so no two pairs make the same key. */
static struct bytes key_of(uint8_t *space, const char *bridge, const uint8_t *data, size_t size)
{
    size_t length = strnlen(bridge, KEY_MAX - CATALOG_HASH_SIZE - 1);
    memcpy(space, bridge, length);
    space[length] = 0;
    memcpy(space + length + 1, data, size);
    return (struct bytes){space, length + 1 + size};
}

/* ---- queries for one number ---- */

/* `*id` 0: no row. Frees the values. */
static enum err query_id(struct postgresql_names *names, const char *sql, struct pg_values *values,
                         int64_t *id, struct err_text *why)
{
    struct pg_rows *rows = NULL;
    enum err result = pg_query(names->pg, sql, values, &rows, why);
    *id = result == ERR_OK && pg_rows_count(rows) > 0 ? pg_i64(rows, 0, 0) : 0;
    pg_rows_free(rows);
    pg_values_free(values);
    return result;
}

static enum err claim_bridge(struct postgresql_names *names, const char *bridge, int64_t *id,
                             struct err_text *why)
{
    static const char find[] = "SELECT id FROM bridge WHERE name = $1";
    static const char make[] = "INSERT INTO bridge (name) VALUES ($1) ON CONFLICT DO NOTHING";
    const char *const steps[] = {find, make, find};
    enum err result = ERR_OK;
    *id = 0;
    for (size_t i = 0; i < 3 && result == ERR_OK && *id == 0; i++) {
        struct pg_values values = {0};
        pg_value_text(&values, bridge);
        result = query_id(names, steps[i], &values, id, why);
    }
    return result;
}

/* ---- streams ---- */

static enum err claim_stream(struct postgresql_names *names, const char *bridge, const uint8_t *epoch,
                             int64_t *id, struct err_text *why)
{
    static const char find[] = "SELECT id FROM stream WHERE bridge = $1 AND epoch = $2";
    static const char make[] = "INSERT INTO stream (bridge, epoch) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    const char *const steps[] = {find, make, find};
    int64_t bridge_id;
    enum err result = claim_bridge(names, bridge, &bridge_id, why);
    *id = 0;
    for (size_t i = 0; i < 3 && result == ERR_OK && *id == 0; i++) {
        struct pg_values values = {0};
        pg_value_i64(&values, bridge_id);
        pg_value_bytes(&values, epoch, BATCH_EPOCH_SIZE);
        result = query_id(names, steps[i], &values, id, why);
    }
    return result;
}

enum err postgresql_names_stream(struct postgresql_names *names, const char *bridge, const uint8_t *epoch,
                                 int32_t *id, struct err_text *why)
{
    uint8_t space[KEY_MAX];
    struct bytes key = key_of(space, bridge, epoch, BATCH_EPOCH_SIZE);
    int32_t *known = memo_find(names->streams, key);
    if (known) {
        *id = *known;
        return ERR_OK;
    }
    int64_t found;
    enum err result = claim_stream(names, bridge, epoch, &found, why);
    if (result != ERR_OK) {
        return result;
    }
    *id = (int32_t)found;
    known = malloc(sizeof *known);
    if (known) {
        *known = *id;
    }
    if (!known || memo_keep(names->streams, key, known, 1) != ERR_OK) {
        free(known);
    }
    return ERR_OK;
}

/* ---- catalogs ---- */

static enum err keep_catalog(struct postgresql_names *names, const uint8_t *hash, int64_t id,
                             struct bytes encoded, const struct known_catalog **known, struct err_text *why)
{
    struct known_catalog *made = calloc(1, sizeof *made);
    if (!made) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    made->id = id;
    enum err result = catalog_decode(encoded, &made->catalog, why);
    if (result == ERR_OK) {
        result = memo_keep(names->catalogs, (struct bytes){hash, CATALOG_HASH_SIZE}, made,
                           catalog_count(made->catalog));
    }
    if (result != ERR_OK) {
        forget_catalog(made);
        return result == ERR_NO_MEMORY ? err_set(why, result, "out of memory")
                                       : err_prefix(why, ERR_CORRUPT, "a stored catalog");
    }
    *known = made;
    return ERR_OK;
}

/* `*known` NULL: not stored. */
static enum err find_catalog(struct postgresql_names *names, const uint8_t *hash,
                             const struct known_catalog **known, struct err_text *why)
{
    *known = memo_find(names->catalogs, (struct bytes){hash, CATALOG_HASH_SIZE});
    if (*known) {
        return ERR_OK;
    }
    struct pg_values values = {0};
    struct pg_rows *rows = NULL;
    pg_value_bytes(&values, hash, CATALOG_HASH_SIZE);
    enum err result =
        pg_query(names->pg, "SELECT id, encoded FROM catalog WHERE hash = $1", &values, &rows, why);
    if (result == ERR_OK && pg_rows_count(rows) > 0) {
        result = keep_catalog(names, hash, pg_i64(rows, 0, 0), pg_bytes(rows, 0, 1), known, why);
    }
    pg_rows_free(rows);
    pg_values_free(&values);
    return result;
}

/* ---- tags ---- */

static void tag_values(struct pg_values *values, int64_t bridge, const struct catalog *catalog)
{
    size_t count = catalog_count(catalog);
    pg_value_i64(values, bridge);
    pg_array_begin(values, PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        pg_array_text(values, catalog_tag(catalog, i)->name);
    }
    pg_array_end(values);
    pg_array_begin(values, PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        pg_array_text(values, catalog_tag(catalog, i)->unit);
    }
    pg_array_end(values);
}

static enum err claim_tags(struct postgresql_names *names, int64_t bridge, const struct catalog *catalog,
                           struct pg_rows **rows, struct err_text *why)
{
    /* Not simply ON CONFLICT: that would use up a number for every tag that is there. */
    static const char make[] =
        "INSERT INTO tag (bridge, name, unit) SELECT $1, name, unit FROM unnest($2, $3) AS wanted (name, "
        "unit)"
        " WHERE NOT EXISTS (SELECT FROM tag WHERE tag.bridge = $1 AND tag.name = wanted.name"
        "  AND tag.unit = wanted.unit) ORDER BY name ON CONFLICT DO NOTHING";
    static const char find[] =
        "SELECT tag.id FROM unnest($2, $3) WITH ORDINALITY AS wanted (name, unit, place)"
        " JOIN tag ON tag.bridge = $1 AND tag.name = wanted.name AND tag.unit = wanted.unit ORDER BY place";
    struct pg_values values = {0};
    tag_values(&values, bridge, catalog);
    enum err result = pg_query(names->pg, make, &values, NULL, why);
    if (result == ERR_OK) {
        result = pg_query(names->pg, find, &values, rows, why);
    }
    pg_values_free(&values);
    if (result == ERR_OK && pg_rows_count(*rows) != catalog_count(catalog)) {
        result = err_set(why, ERR_BUSY, "PostgreSQL: rows of the table tag are missing");
    }
    return result;
}

static struct postgresql_tags *make_tags(const struct known_catalog *known, const struct pg_rows *rows)
{
    size_t count = catalog_count(known->catalog);
    struct postgresql_tags *tags = malloc(sizeof *tags);
    int32_t *ids = malloc((count + 1) * sizeof *ids);
    if (!tags || !ids) {
        free(tags);
        free(ids);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = (int32_t)pg_i64(rows, i, 0);
    }
    *tags = (struct postgresql_tags){.catalog = known->catalog, .catalog_id = known->id, .ids = ids};
    return tags;
}

static enum err learn_tags(struct postgresql_names *names, const char *bridge,
                           const struct known_catalog *known, struct bytes key,
                           const struct postgresql_tags **out, struct err_text *why)
{
    int64_t bridge_id;
    struct pg_rows *rows = NULL;
    enum err result = claim_bridge(names, bridge, &bridge_id, why);
    if (result == ERR_OK) {
        result = claim_tags(names, bridge_id, known->catalog, &rows, why);
    }
    if (result == ERR_OK) {
        struct postgresql_tags *tags = make_tags(known, rows);
        if (!tags || memo_keep(names->tags, key, tags, catalog_count(known->catalog)) != ERR_OK) {
            if (tags) {
                forget_tags(tags);
            }
            tags = NULL;
            result = err_set(why, ERR_NO_MEMORY, "out of memory");
        }
        *out = tags;
    }
    pg_rows_free(rows);
    return result;
}

enum err postgresql_names_tags(struct postgresql_names *names, const char *bridge, const uint8_t *hash,
                               const struct postgresql_tags **tags, struct err_text *why)
{
    uint8_t space[KEY_MAX];
    struct bytes key = key_of(space, bridge, hash, CATALOG_HASH_SIZE);
    *tags = memo_find(names->tags, key);
    if (*tags) {
        return ERR_OK;
    }
    const struct known_catalog *known;
    enum err result = find_catalog(names, hash, &known, why);
    return result == ERR_OK && known ? learn_tags(names, bridge, known, key, tags, why) : result;
}
