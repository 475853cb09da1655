#include "store/postgresql.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/pg.h"
#include "store/postgresql_group.h"
#include "store/postgresql_names.h"
#include "store/postgresql_retention.h"
#include "store/postgresql_rows.h"
#include "store/postgresql_schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAYS_MAX = 4096,      /* days whose partition is known to be there */
    DAYS_BACK = 10 * 366, /* readings older, or … */
    DAYS_AHEAD = 2,       /* … further ahead than this get no partition of their own */
};
#define DAY_US (24 * 3600 * CLOCK_US_PER_S)

struct postgresql_store {
    struct store base;
    struct pg *pg;
    unsigned generation; /* of the connection whose store's identity was checked */
    struct postgresql_names *names;
    struct postgresql_rows *rows;
    struct postgresql_group group;
    int64_t days[DAYS_MAX]; /* since 1970, by day % DAYS_MAX; 0 = none */
    int64_t settled_until;  /* where the last step of retention has stopped */
};

/*
 * An acknowledgement means durable, whatever the database's default is. A server that dies in the middle of a
 * transaction must not hold up the others for long.
 */
static const char session[] =
    "SET search_path = bourdon, public;"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off';"
    "SET statement_timeout = '14s'; SET idle_in_transaction_session_timeout = '30s'";

static struct postgresql_store *own(struct store *base)
{
    return (struct postgresql_store *)base;
}

/* ---- the session ---- */

static enum err read_id(struct pg *pg, uint8_t *id, struct err_text *why)
{
    struct pg_rows *rows = NULL;
    enum err result = pg_query(pg, "SELECT store_id FROM bourdon.meta", NULL, &rows, why);
    if (result == ERR_OK && pg_rows_count(rows) == 1 && pg_bytes(rows, 0, 0).size == STORE_ID_SIZE) {
        memcpy(id, pg_bytes(rows, 0, 0).data, STORE_ID_SIZE);
    } else if (result == ERR_OK) {
        result = err_set(why, ERR_CORRUPT, "the store has no identity");
    }
    pg_rows_free(rows);
    return result;
}

/* Behind the same address there may be another database by now: bridges were told the identity of the first.
 */
static enum err check_identity(struct postgresql_store *store, struct err_text *why)
{
    uint8_t id[STORE_ID_SIZE];
    if (store->generation == pg_generation(store->pg)) {
        return ERR_OK;
    }
    enum err result = read_id(store->pg, id, why);
    if (result == ERR_OK && memcmp(id, store->base.id, sizeof id) != 0) {
        return err_set(why, ERR_CONFLICT, "PostgreSQL: this is another store than when we started");
    }
    if (result == ERR_OK) {
        store->generation = pg_generation(store->pg);
    }
    return result;
}

static enum err connect(struct postgresql_store *store, struct err_text *why)
{
    enum err result = pg_connect(store->pg, why);
    if (result == ERR_OK) {
        result = check_identity(store, why);
    }
    return result;
}

/* ---- before the transaction ---- */

static enum err write_catalogs(struct postgresql_store *store, struct err_text *why)
{
    enum err result = ERR_OK;
    for (size_t i = 0; i < store->group.catalog_count && result == ERR_OK; i++) {
        const struct store_catalog *catalog = store->group.catalogs[i];
        struct pg_values values = {0};
        pg_value_bytes(&values, catalog->hash, CATALOG_HASH_SIZE);
        pg_value_time(&values, catalog->received_us);
        pg_value_bytes(&values, catalog->encoded.data, catalog->encoded.size);
        result = pg_query(store->pg,
                          "INSERT INTO catalog (hash, received, encoded) SELECT $1, $2, $3"
                          " WHERE NOT EXISTS (SELECT FROM catalog WHERE hash = $1) ON CONFLICT DO NOTHING",
                          &values, NULL, why);
        pg_values_free(&values);
    }
    return result;
}

