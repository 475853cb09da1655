#include "store/postgresql_group.h"

#include <stdlib.h>
#include <string.h>

/* ---- collecting ---- */

static enum err make_room(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return ERR_OK;
    }
    size_t larger = *capacity > 0 ? 2 * *capacity : 64;
    void *moved = realloc(*items, larger * size);
    if (!moved) {
        return ERR_NO_MEMORY;
    }
    *items = moved;
    *capacity = larger;
    return ERR_OK;
}

enum err postgresql_group_add_catalog(struct postgresql_group *group, struct store_catalog *catalog)
{
    void *items = group->catalogs;
    enum err result =
        make_room(&items, group->catalog_count, &group->catalog_capacity, sizeof(struct store_catalog *));
    group->catalogs = items;
    if (result == ERR_OK) {
        group->catalogs[group->catalog_count++] = catalog;
    }
    return result;
}

enum err postgresql_group_add_batch(struct postgresql_group *group, struct store_batch *batch)
{
    void *items = group->items;
    enum err result = make_room(&items, group->count, &group->capacity, sizeof *group->items);
    group->items = items;
    if (result == ERR_OK) {
        group->items[group->count++] = (struct postgresql_item){.batch = batch};
    }
    return result;
}

void postgresql_group_clear(struct postgresql_group *group)
{
    group->count = 0;
    group->catalog_count = 0;
}

void postgresql_group_free(struct postgresql_group *group)
{
    free(group->catalogs);
    free(group->items);
    *group = (struct postgresql_group){0};
}

/* ---- the ledger ---- */

enum column {
    STREAM,
    SEQ,
    DIGEST,
    KIND,
    CATALOG,
    READINGS,
    FIRST,
    LAST,
    RECEIVED,
    HISTORICAL,
    COLUMNS,
};

static const enum pg_type types[COLUMNS] = {
    [STREAM] = PG_INTEGER,       [SEQ] = PG_BIGINT,         [DIGEST] = PG_BYTEA,      [KIND] = PG_SMALLINT,
    [CATALOG] = PG_INTEGER,      [READINGS] = PG_INTEGER,   [FIRST] = PG_TIMESTAMPTZ, [LAST] = PG_TIMESTAMPTZ,
    [RECEIVED] = PG_TIMESTAMPTZ, [HISTORICAL] = PG_BOOLEAN,
};

static int64_t number_of(const struct postgresql_item *item, enum column column)
{
    const struct batch_view *view = item->batch->view;
    const int64_t numbers[COLUMNS] = {
        [STREAM] = item->stream,
        [SEQ] = (int64_t)view->identity.sequence,
        [KIND] = view->kind,
        [CATALOG] = item->tags ? item->tags->catalog_id : 0,
        [READINGS] = view->count,
        [FIRST] = view->first_us,
        [LAST] = view->last_us,
        [RECEIVED] = item->batch->received_us,
        [HISTORICAL] = item->batch->historical,
    };
    return numbers[column];
}

static void put_column(struct pg_values *values, const struct postgresql_group *group, enum column column)
{
    pg_array_begin(values, types[column]);
    for (size_t i = 0; i < group->count; i++) {
        const struct postgresql_item *item = &group->items[i];
        if (item->stream == 0) {
            continue;
        }
        if (column == DIGEST) {
            pg_array_bytes(values, item->batch->view->digest, BATCH_DIGEST_SIZE);
        } else if (column == CATALOG && !item->tags) {
            pg_array_null(values);
        } else {
            pg_array_i64(values, number_of(item, column));
        }
    }
    pg_array_end(values);
}

/* In the order of the key, so that two servers with the same batches wait for one another in one order. */
static const char insert_ledger[] =
    "INSERT INTO batch (stream, seq, digest, kind, catalog, readings, first_time, last_time, received,"
    " historical, committed)"
    " SELECT stream, seq, digest, kind, catalog, readings, first_time, last_time, received, historical, $11"
    " FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) WITH ORDINALITY AS put (stream, seq, digest, kind,"
    " catalog, readings, first_time, last_time, received, historical, place)"
    " WHERE (SELECT first_seq <= put.seq FROM settled WHERE settled.stream = put.stream"
    "  AND last_seq >= put.seq ORDER BY last_seq LIMIT 1) IS NOT TRUE"
    " ORDER BY stream, seq, place ON CONFLICT DO NOTHING";

