#include "store/postgresql_schema.h"

#include "base/array.h"

#include <stdio.h>

#define TABLES                                                                                               \
    "CREATE TABLE meta (version integer NOT NULL, store_id uuid NOT NULL);"                                  \
    "INSERT INTO meta VALUES (0, gen_random_uuid());"                                                        \
    "CREATE TABLE bridge ("                                                                                  \
    " id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"                                                  \
    " name text NOT NULL UNIQUE);"                                                                           \
    "CREATE TABLE stream ("                                                                                  \
    " id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"                                                  \
    " bridge integer NOT NULL REFERENCES bridge,"                                                            \
    " epoch bytea NOT NULL CHECK (length(epoch) = 16),"                                                      \
    " contiguous bigint NOT NULL DEFAULT 0,"                                                                 \
    " UNIQUE (bridge, epoch));"                                                                              \
    "CREATE TABLE catalog ("                                                                                 \
    " id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"                                                  \
    " hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),"                                                 \
    " received timestamptz NOT NULL,"                                                                        \
    " encoded bytea NOT NULL);"                                                                              \
    "CREATE TABLE tag ("                                                                                     \
    " id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"                                                  \
    " bridge integer NOT NULL REFERENCES bridge,"                                                            \
    " name text NOT NULL,"                                                                                   \
    " unit text NOT NULL,"                                                                                   \
    " UNIQUE (bridge, name, unit));"                                                                         \
    "CREATE TABLE batch ("                                                                                   \
    " seq bigint NOT NULL CHECK (seq > 0),"                                                                  \
    " first_time timestamptz NOT NULL,"                                                                      \
    " last_time timestamptz NOT NULL,"                                                                       \
    " received timestamptz NOT NULL,"                                                                        \
    " committed timestamptz NOT NULL,"                                                                       \
    " stream integer NOT NULL,"                                                                              \
    " catalog integer,"                                                                                      \
    " readings integer NOT NULL,"                                                                            \
    " kind smallint NOT NULL,"                                                                               \
    " historical boolean NOT NULL,"                                                                          \
    " digest bytea NOT NULL CHECK (length(digest) = 16),"                                                    \
    " PRIMARY KEY (stream, seq));"                                                                           \
    "CREATE TABLE gap_record ("                                                                              \
    " stream integer NOT NULL,"                                                                              \
    " seq bigint NOT NULL,"                                                                                  \
    " reason smallint NOT NULL,"                                                                             \
    " first_seq bigint NOT NULL,"                                                                            \
    " last_seq bigint NOT NULL,"                                                                             \
    " readings bigint NOT NULL," /* 0 = unknown */                                                           \
    " from_time timestamptz,"    /* both NULL = unknown */                                                   \
    " to_time timestamptz,"                                                                                  \
    " link text NOT NULL);" /* '' = all links */                                                             \
    "CREATE INDEX gap_record_by_sequence ON gap_record (stream, last_seq, first_seq);"

/* With TimescaleDB a hypertable, without it partitions by day. A day's partition is made when its first
 * readings come; those that strayed there before are moved. */