static enum err resolve(struct postgresql_store *store, struct postgresql_item *item, struct err_text *why)
{
    const struct batch_view *view = item->batch->view;
    *item = (struct postgresql_item){.batch = item->batch};
    enum err result = ERR_OK;
    if (view->kind == BATCH_READINGS) {
        result =
            postgresql_names_tags(store->names, item->batch->bridge, view->catalog_hash, &item->tags, why);
        if (result != ERR_OK || !item->tags) {
            item->batch->result = STORE_NO_CATALOG;
            return result;
        }
    }
    return postgresql_names_stream(store->names, item->batch->bridge, view->identity.epoch, &item->stream,
                                   why);
}

/* Makes the partition of a day unless it is known; days far away are left to the partition of strays. */
static enum err make_day(struct postgresql_store *store, int64_t day, struct err_text *why)
{
    int64_t today = store->group.now_us / DAY_US;
    int64_t *known = &store->days[day % DAYS_MAX];
    if (*known == day + 1 || day < today - DAYS_BACK || day > today + DAYS_AHEAD) {
        return ERR_OK;
    }
    struct pg_values values = {0};
    pg_value_time(&values, day * DAY_US);
    enum err result =
        pg_query(store->pg, "SELECT make_day(($1 AT TIME ZONE 'UTC')::date)", &values, NULL, why);
    pg_values_free(&values);
    if (result == ERR_OK) {
        *known = day + 1;
    }
    return result;
}

static enum err make_days(struct postgresql_store *store, const struct batch_view *view, struct err_text *why)
{
    int64_t first = view->first_us / DAY_US;
    int64_t last = view->last_us / DAY_US;
    int64_t today = store->group.now_us / DAY_US;
    enum err result = ERR_OK;
    first = first < today - DAYS_BACK ? today - DAYS_BACK : first;
    last = last > today + DAYS_AHEAD ? today + DAYS_AHEAD : last;
    if (last - first > 31) { // a batch of a clock that jumped: not a partition for every day between
        first = last;
    }
    for (int64_t day = first < 0 ? 0 : first; day <= last && result == ERR_OK; day++) {
        result = make_day(store, day, why);
    }
    return result;
}

static enum err prepare(struct postgresql_store *store, struct err_text *why)
{
    postgresql_names_settle(store->names);
    enum err result = write_catalogs(store, why);
    for (size_t i = 0; i < store->group.count && result == ERR_OK; i++) {
        struct postgresql_item *item = &store->group.items[i];
        result = resolve(store, item, why);
        if (result == ERR_OK && item->tags) {
            result = make_days(store, item->batch->view, why);
        }
    }
    return result;
}

/* ---- groups ---- */

static enum err postgresql_begin(struct store *base, int64_t now_us, struct err_text *why)
{
    (void)why;
    postgresql_group_clear(&own(base)->group);
    own(base)->group.now_us = now_us;
    return ERR_OK;
}

static enum err postgresql_put_catalog(struct store *base, struct store_catalog *catalog,
                                       struct err_text *why)
{
    enum err result = postgresql_group_add_catalog(&own(base)->group, catalog);
    return result == ERR_OK ? ERR_OK : err_set(why, result, "out of memory");
}

static enum err postgresql_put_batch(struct store *base, struct store_batch *batch, struct err_text *why)
{
    assert(batch->view->identity.sequence > 0 && batch->view->identity.sequence <= STORE_SEQUENCE_MAX);
    enum err result = postgresql_group_add_batch(&own(base)->group, batch);
    return result == ERR_OK ? ERR_OK : err_set(why, result, "out of memory");
}

static void postgresql_rollback(struct store *base)
{
    postgresql_group_clear(&own(base)->group); // nothing of it was sent
}

/* From here to the end no row of the ledger is settled by another server; each statement sees what was. */
static const char begin_group[] =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock_shared(1112491332, 3)";

static enum err send_group(struct postgresql_store *store, struct err_text *why)
{
    enum err result = connect(store, why);
    if (result == ERR_OK) {
        result = prepare(store, why);
    }
    if (result != ERR_OK || store->group.count == 0) {
        return result;
    }
    result = pg_exec(store->pg, begin_group, why);
    if (result == ERR_OK) {
        result = postgresql_group_write(&store->group, store->pg, store->rows, why);
    }
    if (result == ERR_OK) {
        result = pg_commit(store->pg, why);
    }
    if (result != ERR_OK) {
        pg_rollback(store->pg);
    }
    return result;
}

