#include "spool/spool_file.h"

#include "spool/spool_identity.h"
#include "store/spool_schema.h"

#include <stdio.h>
#include <stdlib.h>

enum err spool_file_open(const char *path, struct spool_file *file, struct err_text *why)
{
    *file = (struct spool_file){0};
    enum err result = db_open_read_only(path, &spool_schema, &file->db, why);
    if (result == ERR_OK) {
        result = spool_identity_read(file->db, file->epoch, &file->state, why);
    }
    if (result == ERR_OK) {
        result = backlog_new(file->db, file->epoch, &file->backlog, why);
    }
    if (result != ERR_OK) {
        spool_file_close(file);
    }
    return result;
}

void spool_file_close(struct spool_file *file)
{
    backlog_free(file->backlog);
    db_close(file->db);
    *file = (struct spool_file){0};
}

static enum err visit(const struct backlog_chunk *chunk, const struct spool_visitor *visitor,
                      struct err_text *why)
{
    enum err result = ERR_OK;
    for (size_t i = 0; result == ERR_OK && i < chunk->damaged_count; i++) {
        result = visitor->damaged(visitor->owner, &chunk->damaged[i], why);
    }
    for (struct spool_batch *batch = chunk->batches.first; result == ERR_OK && batch; batch = batch->next) {
        result = visitor->batch(visitor->owner, batch, why);
    }
    return result;
}

enum err spool_file_walk(struct spool_file *file, uint64_t first, uint64_t last,
                         const struct spool_visitor *visitor, struct err_text *why)
{
    struct backlog_chunk *chunk = malloc(sizeof *chunk);
    enum err result = ERR_OK;
    if (!chunk) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    while (result == ERR_OK && first <= last) {
        *chunk = (struct backlog_chunk){0};
        result = backlog_read(file->backlog, first, last, chunk, why);
        enum err visited = visit(chunk, visitor, result == ERR_OK ? why : NULL);
        result = result == ERR_OK ? visited : result;
        spool_batches_clear(&chunk->batches);
        first = chunk->next;
    }
    free(chunk);
    return result;
}

enum err spool_file_number(struct spool_file *file, const char *sql, int64_t *number, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    *number = 0;
    enum err result = db_prepare(file->db, sql, &statement, why);
    if (result == ERR_OK) {
        result = db_step(file->db, statement, &row, why);
    }
    if (row) {
        *number = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    return result;
}

enum err spool_file_sums_are_right(struct spool_file *file, bool *right, struct err_text *why)
{
    static const char query[] = "SELECT batches = (SELECT count(*) FROM batch)"
                                " AND readings = (SELECT ifnull(sum(readings), 0) FROM batch)"
                                " AND bytes = (SELECT ifnull(sum(length(encoded)), 0) FROM batch)"
                                " AND quarantined = (SELECT ifnull(sum(length(encoded)), 0) FROM quarantine)"
                                " AND next_seq > (SELECT ifnull(max(seq), 0) FROM batch) FROM state";
    int64_t number = 0;
    enum err result = spool_file_number(file, query, &number, why);
    *right = number == 1;
    return result;
}

enum err spool_file_bridge(struct db *db, char *bridge, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    enum err result = db_prepare(db, "SELECT bridge FROM identity", &statement, why);
    if (result == ERR_OK) {
        result = db_step(db, statement, &row, why);
    }
    const char *name = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    snprintf(bridge, TLS_NAME_MAX, "%s", name ? name : "");
    sqlite3_finalize(statement);
    return result;
}