static enum err write_ledger(const struct postgresql_group *group, struct pg *pg, size_t *inserted,
                             struct err_text *why)
{
    struct pg_values values = {0};
    struct pg_rows *rows = NULL;
    for (enum column column = 0; column < COLUMNS; column++) {
        put_column(&values, group, column);
    }
    pg_value_time(&values, group->now_us);
    enum err result = pg_query(pg, insert_ledger, &values, &rows, why);
    *inserted = result == ERR_OK ? pg_rows_changed(rows) : 0;
    pg_rows_free(rows);
    pg_values_free(&values);
    return result;
}

/* What the ledger has now for each that was put: whether this transaction wrote it, for the first of them;
 * what is known of it; or, if it was settled, of its range. */
static const char read_ledger[] =
    "SELECT batch.xmin = pg_current_xact_id()::xid"
    "  AND row_number() OVER (PARTITION BY put.stream, put.seq ORDER BY place) = 1,"
    " batch.digest, batch.committed, settled.last_time"
    " FROM unnest($1, $2) WITH ORDINALITY AS put (stream, seq, place)"
    " LEFT JOIN batch ON batch.stream = put.stream AND batch.seq = put.seq"
    " LEFT JOIN LATERAL (SELECT first_seq, last_time FROM settled WHERE settled.stream = put.stream"
    "  AND last_seq >= put.seq ORDER BY last_seq LIMIT 1) AS settled ON settled.first_seq <= put.seq"
    " WHERE batch.seq IS NOT NULL OR settled.first_seq IS NOT NULL ORDER BY place";

/* Of a settled batch the digest is gone. One with later readings than any that was settled is another. */
static void answer_settled(struct store_batch *batch, int64_t last_us)
{
    batch->result = batch->view->last_us > last_us ? STORE_CONFLICT : STORE_DUPLICATE;
    batch->committed_us = 0;
}

static void answer(struct store_batch *batch, const struct pg_rows *rows, size_t row, int64_t now_us)
{
    if (pg_is_null(rows, row, 1)) {
        answer_settled(batch, pg_time_us(rows, row, 3));
        return;
    }
    struct bytes digest = pg_bytes(rows, row, 1);
    bool same =
        digest.size == BATCH_DIGEST_SIZE && memcmp(digest.data, batch->view->digest, BATCH_DIGEST_SIZE) == 0;
    if (pg_i64(rows, row, 0) == 1) {
        batch->result = STORE_COMMITTED;
        batch->committed_us = now_us;
    } else {
        batch->result = same ? STORE_DUPLICATE : STORE_CONFLICT;
        batch->committed_us = same ? pg_time_us(rows, row, 2) : 0;
    }
}

static enum err answer_from_ledger(const struct postgresql_group *group, size_t put, struct pg *pg,
                                   struct err_text *why)
{
    struct pg_values values = {0};
    struct pg_rows *rows = NULL;
    put_column(&values, group, STREAM);
    put_column(&values, group, SEQ);
    enum err result = pg_query(pg, read_ledger, &values, &rows, why);
    pg_values_free(&values);
    if (result == ERR_OK && pg_rows_count(rows) != put) {
        result = err_set(why, ERR_BUSY, "PostgreSQL: the ledger changed meanwhile");
    }
    size_t row = 0;
    for (size_t i = 0; i < group->count && result == ERR_OK; i++) {
        if (group->items[i].stream != 0) {
            answer(group->items[i].batch, rows, row++, group->now_us);
        }
    }
    pg_rows_free(rows);
    return result;
}

/* Two statements at most; in the ordinary case, where everything is new, one. */
static enum err settle_ledger(const struct postgresql_group *group, struct pg *pg, struct err_text *why)
{
    size_t put = 0;
    size_t inserted;
    for (size_t i = 0; i < group->count; i++) {
        put += group->items[i].stream != 0;
    }
    if (put == 0) {
        return ERR_OK;
    }
    enum err result = write_ledger(group, pg, &inserted, why);
    if (result != ERR_OK || inserted != put) {
        return result == ERR_OK ? answer_from_ledger(group, put, pg, why) : result;
    }
    for (size_t i = 0; i < group->count; i++) {
        if (group->items[i].stream != 0) {
            group->items[i].batch->result = STORE_COMMITTED;
            group->items[i].batch->committed_us = group->now_us;
        }
    }
    return ERR_OK;
}

/* ---- readings and gaps ---- */