/*
 * A connection that was lost may have committed, or be about to. Sent once more, the group asks the ledger,
 * which waits for a transaction that still runs: what is there already is a duplicate.
 */
static enum err postgresql_commit(struct store *base, struct err_text *why)
{
    struct postgresql_store *store = own(base);
    bool connected = pg_is_connected(store->pg);
    enum err result = send_group(store, why);
    if (result == ERR_BUSY && connected && !pg_is_connected(store->pg)) {
        log_warn("store", log_event("connection_lost"), log_str("reason", why ? why->text : ""));
        result = send_group(store, why);
    }
    postgresql_group_clear(&store->group);
    return result;
}

/* ---- looking ---- */

/*
 * What lies between the batches, settled ranges and gaps that follow, looking at so many of them at most. A
 * gap that is not looked at may account for what is listed; the bridge says so again then. Behind a range
 * that is not looked at nothing is listed.
 */
static const char find_missing[] =
    "WITH of (stream) AS (SELECT stream.id FROM stream JOIN bridge ON bridge.id = stream.bridge"
    "  WHERE bridge.name = $1 AND epoch = $2),"
    " near AS (SELECT seq FROM batch WHERE stream = (SELECT stream FROM of) AND seq > $3 AND seq <= $4"
    "  ORDER BY seq LIMIT 16384),"
    " ranges AS (SELECT first_seq, last_seq FROM settled WHERE stream = (SELECT stream FROM of)"
    "  AND last_seq > $3 ORDER BY last_seq LIMIT 1024),"
    " present (first, last) AS (SELECT seq, seq FROM near UNION ALL"
    "  (SELECT first_seq, last_seq FROM gap_record WHERE stream = (SELECT stream FROM of) AND last_seq > $3"
    "  ORDER BY last_seq LIMIT 1024) UNION ALL SELECT first_seq, last_seq FROM ranges),"
    " behind (first, reached) AS (SELECT first, greatest($3, max(last) OVER (ORDER BY first"
    "  ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) FROM present)"
    " SELECT reached + 1, first - 1 FROM behind WHERE first - 1 > reached AND first <= (SELECT max(seq) FROM "
    "near) AND ((SELECT count(*) FROM ranges) < 1024 OR first <= (SELECT max(last_seq) FROM ranges))"
    " ORDER BY first LIMIT $5";

static enum err look_for_missing(struct postgresql_store *store, const char *bridge, const uint8_t *epoch,
                                 struct store_watermarks *watermarks, struct err_text *why)
{
    struct pg_values values = {0};
    struct pg_rows *rows = NULL;
    pg_value_text(&values, bridge);
    pg_value_bytes(&values, epoch, BATCH_EPOCH_SIZE);
    pg_value_i64(&values, (int64_t)watermarks->contiguous);
    pg_value_i64(&values, (int64_t)watermarks->highest);
    pg_value_i64(&values, FRAME_MISSING_MAX);
    enum err result = pg_query(store->pg, find_missing, &values, &rows, why);
    size_t count = result == ERR_OK ? pg_rows_count(rows) : 0;
    for (size_t i = 0; i < count && i < FRAME_MISSING_MAX; i++) {
        watermarks->missing[watermarks->missing_count++] =
            (struct frame_range){(uint64_t)pg_i64(rows, i, 0), (uint64_t)pg_i64(rows, i, 1)};
    }
    pg_rows_free(rows);
    pg_values_free(&values);
    return result;
}

static enum err postgresql_look_up(struct store *base, const char *bridge, const uint8_t *epoch,
                                   struct store_watermarks *watermarks, struct err_text *why)
{
    struct postgresql_store *store = own(base);
    struct pg_values values = {0};
    struct pg_rows *rows = NULL;
    *watermarks = (struct store_watermarks){0};
    enum err result = connect(store, why);
    if (result != ERR_OK) {
        return result;
    }
    pg_value_text(&values, bridge);
    pg_value_bytes(&values, epoch, BATCH_EPOCH_SIZE);
    result =
        pg_query(store->pg, "SELECT reached, more, highest FROM watermarks($1, $2)", &values, &rows, why);
    if (result == ERR_OK && pg_rows_count(rows) == 1) {
        watermarks->contiguous = (uint64_t)pg_i64(rows, 0, 0);
        watermarks->more = pg_i64(rows, 0, 1) == 1;
        watermarks->highest = (uint64_t)pg_i64(rows, 0, 2);
    }
    pg_rows_free(rows);
    pg_values_free(&values);
    if (result == ERR_OK && !watermarks->more && watermarks->contiguous < watermarks->highest) {
        result = look_for_missing(store, bridge, epoch, watermarks, why);
    }
    return result;
}

