#include "where/where.h"

#include "spool/spool_file.h"
#include "spool/unpack.h"
#include "store/spool_schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void read_head(sqlite3_stmt *row, struct where_batch *batch)
{
    batch->kind = (enum batch_kind)sqlite3_column_int(row, 0);
    batch->readings = sqlite3_column_int64(row, 1);
    batch->bytes = sqlite3_column_int64(row, 2);
    batch->first_us = sqlite3_column_int64(row, 3);
    batch->last_us = sqlite3_column_int64(row, 4);
    batch->spooled_us = sqlite3_column_int64(row, 5);
}

static void read_text(sqlite3_stmt *row, int column, struct where_batch *batch)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    snprintf(batch->text, sizeof batch->text, "%s", text ? (const char *)text : "");
}

static void read_waiting(sqlite3_stmt *row, struct where_batch *batch)
{
    read_head(row, batch);
    batch->waiting = true;
}

static void read_answer(sqlite3_stmt *row, struct where_batch *batch)
{
    read_head(row, batch);
    batch->sent_us = sqlite3_column_int64(row, 6);
    batch->committed_us = sqlite3_column_int64(row, 7);
    batch->acked_us = sqlite3_column_int64(row, 8);
    batch->result = (enum ack_result)sqlite3_column_int(row, 9);
    batch->answered = true;
    read_text(row, 10, batch);
}

static void read_quarantine(sqlite3_stmt *row, struct where_batch *batch)
{
    read_head(row, batch);
    batch->quarantined_us = sqlite3_column_int64(row, 6);
    batch->damaged = sqlite3_column_int(row, 7) == QUARANTINE_DAMAGED;
    read_text(row, 8, batch);
}

struct question {
    const char *sql;
    void (*read)(sqlite3_stmt *row, struct where_batch *batch);
};

static const struct question questions[] = {
    {"SELECT kind, readings, length(encoded), first_us, last_us, spooled_us, quarantined_us, reason, text"
     " FROM quarantine WHERE seq = ?1 ORDER BY id DESC LIMIT 1",
     read_quarantine},
    {"SELECT kind, readings, bytes, first_us, last_us, spooled_us, sent_us, committed_us, acked_us, result, "
     "text"
     " FROM ack_log WHERE seq = ?1 ORDER BY id DESC LIMIT 1",
     read_answer},
    {"SELECT kind, readings, length(encoded), first_us, last_us, spooled_us FROM batch WHERE seq = ?1",
     read_waiting},
};

static enum err ask(struct db *db, const struct question *question, struct where_batch *batch,
                    struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    enum err result = db_prepare(db, question->sql, &statement, why);
    if (result == ERR_OK) {
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)batch->seq);
        result = db_step(db, statement, &row, why);
    }
    if (result == ERR_OK && row) {
        question->read(statement, batch);
    }
    sqlite3_finalize(statement);
    return result;
}

/* ---- gap records that wait themselves ---- */

static void look_into_gaps(const struct batch_view *view, struct gap *gaps, struct where_batch *batch)
{
    size_t count = 0;
    if (batch_decode_gaps(view, gaps, BATCH_GAPS_MAX, &count, NULL) != ERR_OK) {
        return; /* "spool check" is for damage */
    }
    for (size_t i = 0; i < count; i++) {
        if (gaps[i].first_sequence <= batch->seq && batch->seq <= gaps[i].last_sequence) {
            batch->gap = gaps[i].reason;
        }
    }
}

static enum err ask_gaps(struct db *db, struct where_batch *batch, struct err_text *why)
{
    struct gap *gaps = calloc(BATCH_GAPS_MAX, sizeof *gaps);
    sqlite3_stmt *statement = NULL;
    bool row = true;
    if (!gaps) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = db_prepare(db, "SELECT encoded FROM batch WHERE kind = 2", &statement, why);
    while (result == ERR_OK && row) {
        struct batch_view view;
        result = db_step(db, statement, &row, why);
        if (result == ERR_OK && row && batch_open(db_column_bytes(statement, 0), &view, NULL) == ERR_OK) {
            look_into_gaps(&view, gaps, batch);
        }
    }
    sqlite3_finalize(statement);
    free(gaps);
    return result;
}

