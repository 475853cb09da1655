#include "store/sqlite_stream.h"

#include "base/array.h"

#include <stdlib.h>

enum query {
    FIND_STREAM,
    MAKE_BRIDGE,
    MAKE_STREAM,
    WIDEN_STREAM,
    ADVANCE_STREAM,
    WALK_BATCHES,
    GAP_OVER,
    EXPIRED_OVER,
    PUT_GAP,
    HIGHEST,
    NEXT_BATCH,
    NEXT_GAP,
    NEXT_EXPIRED,
    QUERIES
};

static const char *const queries[QUERIES] = {
    [FIND_STREAM] =
        "SELECT stream.id, contiguous, span_us FROM stream JOIN bridge ON bridge.id = stream.bridge "
        "WHERE bridge.name = ?1 AND stream.epoch = ?2",
    [MAKE_BRIDGE] = "INSERT INTO bridge (name) VALUES (?1) ON CONFLICT DO NOTHING",
    [MAKE_STREAM] = "INSERT INTO stream (bridge, epoch) SELECT id, ?2 FROM bridge WHERE name = ?1",
    [WIDEN_STREAM] = "UPDATE stream SET span_us = ?2 WHERE id = ?1",
    [ADVANCE_STREAM] = "UPDATE stream SET contiguous = ?2 WHERE id = ?1",
    [WALK_BATCHES] = "SELECT seq FROM batch WHERE stream = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    [GAP_OVER] = "SELECT last_seq FROM (SELECT first_seq, last_seq FROM gap_record WHERE stream = ?1 AND "
                 "last_seq >= ?2 "
                 "ORDER BY last_seq LIMIT ?3) WHERE first_seq <= ?2 LIMIT 1",
    [EXPIRED_OVER] = "SELECT last_seq FROM expired WHERE stream = ?1 AND last_seq >= ?2 AND first_seq <= ?2"
                     " ORDER BY last_seq LIMIT 1",
    [PUT_GAP] =
        "INSERT INTO gap_record (batch, stream, reason, first_seq, last_seq, readings, from_us, to_us, link) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [HIGHEST] = "SELECT max(seq) FROM batch WHERE stream = ?1",
    [NEXT_BATCH] = "SELECT min(seq) FROM batch WHERE stream = ?1 AND seq > ?2",
    [NEXT_GAP] = "SELECT min(first_seq) FROM (SELECT first_seq FROM gap_record WHERE stream = ?1 AND "
                 "last_seq > ?2 ORDER BY last_seq LIMIT ?3) WHERE first_seq > ?2",
    [NEXT_EXPIRED] = "SELECT first_seq FROM expired WHERE stream = ?1 AND first_seq > ?2 AND last_seq > ?2"
                     " ORDER BY last_seq LIMIT 1",
};

/* What one look at how far a stream has got may cost, whatever a bridge says it lost: the one thread that
 * does it serves all bridges. A look that stops short says less than is stored, which is allowed. */
enum {
    WALK_MAX = 16384,      /* batches that follow one another */
    JUMPS_MAX = 256,       /* gaps jumped over */
    GAPS_TRIED_MAX = 1024, /* gaps looked at for one jump */
};

struct sqlite_streams {
    struct db *db;
    sqlite3_stmt *statements[QUERIES];
    struct gap gaps[BATCH_GAPS_MAX]; /* of the batch at hand */
};

static void finish(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

static enum err query_number(struct sqlite_streams *streams, enum query query, int64_t *number,
                             struct err_text *why)
{
    bool row;
    enum err result = db_step(streams->db, streams->statements[query], &row, why);
    *number = result == ERR_OK && row ? sqlite3_column_int64(streams->statements[query], 0) : 0;
    finish(streams->statements[query]);
    return result;
}

/* ---- finding and making ---- */

static void bind_identity(sqlite3_stmt *statement, const char *bridge, const uint8_t *epoch)
{
    sqlite3_bind_text(statement, 1, bridge, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, epoch, BATCH_EPOCH_SIZE, SQLITE_STATIC);
}

enum err sqlite_streams_find(struct sqlite_streams *streams, const char *bridge, const uint8_t *epoch,
                             struct sqlite_stream *stream, struct err_text *why)
{
    *stream = (struct sqlite_stream){0};
    sqlite3_stmt *statement = streams->statements[FIND_STREAM];
    bind_identity(statement, bridge, epoch);
    bool row;
    enum err result = db_step(streams->db, statement, &row, why);
    if (result == ERR_OK && row) {
        stream->id = sqlite3_column_int64(statement, 0);
        stream->contiguous = sqlite3_column_int64(statement, 1);
        stream->span_us = sqlite3_column_int64(statement, 2);
    }
    finish(statement);
    return result;
}

enum err sqlite_streams_claim(struct sqlite_streams *streams, const char *bridge, const uint8_t *epoch,
                              struct sqlite_stream *stream, struct err_text *why)
{
    enum err result = sqlite_streams_find(streams, bridge, epoch, stream, why);
    if (result != ERR_OK || stream->id != 0) {
        return result;
    }
    sqlite3_bind_text(streams->statements[MAKE_BRIDGE], 1, bridge, -1, SQLITE_STATIC);
    result = db_run(streams->db, streams->statements[MAKE_BRIDGE], why);
    if (result != ERR_OK) {
        return result;
    }
    bind_identity(streams->statements[MAKE_STREAM], bridge, epoch);
    result = db_run(streams->db, streams->statements[MAKE_STREAM], why);
    stream->id = db_last_insert_id(streams->db);
    return result;
}

/* ---- how far it has got ---- */

/* Walks over stored sequences that follow one another, `left` at most. */
static enum err walk_batches(struct sqlite_streams *streams, struct sqlite_stream *stream, int64_t *left,
                             struct err_text *why)
{
    sqlite3_stmt *statement = streams->statements[WALK_BATCHES];
    sqlite3_bind_int64(statement, 1, stream->id);
    sqlite3_bind_int64(statement, 2, stream->contiguous);
    sqlite3_bind_int64(statement, 3, *left);
    bool row;
    enum err result = db_step(streams->db, statement, &row, why);
    while (result == ERR_OK && row && sqlite3_column_int64(statement, 0) == stream->contiguous + 1) {
        stream->contiguous++;
        (*left)--;
        result = db_step(streams->db, statement, &row, why);
    }
    finish(statement);
    return result;
}

/* Jumps over the sequence after the contiguous ones if a gap accounts for it, or it was stored and expired.
 */
static enum err jump_gap(struct sqlite_streams *streams, struct sqlite_stream *stream, bool *jumped,
                         struct err_text *why)
{
    sqlite3_bind_int64(streams->statements[GAP_OVER], 1, stream->id);
    sqlite3_bind_int64(streams->statements[GAP_OVER], 2, stream->contiguous + 1);
    sqlite3_bind_int64(streams->statements[GAP_OVER], 3, GAPS_TRIED_MAX);
    int64_t last;
    enum err result = query_number(streams, GAP_OVER, &last, why);
    if (result == ERR_OK && last <= stream->contiguous) {
        sqlite3_bind_int64(streams->statements[EXPIRED_OVER], 1, stream->id);
        sqlite3_bind_int64(streams->statements[EXPIRED_OVER], 2, stream->contiguous + 1);
        result = query_number(streams, EXPIRED_OVER, &last, why);
    }
    *jumped = last > stream->contiguous;
    stream->contiguous = *jumped ? last : stream->contiguous;
    return result;
}

enum err sqlite_streams_advance(struct sqlite_streams *streams, struct sqlite_stream *stream,
                                struct err_text *why)
{
    bool jumped = true;
    int64_t left = WALK_MAX;
    enum err result = ERR_OK;
    for (int jumps = 0; result == ERR_OK && jumped && jumps < JUMPS_MAX; jumps++) {
        result = walk_batches(streams, stream, &left, why);
        jumped = false;
        if (result == ERR_OK && stream->contiguous < INT64_MAX) {
            result = jump_gap(streams, stream, &jumped, why);
        }
    }
    stream->stopped_short = jumped || left == 0;
    return result;
}

enum err sqlite_streams_highest(struct sqlite_streams *streams, const struct sqlite_stream *stream,
                                uint64_t *highest, struct err_text *why)
{
    sqlite3_bind_int64(streams->statements[HIGHEST], 1, stream->id);
    int64_t number;
    enum err result = query_number(streams, HIGHEST, &number, why);
    *highest = (uint64_t)number;
    return result;
}

/* The sequence after `after` that is or was stored, or is accounted for, whichever is first; 0 = none. */
static enum err next_present(struct sqlite_streams *streams, int64_t stream, int64_t after, int64_t *next,
                             struct err_text *why)
{
    static const enum query where[] = {NEXT_BATCH, NEXT_GAP, NEXT_EXPIRED};
    enum err result = ERR_OK;
    *next = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(where) && result == ERR_OK; i++) {
        sqlite3_stmt *statement = streams->statements[where[i]];
        int64_t found;
        sqlite3_bind_int64(statement, 1, stream);
        sqlite3_bind_int64(statement, 2, after);
        if (where[i] == NEXT_GAP) {
            sqlite3_bind_int64(statement, 3, GAPS_TRIED_MAX);
        }
        result = query_number(streams, where[i], &found, why);
        *next = found > 0 && (*next == 0 || found < *next) ? found : *next;
    }
    return result;
}

enum err sqlite_streams_missing(struct sqlite_streams *streams, struct sqlite_stream stream,
                                struct store_watermarks *watermarks, struct err_text *why)
{
    enum err result = ERR_OK;
    const int64_t highest = (int64_t)watermarks->highest;
    const int64_t look_until =
        stream.contiguous < INT64_MAX - WALK_MAX ? stream.contiguous + WALK_MAX : INT64_MAX;
    int64_t walked = stream.contiguous;
    while (result == ERR_OK && !stream.stopped_short && stream.contiguous < highest && walked < look_until &&
           watermarks->missing_count < FRAME_MISSING_MAX) {
        int64_t next;
        result = next_present(streams, stream.id, stream.contiguous, &next, why);
        if (result != ERR_OK || next <= stream.contiguous + 1) {
            return result; // an error, or a look at the gaps that stopped short
        }
        watermarks->missing[watermarks->missing_count++] =
            (struct frame_range){(uint64_t)stream.contiguous + 1, (uint64_t)next - 1};
        stream.contiguous = next - 1;
        result = sqlite_streams_advance(streams, &stream, why);
        if (stream.contiguous < next) {
            return result;
        }
        walked += stream.contiguous - (next - 1);
    }
    return result;
}

/* ---- after a batch ---- */

static enum err update_stream(struct sqlite_streams *streams, enum query query, int64_t id, int64_t value,
                              struct err_text *why)
{
    sqlite3_bind_int64(streams->statements[query], 1, id);
    sqlite3_bind_int64(streams->statements[query], 2, value);
    return db_run(streams->db, streams->statements[query], why);
}

/* A sequence that SQL cannot count to is as good as the highest one it can. */
static int64_t clamped(uint64_t number)
{
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

static enum err put_gap(struct sqlite_streams *streams, int64_t stream, int64_t batch, const struct gap *gap,
                        struct err_text *why)
{
    sqlite3_stmt *statement = streams->statements[PUT_GAP];
    const int64_t numbers[] = {
        batch,
        stream,
        gap->reason,
        clamped(gap->first_sequence),
        clamped(gap->last_sequence),
        clamped(gap->readings),
        gap->from_us,
        gap->to_us,
    };
    int count = (int)(sizeof numbers / sizeof numbers[0]);
    for (int i = 0; i < count; i++) {
        sqlite3_bind_int64(statement, i + 1, numbers[i]);
    }
    sqlite3_bind_text(statement, count + 1, gap->link, -1, SQLITE_STATIC);
    return db_run(streams->db, statement, why);
}

static enum err put_gaps(struct sqlite_streams *streams, int64_t stream, int64_t batch,
                         const struct batch_view *view, struct err_text *why)
{
    size_t count;
    enum err result = batch_decode_gaps(view, streams->gaps, BATCH_GAPS_MAX, &count, why);
    for (size_t i = 0; i < count && result == ERR_OK; i++) {
        result = put_gap(streams, stream, batch, &streams->gaps[i], why);
    }
    return result;
}

enum err sqlite_streams_note(struct sqlite_streams *streams, struct sqlite_stream *stream, int64_t batch,
                             const struct batch_view *view, struct err_text *why)
{
    enum err result = ERR_OK;
    if (view->kind == BATCH_GAPS) {
        result = put_gaps(streams, stream->id, batch, view, why);
    }
    int64_t span_us = view->last_us - view->first_us;
    if (result == ERR_OK && span_us > stream->span_us) {
        result = update_stream(streams, WIDEN_STREAM, stream->id, span_us, why);
    }
    // Written now and then: the row need not change with every batch. Gaps are rare, and costly to walk over.
    bool due = view->kind == BATCH_GAPS || view->identity.sequence % STORE_CONTIGUOUS_STEP == 0;
    if (result != ERR_OK || !due) {
        return result;
    }
    int64_t before = stream->contiguous;
    result = sqlite_streams_advance(streams, stream, why);
    if (result != ERR_OK || stream->contiguous == before) {
        return result;
    }
    return update_stream(streams, ADVANCE_STREAM, stream->id, stream->contiguous, why);
}

enum err sqlite_streams_new(struct db *db, struct sqlite_streams **out, struct err_text *why)
{
    struct sqlite_streams *streams = calloc(1, sizeof *streams);
    if (!streams) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *out = streams;
    streams->db = db;
    enum err result = ERR_OK;
    for (enum query query = 0; result == ERR_OK && query < QUERIES; query++) {
        result = db_prepare(db, queries[query], &streams->statements[query], why);
    }
    return result;
}

void sqlite_streams_free(struct sqlite_streams *streams)
{
    free(streams);
}