#define READINGS                                                                                             \
    "DO $$ DECLARE shape text := '("                                                                         \
    " time timestamptz NOT NULL,"                                                                            \
    " request timestamptz NOT NULL,"                                                                         \
    " value double precision,"                                                                               \
    " seq bigint NOT NULL,"                                                                                  \
    " tag integer NOT NULL,"                                                                                 \
    " stream integer NOT NULL,"                                                                              \
    " quality smallint NOT NULL,"                                                                            \
    " text text)';"                                                                                          \
    "BEGIN"                                                                                                  \
    " IF EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN"                               \
    "  EXECUTE 'CREATE TABLE reading ' || shape;"                                                            \
    "  EXECUTE 'SELECT create_hypertable(''bourdon.reading'', ''time'','"                                    \
    "   || ' chunk_time_interval => interval ''1 day'', create_default_indexes => false)';"                  \
    " ELSE"                                                                                                  \
    "  EXECUTE 'CREATE TABLE reading ' || shape || ' PARTITION BY RANGE (time)';"                            \
    "  CREATE TABLE reading_stray PARTITION OF reading DEFAULT;"                                             \
    " END IF;"                                                                                               \
    " CREATE INDEX reading_by_tag ON reading (tag, time);"                                                   \
    "END $$;"                                                                                                \
    "CREATE FUNCTION make_day(of_day date) RETURNS void LANGUAGE plpgsql SET TimeZone = 'UTC' AS $$"         \
    "DECLARE"                                                                                                \
    " name text := 'reading_' || to_char(of_day, 'YYYYMMDD');"                                               \
    " first timestamptz := of_day::timestamptz;"                                                             \
    " behind timestamptz := (of_day + 1)::timestamptz;"                                                      \
    "BEGIN"                                                                                                  \
    " IF to_regclass('bourdon.reading_stray') IS NULL THEN RETURN; END IF;"                                  \
    " PERFORM pg_advisory_xact_lock(1112491332, 2);"                                                         \
    " IF to_regclass('bourdon.' || name) IS NOT NULL THEN RETURN; END IF;"                                   \
    " EXECUTE format('CREATE TABLE bourdon.%I (LIKE bourdon.reading INCLUDING DEFAULTS)', name);"            \
    " LOCK TABLE bourdon.reading_stray IN ACCESS EXCLUSIVE MODE;"                                            \
    " EXECUTE format('WITH moved AS (DELETE FROM bourdon.reading_stray WHERE time >= %L AND time < %L'"      \
    "  || ' RETURNING *) INSERT INTO bourdon.%I SELECT * FROM moved', first, behind, name);"                 \
    " EXECUTE format('ALTER TABLE bourdon.reading ATTACH PARTITION bourdon.%I'"                              \
    "  || ' FOR VALUES FROM (%L) TO (%L)', name, first, behind);"                                            \
    "END $$;"

/* How far an epoch of a bridge has got. One look does a bounded amount of work, as it does in SQLite. */
#define WATERMARKS                                                                                           \
    "CREATE OR REPLACE FUNCTION watermarks(of_bridge text, of_epoch bytea,"                                  \
    " OUT reached bigint, OUT more boolean, OUT highest bigint) LANGUAGE plpgsql AS $$"                      \
    "DECLARE of_stream integer; known bigint; steps bigint; jump bigint; jumps integer := 256;"              \
    "BEGIN"                                                                                                  \
    " reached := 0; more := false; highest := 0;"                                                            \
    " SELECT stream.id, contiguous INTO of_stream, known FROM stream JOIN bridge ON bridge.id = "            \
    "stream.bridge"                                                                                          \
    "  WHERE bridge.name = of_bridge AND stream.epoch = of_epoch;"                                           \
    " IF NOT FOUND THEN RETURN; END IF;"                                                                     \
    " reached := known;"                                                                                     \
    " LOOP"                                                                                                  \
    "  SELECT count(*) INTO steps FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS place FROM"          \
    "   (SELECT seq FROM batch WHERE stream = of_stream AND seq > reached ORDER BY seq LIMIT 262144) AS "    \
    "near)"                                                                                                  \
    "   AS numbered WHERE seq - place = reached;"                                                            \
    "  reached := reached + steps;"                                                                          \
    "  more := steps = 262144;"                                                                              \
    "  EXIT WHEN more OR reached = 9223372036854775807;"                                                     \
    "  SELECT last_seq INTO jump FROM (SELECT first_seq, last_seq FROM gap_record WHERE stream = of_stream"  \
    "   AND last_seq > reached ORDER BY last_seq LIMIT 1024) AS near WHERE first_seq <= reached + 1 LIMIT "  \
    "1;"                                                                                                     \
    "  IF NOT FOUND THEN"                                                                                    \
    "   SELECT near.last_seq INTO jump FROM (SELECT first_seq, last_seq FROM settled"                        \
    "    WHERE stream = of_stream AND last_seq > reached ORDER BY last_seq LIMIT 1) AS near"                 \
    "    WHERE first_seq <= reached + 1;"                                                                    \
    "  END IF;"                                                                                              \
    "  EXIT WHEN NOT FOUND;"                                                                                 \
    "  reached := jump; jumps := jumps - 1; more := jumps = 0;"                                              \
    "  EXIT WHEN more;"                                                                                      \
    " END LOOP;"                                                                                             \
    " IF reached - 256 >= known OR (more AND reached > known) THEN"                                          \
    "  UPDATE stream SET contiguous = greatest(contiguous, reached) WHERE id = of_stream;"                   \
    " END IF;"                                                                                               \
    " SELECT coalesce(max(seq), 0) INTO highest FROM batch WHERE stream = of_stream;"                        \
    "END $$;"

