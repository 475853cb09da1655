#include "alarm/alarm_file.h"

#include "store/db.h"

#include <stdlib.h>

static const struct db_schema alarm_schema = {
    .what = "alarms",
    .application_id = 0x42534131, /* BSA1 */
    .version = 1,
    .create = "CREATE TABLE alarm ("
              " bridge TEXT NOT NULL,"
              " tag TEXT NOT NULL,"
              " level INTEGER NOT NULL,"
              " unit TEXT NOT NULL,"
              " state INTEGER NOT NULL,"
              " since_us INTEGER NOT NULL,"
              " shelved_until_us INTEGER NOT NULL,"
              " seen_us INTEGER NOT NULL,"
              " value REAL NOT NULL,"
              " PRIMARY KEY (bridge, tag, level)) STRICT, WITHOUT ROWID",
};

static const char put_sql[] =
    "INSERT OR REPLACE INTO alarm (bridge, tag, level, unit, state, since_us,"
    " shelved_until_us, seen_us, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
static const char remove_sql[] = "DELETE FROM alarm WHERE bridge = ?1 AND tag = ?2 AND level = ?3";
static const char load_sql[] =
    "SELECT bridge, tag, level, unit, state, since_us, shelved_until_us, seen_us, value FROM alarm";

struct alarm_file {
    struct db *db;
    sqlite3_stmt *put, *remove, *load;
    bool begun;
};

enum err alarm_file_open(const char *path, struct alarm_file **out, struct err_text *why)
{
    *out = NULL;
    struct alarm_file *file = calloc(1, sizeof *file);
    if (!file) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = db_open(path, &alarm_schema, &file->db, why);
    if (result == ERR_OK) {
        result = db_prepare(file->db, put_sql, &file->put, why);
    }
    if (result == ERR_OK) {
        result = db_prepare(file->db, remove_sql, &file->remove, why);
    }
    if (result == ERR_OK) {
        result = db_prepare(file->db, load_sql, &file->load, why);
    }
    if (result != ERR_OK) {
        alarm_file_close(file);
        return result;
    }
    *out = file;
    return ERR_OK;
}

void alarm_file_close(struct alarm_file *file)
{
    if (file) {
        db_close(file->db);
        free(file);
    }
}

/* ---- changes ---- */

static enum err begin(struct alarm_file *file, struct err_text *why)
{
    enum err result = file->begun ? ERR_OK : db_begin(file->db, why);
    file->begun = result == ERR_OK;
    return result;
}

static void bind_name(sqlite3_stmt *statement, const char *bridge, const char *tag, int level)
{
    sqlite3_bind_text(statement, 1, bridge, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, tag, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 3, level);
}

enum err alarm_file_put(struct alarm_file *file, const struct alarm_view *view, struct err_text *why)
{
    const struct alarm *alarm = view->alarm;
    enum err result = begin(file, why);
    if (result != ERR_OK) {
        return result;
    }
    bind_name(file->put, view->bridge, view->tag, (int)view->setting->level);
    sqlite3_bind_text(file->put, 4, view->unit, -1, SQLITE_STATIC);
    sqlite3_bind_int(file->put, 5, (int)alarm->state);
    sqlite3_bind_int64(file->put, 6, alarm->since_us);
    sqlite3_bind_int64(file->put, 7, alarm->shelved_until_us);
    sqlite3_bind_int64(file->put, 8, alarm->seen_us);
    sqlite3_bind_double(file->put, 9, alarm->value);
    return db_run(file->db, file->put, why);
}

enum err alarm_file_remove(struct alarm_file *file, const char *bridge, const char *tag, int level,
                           struct err_text *why)
{
    enum err result = begin(file, why);
    if (result != ERR_OK) {
        return result;
    }
    bind_name(file->remove, bridge, tag, level);
    return db_run(file->db, file->remove, why);
}

enum err alarm_file_commit(struct alarm_file *file, struct err_text *why)
{
    if (!file->begun) {
        return ERR_OK;
    }
    file->begun = false;
    enum err result = db_commit(file->db, why);
    if (result != ERR_OK) {
        db_rollback(file->db);
    }
    return result;
}

/* ---- loading ---- */

/* What no rule has any more goes, so that it does not come back as it once was. */
static enum err restore(struct alarm_file *file, struct alarm_board *board, struct err_text *why)
{
    sqlite3_stmt *row = file->load;
    const char *bridge = (const char *)sqlite3_column_text(row, 0);
    const char *tag = (const char *)sqlite3_column_text(row, 1);
    int level = sqlite3_column_int(row, 2);
    const char *unit = (const char *)sqlite3_column_text(row, 3);
    int state = sqlite3_column_int(row, 4);
    const struct alarm alarm = {
        .state = (enum alarm_state)state,
        .since_us = sqlite3_column_int64(row, 5),
        .shelved_until_us = sqlite3_column_int64(row, 6),
        .seen_us = sqlite3_column_int64(row, 7),
        .value = sqlite3_column_double(row, 8),
    };
    if (!bridge || !tag || !unit) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    bool known = level >= 0 && level < ALARM_LEVELS && state >= 0 && state < ALARM_STATES &&
                 alarm_board_restore(board, bridge, tag, unit, (enum alarm_level)level, &alarm);
    return known ? ERR_OK : alarm_file_remove(file, bridge, tag, level, why);
}

enum err alarm_file_load(struct alarm_file *file, struct alarm_board *board, struct err_text *why)
{
    bool row = true;
    enum err result = ERR_OK;
    while (result == ERR_OK && row) {
        result = db_step(file->db, file->load, &row, why);
        if (result == ERR_OK && row) {
            result = restore(file, board, why);
        }
    }
    return result;
}
