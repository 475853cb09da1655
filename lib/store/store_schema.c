#include "store/store_schema.h"

#define TABLES                                                                                               \
    "CREATE TABLE meta ("                                                                                    \
    " key TEXT PRIMARY KEY,"                                                                                 \
    " value ANY NOT NULL) STRICT, WITHOUT ROWID;"                                                            \
    "INSERT INTO meta VALUES ('store_id', randomblob(16));"                                                  \
    "CREATE TABLE bridge ("                                                                                  \
    " id INTEGER PRIMARY KEY,"                                                                               \
    " name TEXT NOT NULL UNIQUE) STRICT;"                                                                    \
    "CREATE TABLE stream ("                                                                                  \
    " id INTEGER PRIMARY KEY,"                                                                               \
    " bridge INTEGER NOT NULL REFERENCES bridge (id),"                                                       \
    " epoch BLOB NOT NULL CHECK (length(epoch) = 16),"                                                       \
    " contiguous INTEGER NOT NULL DEFAULT 0,"                                                                \
    " span_us INTEGER NOT NULL DEFAULT 0,"                                                                   \
    " UNIQUE (bridge, epoch)) STRICT;"                                                                       \
    "CREATE TABLE catalog ("                                                                                 \
    " id INTEGER PRIMARY KEY,"                                                                               \
    " hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),"                                                  \
    " received_us INTEGER NOT NULL,"                                                                         \
    " encoded BLOB NOT NULL) STRICT;"                                                                        \
    "CREATE TABLE batch ("                                                                                   \
    " id INTEGER PRIMARY KEY,"                                                                               \
    " stream INTEGER NOT NULL REFERENCES stream (id),"                                                       \
    " seq INTEGER NOT NULL CHECK (seq > 0),"                                                                 \
    " kind INTEGER NOT NULL,"                                                                                \
    " catalog INTEGER REFERENCES catalog (id),"                                                              \
    " readings INTEGER NOT NULL,"                                                                            \
    " first_us INTEGER NOT NULL,"                                                                            \
    " last_us INTEGER NOT NULL,"                                                                             \
    " received_us INTEGER NOT NULL,"                                                                         \
    " committed_us INTEGER NOT NULL,"                                                                        \
    " historical INTEGER NOT NULL,"                                                                          \
    " encoded BLOB NOT NULL,"                                                                                \
    " UNIQUE (stream, seq)) STRICT;"                                                                         \
    "CREATE INDEX batch_by_time ON batch (stream, first_us);"                                                \
    "CREATE TABLE gap_record ("                                                                              \
    " batch INTEGER NOT NULL REFERENCES batch (id),"                                                         \
    " stream INTEGER NOT NULL REFERENCES stream (id),"                                                       \
    " reason INTEGER NOT NULL,"                                                                              \
    " first_seq INTEGER NOT NULL,"                                                                           \
    " last_seq INTEGER NOT NULL,"                                                                            \
    " readings INTEGER NOT NULL," /* 0 = unknown */                                                          \
    " from_us INTEGER NOT NULL,"  /* both 0 = unknown */                                                     \
    " to_us INTEGER NOT NULL,"                                                                               \
    " link TEXT NOT NULL) STRICT;" /* '' = all links */                                                      \
    "CREATE INDEX gap_record_by_sequence ON gap_record (stream, last_seq, first_seq);"

#define VIEWS                                                                                                \
    "CREATE VIEW gap (bridge, epoch, seq, reason, first_seq, last_seq, readings, from_us, to_us, link) AS"   \
    " SELECT bridge.name, lower(hex(stream.epoch)), batch.seq,"                                              \
    "  CASE reason WHEN 1 THEN 'spool_full' WHEN 2 THEN 'spool_damaged' WHEN 3 THEN 'spool_age'"             \
    "   WHEN 4 THEN 'not_polled' WHEN 5 THEN 'restored' WHEN 6 THEN 'interrupted'"                           \
    "   ELSE 'reason_' || reason END,"                                                                       \
    "  first_seq, last_seq, gap_record.readings, from_us, to_us, link"                                       \
    " FROM gap_record JOIN batch ON batch.id = gap_record.batch"                                             \
    "  JOIN stream ON stream.id = gap_record.stream JOIN bridge ON bridge.id = stream.bridge;"

/* What the store has forgotten by the operator's limits. */
#define EXPIRED                                                                                              \
    "CREATE TABLE expired ("                                                                                 \
    " stream INTEGER NOT NULL REFERENCES stream (id),"                                                       \
    " first_seq INTEGER NOT NULL,"                                                                           \
    " last_seq INTEGER NOT NULL,"                                                                            \
    " batches INTEGER NOT NULL,"                                                                             \
    " readings INTEGER NOT NULL,"                                                                            \
    " bytes INTEGER NOT NULL,"                                                                               \
    " expired_us INTEGER NOT NULL," /* the latest of them */                                                 \
    " PRIMARY KEY (stream, last_seq)) STRICT, WITHOUT ROWID;"                                                \
    "CREATE INDEX gap_record_by_batch ON gap_record (batch);"

#define HOLE                                                                                                 \
    "CREATE VIEW hole (bridge, epoch, first_seq, last_seq) AS"                                               \
    " WITH present (stream, first_seq, last_seq) AS ("                                                       \
    "  SELECT id, 0, contiguous FROM stream"                                                                 \
    "  UNION ALL SELECT batch.stream, seq, seq FROM batch JOIN stream ON stream.id = batch.stream"           \
    "   WHERE seq > contiguous"                                                                              \
    "  UNION ALL SELECT stream, first_seq, last_seq FROM gap_record WHERE last_seq > 0"                      \
    "  UNION ALL SELECT stream, first_seq, last_seq FROM expired),"                                          \
    " covered (stream, first_seq, reached) AS ("                                                             \
    "  SELECT stream, first_seq, max(last_seq) OVER (PARTITION BY stream ORDER BY first_seq"                 \
    "   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) FROM present)"                                     \
    " SELECT bridge.name, lower(hex(stream.epoch)), reached + 1, covered.first_seq - 1"                      \
    " FROM covered JOIN stream ON stream.id = covered.stream JOIN bridge ON bridge.id = stream.bridge"       \
    " WHERE covered.first_seq > reached + 1"

const struct db_schema store_schema = {
    .what = "store",
    .application_id = 0x42535231, /* BSR1 */
    .version = 1,
    .create = TABLES VIEWS EXPIRED HOLE,
    .if_damaged =
        "stop the server, and put a backup in its place or what \"sqlite3 FILE .recover\" can read; "
        "bridges deliver what they still have",
};