#define VIEWS                                                                                                \
    "CREATE VIEW history AS SELECT bridge.name AS bridge, tag.name AS tag, tag.unit, reading.time,"          \
    "  reading.request, reading.value, reading.text, reading.quality, reading.stream, reading.seq"           \
    " FROM reading JOIN tag ON tag.id = reading.tag JOIN bridge ON bridge.id = tag.bridge;"                  \
    "CREATE VIEW gap AS SELECT bridge.name AS bridge, encode(stream.epoch, 'hex') AS epoch, seq,"            \
    "  CASE reason WHEN 1 THEN 'spool_full' WHEN 2 THEN 'spool_damaged' WHEN 3 THEN 'spool_age'"             \
    "   WHEN 4 THEN 'not_polled' WHEN 5 THEN 'restored' WHEN 6 THEN 'interrupted'"                           \
    "   ELSE 'reason_' || reason END AS reason,"                                                             \
    "  first_seq, last_seq, readings, from_time, to_time, link"                                              \
    " FROM gap_record JOIN stream ON stream.id = gap_record.stream JOIN bridge ON bridge.id = "              \
    "stream.bridge;"                                                                                         \
    "CREATE VIEW hole AS"                                                                                    \
    " WITH present (stream, first_seq, last_seq) AS ("                                                       \
    "  SELECT id, 0::bigint, contiguous FROM stream"                                                         \
    "  UNION ALL SELECT batch.stream, seq, seq FROM batch JOIN stream ON stream.id = batch.stream"           \
    "   WHERE seq > contiguous"                                                                              \
    "  UNION ALL SELECT stream, first_seq, last_seq FROM gap_record WHERE last_seq > 0),"                    \
    " covered (stream, first_seq, reached) AS ("                                                             \
    "  SELECT stream, first_seq, max(last_seq) OVER (PARTITION BY stream ORDER BY first_seq"                 \
    "   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) FROM present)"                                     \
    " SELECT bridge.name AS bridge, encode(stream.epoch, 'hex') AS epoch, reached + 1 AS first_seq,"         \
    "  covered.first_seq - 1 AS last_seq"                                                                    \
    " FROM covered JOIN stream ON stream.id = covered.stream JOIN bridge ON bridge.id = stream.bridge"       \
    " WHERE covered.first_seq > reached + 1;"

/*
 * Takes the rows of `batch` that were committed before a time out of the ledger, in the order of their
 * sequences, `most` of them, going on behind the stream `after`. Of each stream the highest row stays, by
 * which bridges see that this store is no older copy of itself. Whoever writes a group holds the lock shared:
 * it sees a row, or the range that it became.
 */