/* ---- the batch of a reading ---- */

struct search {
    struct where_reading *reading;
    struct unpack *unpack;
    uint64_t seq; /* at hand */
};

static void look_at_reading(void *owner, const struct catalog_tag *tag, const struct reading *reading)
{
    struct search *search = owner;
    struct where_reading *wanted = search->reading;
    bool fits = reading->response_us <= wanted->at_us && reading->response_us > wanted->found_us;
    if (fits && strcmp(tag->name, wanted->tag) == 0) {
        wanted->found_us = reading->response_us;
        wanted->seq = search->seq;
    }
}

static void look_into_batch(struct search *search, sqlite3_stmt *row)
{
    const struct unpack_visitor visitor = {.owner = search, .reading = look_at_reading};
    const struct catalog *catalog = NULL;
    struct batch_view view;
    search->seq = (uint64_t)sqlite3_column_int64(row, 0);
    if (batch_open(db_column_bytes(row, 1), &view, NULL) == ERR_OK &&
        unpack_catalog(search->unpack, db_column_bytes(row, 2), view.catalog_hash, &catalog, NULL) ==
            ERR_OK &&
        catalog_find(catalog, search->reading->tag) != SIZE_MAX) {
        (void)!unpack_readings(search->unpack, &view, &visitor, NULL);
    }
}

/* Of what was answered the spool no longer has the readings: that is for the store. */
static enum err find_reading(struct db *db, struct where_reading *reading, struct err_text *why)
{
    static const char query[] = "SELECT seq, batch.encoded, catalog.encoded FROM batch JOIN catalog"
                                " ON catalog.id = batch.catalog WHERE first_us <= ?1 AND last_us >= ?2";
    struct search search = {.reading = reading, .unpack = unpack_new()};
    sqlite3_stmt *statement = NULL;
    bool row = true;
    enum err result =
        search.unpack ? db_prepare(db, query, &statement, why) : err_set(why, ERR_NO_MEMORY, "out of memory");
    if (result == ERR_OK) {
        sqlite3_bind_int64(statement, 1, reading->at_us);
        sqlite3_bind_int64(statement, 2, reading->at_us - WHERE_WINDOW_US);
    }
    while (result == ERR_OK && row) {
        result = db_step(db, statement, &row, why);
        if (result == ERR_OK && row) {
            look_into_batch(&search, statement);
        }
    }
    sqlite3_finalize(statement);
    unpack_free(search.unpack);
    return result;
}

/* ---- all of it ---- */

static enum err fill(struct spool_file *file, uint64_t seq, struct where_list *list, struct err_text *why)
{
    char bridge[TLS_NAME_MAX];
    enum err result = spool_file_bridge(file->db, bridge, why);
    if (result != ERR_OK) {
        return result;
    }
    struct where_batch *batch = where_list_find(list, bridge, file->epoch, seq);
    batch->is_of_spool = true;
    for (size_t i = 0; result == ERR_OK && i < sizeof questions / sizeof questions[0]; i++) {
        result = ask(file->db, &questions[i], batch, why);
    }
    if (result == ERR_OK && !batch->waiting && !batch->answered) {
        result = ask_gaps(file->db, batch, why);
    }
    int64_t next_seq = 0;
    if (result == ERR_OK) {
        result = spool_file_number(file, "SELECT next_seq FROM state", &next_seq, why);
    }
    batch->to_come = seq >= (uint64_t)next_seq;
    return result;
}

enum err where_ask_spool(const char *path, struct where_reading *reading, uint64_t seq,
                         struct where_list *list, struct err_text *why)
{
    struct spool_file file;
    enum err result = spool_file_open(path, &file, why);
    if (result == ERR_OK) {
        result = db_exec(file.db, "BEGIN", why); /* what is trimmed meanwhile is seen here or there */
    }
    if (result == ERR_OK && reading) {
        result = find_reading(file.db, reading, why);
        seq = reading->seq;
    }
    if (result == ERR_OK && seq != 0) {
        result = fill(&file, seq, list, why);
    }
    spool_file_close(&file);
    return result;
}