static enum err postgresql_find_catalog(struct store *base, const uint8_t *hash, struct buffer *encoded,
                                        struct err_text *why)
{
    struct postgresql_store *store = own(base);
    struct pg_values values = {0};
    struct pg_rows *rows = NULL;
    enum err result = connect(store, why);
    if (result != ERR_OK) {
        return result;
    }
    pg_value_bytes(&values, hash, CATALOG_HASH_SIZE);
    result = pg_query(store->pg, "SELECT encoded FROM catalog WHERE hash = $1", &values, &rows, why);
    if (result == ERR_OK && pg_rows_count(rows) == 1) {
        struct bytes bytes = pg_bytes(rows, 0, 0);
        result = buffer_append(encoded, bytes.data, bytes.size);
    } else if (result == ERR_OK) {
        result = err_set(why, ERR_NOT_FOUND, "the catalog is not in the store");
    }
    pg_rows_free(rows);
    pg_values_free(&values);
    return result;
}

static enum err postgresql_expire(struct store *base, const struct store_retention *limits, int64_t now_us,
                                  struct store_expired *expired, struct err_text *why)
{
    struct postgresql_store *store = own(base);
    enum err result = connect(store, why);
    return result == ERR_OK
               ? postgresql_retention_step(store->pg, &store->settled_until, limits, now_us, expired, why)
               : result;
}

/* ---- opening and closing ---- */

static void postgresql_close(struct store *base)
{
    struct postgresql_store *store = own(base);
    postgresql_rows_free(store->rows);
    postgresql_names_free(store->names);
    postgresql_group_free(&store->group);
    pg_free(store->pg);
    free(store);
}

static const struct store_operations operations = {
    .begin = postgresql_begin,
    .put_catalog = postgresql_put_catalog,
    .put_batch = postgresql_put_batch,
    .commit = postgresql_commit,
    .rollback = postgresql_rollback,
    .look_up = postgresql_look_up,
    .find_catalog = postgresql_find_catalog,
    .expire = postgresql_expire,
    .close = postgresql_close,
};

static void warn_of_unsafe_database(struct pg *pg)
{
    struct pg_rows *rows = NULL;
    if (pg_query(pg,
                 "SELECT current_setting('fsync')::boolean AND current_setting('full_page_writes')::boolean",
                 NULL, &rows, NULL) == ERR_OK &&
        pg_i64(rows, 0, 0) == 0) {
        log_warn("store", log_event("database_not_durable"),
                 log_str("reason", "fsync or full_page_writes is off in PostgreSQL"),
                 log_str("consequence", "a power cut of the database may lose what was acknowledged"));
    }
    pg_rows_free(rows);
}

static enum err start(struct postgresql_store *store, const char *url, struct err_text *why)
{
    enum err result = pg_new(url, session, &store->pg, why);
    if (result != ERR_OK) {
        return result;
    }
    store->names = postgresql_names_new(store->pg);
    store->rows = postgresql_rows_new(store->pg);
    if (!store->names || !store->rows) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    result = pg_connect(store->pg, why);
    if (result == ERR_OK) {
        result = postgresql_schema_prepare(store->pg, why);
    }
    if (result == ERR_OK) {
        result = read_id(store->pg, store->base.id, why);
        store->generation = pg_generation(store->pg);
    }
    if (result == ERR_OK) {
        warn_of_unsafe_database(store->pg);
    }
    return result;
}

enum err postgresql_store_open(const char *url, struct store **out, struct err_text *why)
{
    struct postgresql_store *store = calloc(1, sizeof *store);
    if (!store) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    store->base.operations = &operations;
    enum err result = start(store, url, why);
    if (result != ERR_OK) {
        postgresql_close(&store->base);
        return result;
    }
    *out = &store->base;
    return ERR_OK;
}