#define SETTLED                                                                                              \
    "CREATE TABLE settled ("                                                                                 \
    " stream integer NOT NULL,"                                                                              \
    " first_seq bigint NOT NULL,"                                                                            \
    " last_seq bigint NOT NULL,"                                                                             \
    " last_time timestamptz NOT NULL," /* none of them has a later reading */                                \
    " PRIMARY KEY (stream, last_seq));"                                                                      \
    "CREATE FUNCTION settle(after bigint, before timestamptz, most bigint,"                                  \
    " OUT reached bigint, OUT settled bigint, OUT more boolean)"                                             \
    " LANGUAGE plpgsql SET lock_timeout = '500ms' AS $$"                                                     \
    "DECLARE of_stream integer; top bigint; piece record; seen integer := 0;"                                \
    "BEGIN"                                                                                                  \
    " reached := after; settled := 0; more := false;"                                                        \
    " PERFORM pg_advisory_xact_lock(1112491332, 3);"                                                         \
    " FOR of_stream IN SELECT id FROM stream WHERE id > after ORDER BY id LIMIT 1000 LOOP"                   \
    "  seen := seen + 1;"                                                                                    \
    "  CONTINUE WHEN (SELECT committed < before FROM batch WHERE stream = of_stream ORDER BY seq LIMIT 1)"   \
    "   IS NOT TRUE;"                                                                                        \
    "  SELECT max(seq) INTO top FROM batch WHERE stream = of_stream;"                                        \
    "  FOR piece IN"                                                                                         \
    "   WITH due AS (SELECT seq, bool_and(committed < before) OVER (ORDER BY seq) AS is_due FROM"            \
    "     (SELECT seq, committed FROM batch WHERE stream = of_stream AND seq < top ORDER BY seq"             \
    "      LIMIT most - settled) AS lowest),"                                                                \
    "    gone AS (DELETE FROM batch USING due WHERE batch.stream = of_stream AND batch.seq = due.seq"        \
    "     AND is_due RETURNING batch.seq, last_time),"                                                       \
    "    placed AS (SELECT *, seq - row_number() OVER (ORDER BY seq) AS place FROM gone)"                    \
    "   SELECT min(seq) AS first_seq, max(seq) AS last_seq, max(last_time) AS last_time FROM placed"         \
    "    GROUP BY place ORDER BY 1"                                                                          \
    "  LOOP"                                                                                                 \
    "   UPDATE bourdon.settled AS range SET last_seq = piece.last_seq,"                                      \
    "     last_time = greatest(range.last_time, piece.last_time)"                                            \
    "    WHERE stream = of_stream AND last_seq = piece.first_seq - 1;"                                       \
    "   IF NOT FOUND THEN"                                                                                   \
    "    INSERT INTO bourdon.settled"                                                                        \
    "     VALUES (of_stream, piece.first_seq, piece.last_seq, piece.last_time);"                             \
    "   END IF;"                                                                                             \
    "   settled := settled + piece.last_seq - piece.first_seq + 1;"                                          \
    "  END LOOP;"                                                                                            \
    "  more := settled >= most;"                                                                             \
    "  EXIT WHEN more;"                                                                                      \
    "  reached := of_stream;"                                                                                \
    " END LOOP;"                                                                                             \
    " IF seen < 1000 AND NOT more THEN reached := 0; END IF;"                                                \
    "END $$;"

/* The time before which rows are to be settled if the ledger is larger than it may be: that of its oldest
 * sixty-fourth. A row and its entry in the index take LEDGER_ROW bytes; PostgreSQL counts rows, roughly. */
#define LEDGER_ROW "160"
#define HORIZON                                                                                              \
    "CREATE FUNCTION settle_horizon(most_bytes bigint, now timestamptz) RETURNS timestamptz LANGUAGE sql AS" \
    " $$ SELECT min(oldest.committed) + (now - min(oldest.committed)) / 64 + interval '1 microsecond'"       \
    "  FROM stream, LATERAL (SELECT committed FROM batch WHERE batch.stream = stream.id AND"                 \
    "   seq < (SELECT max(seq) FROM batch WHERE batch.stream = stream.id) ORDER BY seq LIMIT 1) AS oldest"   \
    "  WHERE pg_stat_get_live_tuples('bourdon.batch'::regclass) * " LEDGER_ROW " > most_bytes $$;"

#define HOLE                                                                                                 \
    "CREATE OR REPLACE VIEW hole AS"                                                                         \
    " WITH present (stream, first_seq, last_seq) AS ("                                                       \
    "  SELECT id, 0::bigint, contiguous FROM stream"                                                         \
    "  UNION ALL SELECT batch.stream, seq, seq FROM batch JOIN stream ON stream.id = batch.stream"           \
    "   WHERE seq > contiguous"                                                                              \
    "  UNION ALL SELECT stream, first_seq, last_seq FROM settled"                                            \
    "  UNION ALL SELECT stream, first_seq, last_seq FROM gap_record WHERE last_seq > 0),"                    \
    " covered (stream, first_seq, reached) AS ("                                                             \
    "  SELECT stream, first_seq, max(last_seq) OVER (PARTITION BY stream ORDER BY first_seq"                 \
    "   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) FROM present)"                                     \
    " SELECT bridge.name AS bridge, encode(stream.epoch, 'hex') AS epoch, reached + 1 AS first_seq,"         \
    "  covered.first_seq - 1 AS last_seq"                                                                    \
    " FROM covered JOIN stream ON stream.id = covered.stream JOIN bridge ON bridge.id = stream.bridge"       \
    " WHERE covered.first_seq > reached + 1;"

