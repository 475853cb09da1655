#include "ack_source.h"

#include "store/db.h"
#include "store/spool_schema.h"
#include "store/store_schema.h"

#include <stdio.h>
#include <stdlib.h>

/* Both name the same columns in the same order. ?1 = rows behind this id, ?2 = at most so many. */
static const char spool_rows[] =
    "SELECT ack_log.id, bridge, lower(hex(epoch)), seq, kind, readings, bytes, first_us, last_us, spooled_us,"
    " sent_us, 0, committed_us, acked_us, result, text, 0"
    " FROM ack_log, identity WHERE ack_log.id > ?1 ORDER BY ack_log.id LIMIT ?2";
static const char store_rows[] =
    "SELECT batch.id, bridge.name, lower(hex(stream.epoch)), seq, kind, readings, length(encoded), first_us,"
    " last_us, 0, 0, received_us, committed_us, 0, 0, '', historical"
    " FROM batch JOIN stream ON stream.id = batch.stream JOIN bridge ON bridge.id = stream.bridge"
    " WHERE batch.id > ?1 ORDER BY batch.id LIMIT ?2";

static const char spool_skip[] = "SELECT id FROM ack_log ORDER BY id DESC LIMIT 1 OFFSET ?1";
static const char store_skip[] = "SELECT id FROM batch ORDER BY id DESC LIMIT 1 OFFSET ?1";

struct ack_source {
    struct db *db;
    bool store;
    sqlite3_stmt *rows;
    sqlite3_stmt *skip;
    int64_t last_id;
};

static enum err open_either(const char *path, struct ack_source *source, struct err_text *why)
{
    enum err result = db_open_read_only(path, &spool_schema, &source->db, why);
    if (result != ERR_CONFLICT) {
        return result;
    }
    source->store = true;
    result = db_open_read_only(path, &store_schema, &source->db, NULL);
    if (result == ERR_CONFLICT) {
        return err_set(why, result, "%s is neither the spool of a bridge nor the store of a server", path);
    }
    return result == ERR_OK ? ERR_OK : db_open_read_only(path, &store_schema, &source->db, why);
}

enum err ack_source_open(const char *path, struct ack_source **out, struct err_text *why)
{
    *out = NULL;
    struct ack_source *source = calloc(1, sizeof *source);
    if (!source) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = open_either(path, source, why);
    if (result == ERR_OK) {
        result = db_prepare(source->db, source->store ? store_rows : spool_rows, &source->rows, why);
    }
    if (result == ERR_OK) {
        result = db_prepare(source->db, source->store ? store_skip : spool_skip, &source->skip, why);
    }
    if (result != ERR_OK) {
        ack_source_close(source);
        return result;
    }
    *out = source;
    return ERR_OK;
}

void ack_source_close(struct ack_source *source)
{
    if (source) {
        db_close(source->db);
        free(source);
    }
}

bool ack_source_is_store(const struct ack_source *source)
{
    return source->store;
}

enum err ack_source_skip_to_last(struct ack_source *source, uint64_t count, struct err_text *why)
{
    bool row = false;
    sqlite3_bind_int64(source->skip, 1, (sqlite3_int64)count);
    enum err result = db_step(source->db, source->skip, &row, why);
    if (row) {
        source->last_id = sqlite3_column_int64(source->skip, 0);
    }
    sqlite3_reset(source->skip);
    return result;
}

static void copy_text(sqlite3_stmt *statement, int column, char *text, size_t size)
{
    const unsigned char *value = sqlite3_column_text(statement, column);
    snprintf(text, size, "%s", value ? (const char *)value : "");
}

static void read_row(sqlite3_stmt *at, struct ack_row *row)
{
    *row = (struct ack_row){
        .id = sqlite3_column_int64(at, 0),
        .seq = (uint64_t)sqlite3_column_int64(at, 3),
        .kind = (enum batch_kind)sqlite3_column_int(at, 4),
        .readings = (uint64_t)sqlite3_column_int64(at, 5),
        .bytes = (uint64_t)sqlite3_column_int64(at, 6),
        .first_us = sqlite3_column_int64(at, 7),
        .last_us = sqlite3_column_int64(at, 8),
        .spooled_us = sqlite3_column_int64(at, 9),
        .sent_us = sqlite3_column_int64(at, 10),
        .received_us = sqlite3_column_int64(at, 11),
        .committed_us = sqlite3_column_int64(at, 12),
        .acked_us = sqlite3_column_int64(at, 13),
        .result = (enum ack_result)sqlite3_column_int(at, 14),
        .historical = sqlite3_column_int(at, 16) != 0,
    };
    copy_text(at, 1, row->bridge, sizeof row->bridge);
    copy_text(at, 2, row->epoch, sizeof row->epoch);
    copy_text(at, 15, row->text, sizeof row->text);
}

enum err ack_source_read(struct ack_source *source, struct ack_row *rows, size_t *count, struct err_text *why)
{
    bool row = true;
    enum err result = ERR_OK;
    sqlite3_bind_int64(source->rows, 1, source->last_id);
    sqlite3_bind_int64(source->rows, 2, ACK_SOURCE_CHUNK);
    *count = 0;
    while (row && *count < ACK_SOURCE_CHUNK) {
        result = db_step(source->db, source->rows, &row, why);
        if (result != ERR_OK || !row) {
            break;
        }
        read_row(source->rows, &rows[(*count)++]);
    }
    sqlite3_reset(source->rows);
    if (*count > 0) {
        source->last_id = rows[*count - 1].id;
    }
    return result;
}
