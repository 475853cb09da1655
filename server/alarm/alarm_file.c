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
static const char load_sql[] =
    "SELECT bridge, tag, level, unit, state, since_us, shelved_until_us, seen_us, value FROM alarm";

struct alarm_file {
    struct db *db;
    sqlite3_stmt *put, *load;
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

static void restore(sqlite3_stmt *row, struct alarm_board *board)
{
    int level = sqlite3_column_int(row, 2);
    int state = sqlite3_column_int(row, 4);
    const struct alarm alarm = {
        .state = (enum alarm_state)state,
        .since_us = sqlite3_column_int64(row, 5),
        .shelved_until_us = sqlite3_column_int64(row, 6),
        .seen_us = sqlite3_column_int64(row, 7),
        .value = sqlite3_column_double(row, 8),
    };
    if (level >= 0 && level < ALARM_LEVELS && state >= 0 && state < ALARM_STATES) {
        alarm_board_restore(board, (const char *)sqlite3_column_text(row, 0),
                            (const char *)sqlite3_column_text(row, 1),
                            (const char *)sqlite3_column_text(row, 3), (enum alarm_level)level, &alarm);
    }
}

enum err alarm_file_load(struct alarm_file *file, struct alarm_board *board, struct err_text *why)
{
    bool row = true;
    enum err result = ERR_OK;
    while (result == ERR_OK && row) {
        result = db_step(file->db, file->load, &row, why);
        if (result == ERR_OK && row) {
            restore(file->load, board);
        }
    }
    return result;
}

enum err alarm_file_put(struct alarm_file *file, const struct alarm_view *view, struct err_text *why)
{
    const struct alarm *alarm = view->alarm;
    if (!file->begun) {
        enum err result = db_begin(file->db, why);
        if (result != ERR_OK) {
            return result;
        }
        file->begun = true;
    }
    sqlite3_bind_text(file->put, 1, view->bridge, -1, SQLITE_STATIC);
    sqlite3_bind_text(file->put, 2, view->tag, -1, SQLITE_STATIC);
    sqlite3_bind_int(file->put, 3, (int)view->setting->level);
    sqlite3_bind_text(file->put, 4, view->unit, -1, SQLITE_STATIC);
    sqlite3_bind_int(file->put, 5, (int)alarm->state);
    sqlite3_bind_int64(file->put, 6, alarm->since_us);
    sqlite3_bind_int64(file->put, 7, alarm->shelved_until_us);
    sqlite3_bind_int64(file->put, 8, alarm->seen_us);
    sqlite3_bind_double(file->put, 9, alarm->value);
    return db_run(file->db, file->put, why);
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