enum { STEPS_MAX = 8 };

static const struct migration {
    const char *steps[STEPS_MAX];
} migrations[] = {
    {.steps = {TABLES, READINGS, WATERMARKS, VIEWS}},
    {.steps = {WATERMARKS}}, // overflowed behind a gap that reaches to the highest sequence
    {.steps = {SETTLED, HORIZON, WATERMARKS, HOLE}},
};

/* -1: there is no schema. */
static enum err read_version(struct pg *pg, int64_t *version, struct err_text *why)
{
    struct pg_rows *rows = NULL;
    *version = -1;
    enum err result = pg_query(pg, "SELECT to_regclass('bourdon.meta') IS NOT NULL", NULL, &rows, why);
    bool present = result == ERR_OK && pg_i64(rows, 0, 0) == 1;
    pg_rows_free(rows);
    rows = NULL;
    if (result != ERR_OK || !present) {
        return result;
    }
    result = pg_query(pg, "SELECT version FROM bourdon.meta", NULL, &rows, why);
    if (result == ERR_OK && pg_rows_count(rows) == 1) {
        *version = pg_i64(rows, 0, 0);
    } else if (result == ERR_OK) {
        result = err_set(why, ERR_CORRUPT, "bourdon.meta has %zu rows instead of one", pg_rows_count(rows));
    }
    pg_rows_free(rows);
    return result;
}

static enum err check_version(int64_t version, struct err_text *why)
{
    if (version > (int64_t)ARRAY_LENGTH(migrations)) {
        return err_set(
            why, ERR_VERSION,
            "the schema bourdon of this database has version %lld, this program knows version %zu; "
            "it was not touched: use the newer bourdon-server that made it, or another database",
            (long long)version, ARRAY_LENGTH(migrations));
    }
    return ERR_OK;
}

static enum err apply(struct pg *pg, size_t index, struct err_text *why)
{
    char done[64];
    enum err result = ERR_OK;
    for (size_t i = 0; i < STEPS_MAX && migrations[index].steps[i] && result == ERR_OK; i++) {
        result = pg_exec(pg, migrations[index].steps[i], why);
    }
    snprintf(done, sizeof done, "UPDATE bourdon.meta SET version = %zu", index + 1);
    return result == ERR_OK ? pg_exec(pg, done, why) : result;
}

static enum err migrate(struct pg *pg, struct err_text *why)
{
    int64_t version = -1;
    enum err result = pg_exec(pg, "SELECT pg_advisory_xact_lock(1112491332, 1)", why);
    if (result == ERR_OK) {
        result = read_version(pg, &version, why);
    }
    if (result == ERR_OK) {
        result = check_version(version, why);
    }
    if (result == ERR_OK && version < 0) {
        result = pg_exec(pg, "CREATE SCHEMA IF NOT EXISTS bourdon", why);
        version = 0;
    }
    for (size_t i = (size_t)version; result == ERR_OK && i < ARRAY_LENGTH(migrations); i++) {
        result = apply(pg, i, why);
    }
    return result;
}

enum err postgresql_schema_prepare(struct pg *pg, struct err_text *why)
{
    int64_t version;
    enum err result = read_version(pg, &version, why);
    if (result == ERR_OK && version == (int64_t)ARRAY_LENGTH(migrations)) {
        return ERR_OK;
    }
    if (result == ERR_OK) {
        result = pg_begin(pg, why);
    }
    if (result == ERR_OK) {
        result = migrate(pg, why);
    }
    if (result == ERR_OK) {
        return pg_commit(pg, why);
    }
    pg_rollback(pg);
    return err_prefix(why, result, "schema bourdon");
}