static bool is_new(const struct postgresql_item *item, enum batch_kind kind)
{
    return item->stream != 0 && item->batch->result == STORE_COMMITTED && item->batch->view->kind == kind;
}

static enum err write_readings(const struct postgresql_group *group, struct postgresql_rows *rows,
                               struct err_text *why)
{
    bool begun = false;
    enum err result = ERR_OK;
    for (size_t i = 0; i < group->count && result == ERR_OK; i++) {
        const struct postgresql_item *item = &group->items[i];
        if (!is_new(item, BATCH_READINGS)) {
            continue;
        }
        result = begun ? ERR_OK : postgresql_rows_begin(rows, why);
        begun = true;
        if (result == ERR_OK) {
            result = postgresql_rows_put(rows, item->batch->view, item->tags, item->stream, why);
        }
    }
    return result == ERR_OK && begun ? postgresql_rows_end(rows, why) : result;
}

/* A sequence that SQL cannot count to is as good as the highest one it can. */
static int64_t clamped(uint64_t number)
{
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

static const char insert_gaps[] =
    "INSERT INTO gap_record (stream, seq, reason, first_seq, last_seq, readings, from_time, to_time, link)"
    " SELECT $1, $2, * FROM unnest($3, $4, $5, $6, $7, $8, $9)";

static void put_numbers(struct pg_values *values, const struct gap *gaps, size_t count)
{
    enum { NUMBERS = 4 };
    for (int column = 0; column < NUMBERS; column++) {
        pg_array_begin(values, column == 0 ? PG_SMALLINT : PG_BIGINT);
        for (size_t i = 0; i < count; i++) {
            const int64_t numbers[NUMBERS] = {gaps[i].reason, clamped(gaps[i].first_sequence),
                                              clamped(gaps[i].last_sequence), clamped(gaps[i].readings)};
            pg_array_i64(values, numbers[column]);
        }
        pg_array_end(values);
    }
}

static void put_times(struct pg_values *values, const struct gap *gaps, size_t count)
{
    for (int column = 0; column < 2; column++) {
        pg_array_begin(values, PG_TIMESTAMPTZ);
        for (size_t i = 0; i < count; i++) {
            if (gaps[i].from_us == 0 && gaps[i].to_us == 0) {
                pg_array_null(values);
            } else {
                pg_array_i64(values, column == 0 ? gaps[i].from_us : gaps[i].to_us);
            }
        }
        pg_array_end(values);
    }
}

static enum err write_gaps_of(const struct postgresql_item *item, struct gap *gaps, struct pg *pg,
                              struct err_text *why)
{
    size_t count;
    enum err result = batch_decode_gaps(item->batch->view, gaps, BATCH_GAPS_MAX, &count, why);
    if (result != ERR_OK) {
        return result;
    }
    struct pg_values values = {0};
    pg_value_i64(&values, item->stream);
    pg_value_i64(&values, (int64_t)item->batch->view->identity.sequence);
    put_numbers(&values, gaps, count);
    put_times(&values, gaps, count);
    pg_array_begin(&values, PG_TEXT);
    for (size_t i = 0; i < count; i++) {
        pg_array_text(&values, gaps[i].link);
    }
    pg_array_end(&values);
    result = pg_query(pg, insert_gaps, &values, NULL, why);
    pg_values_free(&values);
    return result;
}

static enum err write_gaps(const struct postgresql_group *group, struct pg *pg, struct err_text *why)
{
    struct gap *gaps = NULL;
    enum err result = ERR_OK;
    for (size_t i = 0; i < group->count && result == ERR_OK; i++) {
        if (!is_new(&group->items[i], BATCH_GAPS)) {
            continue;
        }
        gaps = gaps ? gaps : malloc(BATCH_GAPS_MAX * sizeof *gaps);
        result = gaps ? write_gaps_of(&group->items[i], gaps, pg, why)
                      : err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    free(gaps);
    return result;
}

enum err postgresql_group_write(const struct postgresql_group *group, struct pg *pg,
                                struct postgresql_rows *rows, struct err_text *why)
{
    enum err result = settle_ledger(group, pg, why);
    if (result == ERR_OK) {
        result = write_gaps(group, pg, why);
    }
    if (result == ERR_OK) {
        result = write_readings(group, rows, why);
    }
    return result == ERR_MALFORMED ? err_prefix(why, ERR_CORRUPT, "a batch that was checked") : result;
}
