#include "store/db.h"

#include "base/array.h"
#include "store/db_file.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 5000 };

struct db {
    sqlite3 *handle;
    const struct db_schema *schema;
    char *path;
    int lock;      /* descriptor of the writer's lock, -1 for readers */
    int wal_pages; /* in the log after the last commit */
    bool damaged;  /* take what there is */
    int due_pages; /* a commit that leaves so many in the log copies them into the database */
    sqlite3_stmt *begin, *commit, *rollback;
};

static enum err failed(struct db *db, struct err_text *why)
{
    int code = sqlite3_extended_errcode(db->handle);
    int system_errno = sqlite3_system_errno(db->handle);
    enum err class = db_file_class(code, (code & 0xff) == SQLITE_IOERR ? system_errno : 0);
    bool system = (code & 0xff) == SQLITE_IOERR && system_errno != 0;
    const char *advice = class == ERR_CORRUPT ? db->schema->if_damaged : NULL;
    return err_set(why, class, "%s %s: %s%s%s (SQLite %d)%s%s", db->schema->what, db->path,
                   sqlite3_errmsg(db->handle), system ? ": " : "", system ? strerror(system_errno) : "", code,
                   advice ? "; " : "", advice ? advice : "");
}

/* ---- checkpoints ---- */

static int note_wal_pages(void *owner, sqlite3 *handle, const char *name, int pages)
{
    (void)handle;
    (void)name;
    struct db *db = owner;
    db->wal_pages = pages;
    return SQLITE_OK;
}

/*
 * SQLite's own automatic checkpoint swallows errors: after a failed fsync of the database the kernel has
 * forgotten the pages, the next checkpoint would succeed and drop the log that still has them. So it is done
 * here, and seen. A busy reader or a full disk only mean that the log stays longer.
 */
static enum err checkpoint_from(struct db *db, int pages, struct err_text *why)
{
    if (db->lock < 0 || db->wal_pages < pages || !sqlite3_get_autocommit(db->handle)) {
        return ERR_OK;
    }
    int code = sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code == SQLITE_OK) {
        db->wal_pages = 0;
        return ERR_OK;
    }
    enum err result = failed(db, why);
    if (result == ERR_BUSY || result == ERR_DISK_FULL || result == ERR_NO_MEMORY) {
        return ERR_OK;
    }
    return err_prefix(why, result, "checkpoint");
}

static enum err checkpoint_if_due(struct db *db, struct err_text *why)
{
    return checkpoint_from(db, db->due_pages, why);
}

void db_checkpoint_later(struct db *db)
{
    db->due_pages = DB_CHECKPOINT_LATEST_PAGES;
}

enum err db_checkpoint(struct db *db, struct err_text *why)
{
    return checkpoint_from(db, DB_CHECKPOINT_PAGES, why);
}

/*
 * What an earlier life left in the log goes into the database before anything is added to it. If that life
 * had ended with a failed fsync, the log may be whole in the kernel's memory and not on disk: what came
 * behind it would be lost with it in a power cut.
 */
static enum err empty_log(struct db *db, struct err_text *why)
{
    int code = sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    enum err result = code == SQLITE_OK ? ERR_OK : failed(db, why);
    bool later = result == ERR_BUSY || result == ERR_DISK_FULL || result == ERR_NO_MEMORY;
    return result == ERR_OK || later ? ERR_OK : err_prefix(why, result, "checkpoint");
}

/* ---- opening and closing ---- */

static enum err set_up(struct db *db, bool writer, struct err_text *why)
{
    static const char common[] = "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; "
                                 "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;";
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, db->damaged ? 0 : 1, NULL);
    /* With it SQLite believes the file's size more than what its header says of it. */
    enum err result = db->damaged ? db_exec(db, "PRAGMA writable_schema = ON", why) : ERR_OK;
    if (result == ERR_OK) {
        result = db_exec(db, common, why);
    }
    if (result != ERR_OK || !writer) {
        sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        return result;
    }
    char own[256];
    snprintf(own, sizeof own,
             "PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL; PRAGMA secure_delete = OFF; "
             "PRAGMA journal_size_limit = %d",
             DB_JOURNAL_SIZE_MAX);
    sqlite3_wal_hook(db->handle, note_wal_pages, db);
    result = db_exec(db, own, why);
    const struct {
        const char *sql;
        sqlite3_stmt **statement;
    } transaction[] = {{"BEGIN IMMEDIATE", &db->begin}, {"COMMIT", &db->commit}, {"ROLLBACK", &db->rollback}};
    for (size_t i = 0; result == ERR_OK && i < ARRAY_LENGTH(transaction); i++) {
        result = db_prepare(db, transaction[i].sql, transaction[i].statement, why);
    }
    return result;
}

static int count_objects(const char *create)
{
    static const char word[] = "CREATE ";
    int count = 0;
    for (const char *at = create; (at = strstr(at, word)); at += sizeof word - 1) {
        count++;
    }
    return count;
}

/*
 * That every table, index and view of ours is there as it was made: a bit that flipped in their definition
 * would else be an error in our SQL. Others that somebody has added are no damage.
 */
static enum err check_schema(struct db *db, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    enum err result =
        db_prepare(db, "SELECT count(*) FROM sqlite_schema WHERE instr(?1, sql) > 0", &statement, why);
    if (result == ERR_OK) {
        sqlite3_bind_text(statement, 1, db->schema->create, -1, SQLITE_STATIC);
        result = db_step(db, statement, &row, why);
    }
    int found = row ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    if (result == ERR_OK && found != count_objects(db->schema->create)) {
        const char *advice = db->schema->if_damaged;
        result = err_set(why, ERR_CORRUPT, "%s %s: its tables are not what they should be%s%s",
                         db->schema->what, db->path, advice ? "; " : "", advice ? advice : "");
    }
    return result;
}

static enum err check_wal(struct db *db, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    enum err result = db_prepare(db, "PRAGMA journal_mode", &statement, why);
    bool row = false;
    if (result == ERR_OK) {
        result = db_step(db, statement, &row, why);
    }
    if (result == ERR_OK && strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0) {
        result = err_set(why, ERR_IO, "%s %s: the file system does not support a write-ahead log",
                         db->schema->what, db->path);
    }
    sqlite3_finalize(statement);
    return result;
}

static struct db *allocate(const char *path, const struct db_schema *schema)
{
    struct db *db = calloc(1, sizeof *db);
    if (!db) {
        return NULL;
    }
    *db = (struct db){.schema = schema, .lock = -1, .path = strdup(path), .due_pages = DB_CHECKPOINT_PAGES};
    if (!db->path) {
        free(db);
        return NULL;
    }
    return db;
}

/* Lock first, then look again: what was absent may have been made by the process that had the lock. */
static enum err claim(struct db *db, struct err_text *why)
{
    enum db_file_state state;
    enum err result = db_file_inspect(db->path, db->schema, &state, why);
    if (result == ERR_OK) {
        result = db_file_lock(db->path, &db->lock, why);
    }
    if (result == ERR_OK) {
        result = db_file_inspect(db->path, db->schema, &state, why);
    }
    if (result == ERR_OK && state == DB_FILE_ABSENT) {
        result = db_file_create(db->path, db->schema, why);
    }
    return result == ERR_OK ? ERR_OK : err_prefix(why, result, "%s %s", db->schema->what, db->path);
}

static enum err connect_writer(struct db *db, struct err_text *why)
{
    if (sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        return db->handle ? failed(db, why) : err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    if (sqlite3_db_readonly(db->handle, "main") == 1) {
        return err_set(why, ERR_IO, "%s %s: no permission to write it", db->schema->what, db->path);
    }
    enum err result = set_up(db, true, why);
    if (result == ERR_OK) {
        result = check_wal(db, why);
    }
    if (result == ERR_OK) {
        result = check_schema(db, why);
    }
    if (result == ERR_OK) {
        result = empty_log(db, why);
    }
    /* The log is a new file in it. SQLite syncs the folder, too, but does not heed a failure. */
    if (result == ERR_OK && db_file_sync_folder(db->path, why) != ERR_OK) {
        result = err_prefix(why, ERR_SYNC, "%s %s", db->schema->what, db->path);
    }
    return result;
}

enum err db_open(const char *path, const struct db_schema *schema, struct db **out, struct err_text *why)
{
    *out = NULL;
    struct db *db = allocate(path, schema);
    if (!db) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = claim(db, why);
    if (result == ERR_OK) {
        result = connect_writer(db, why);
    }
    if (result != ERR_OK) {
        db_close(db);
        return result;
    }
    *out = db;
    return ERR_OK;
}

static enum err connect_reader(struct db *db, const char *name, int flags, struct err_text *why)
{
    sqlite3_close(db->handle);
    db->handle = NULL;
    if (sqlite3_open_v2(name, &db->handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | flags, NULL) !=
        SQLITE_OK) {
        return db->handle ? failed(db, why) : err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = set_up(db, false, why);
    if (result == ERR_OK) {
        result = db_exec(db, "SELECT count(*) FROM sqlite_schema", why);
    }
    return result == ERR_OK && !db->damaged ? check_schema(db, why) : result;
}

/* Percent-encodes what has a meaning in a file: URI. */
static char *immutable_uri(const char *path)
{
    static const char tail[] = "?immutable=1";
    char *uri = malloc(sizeof "file:" + 3 * strlen(path) + sizeof tail);
    if (!uri) {
        return NULL;
    }
    char *at = uri + sprintf(uri, "file:");
    for (; *path; path++) {
        bool reserved = *path == '?' || *path == '#' || *path == '%';
        at += sprintf(at, reserved ? "%%%02x" : "%c", (unsigned char)*path);
    }
    memcpy(at, tail, sizeof tail);
    return uri;
}

/* Nobody writes it, its log is empty, and we may not make the index of the log that SQLite wants. */
static enum err connect_immutable(struct db *db, struct err_text *why)
{
    char log_name[PATH_MAX];
    snprintf(log_name, sizeof log_name, "%s-wal", db->path);
    if (access(log_name, F_OK) == 0) {
        return failed(db, why);
    }
    char *uri = immutable_uri(db->path);
    if (!uri) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = connect_reader(db, uri, SQLITE_OPEN_URI, why);
    free(uri);
    return result;
}

static enum err open_reader(struct db *db, struct err_text *why)
{
    enum db_file_state state;
    enum err result = db_file_inspect(db->path, db->schema, &state, why);
    if (result == ERR_CORRUPT && db->damaged) {
        state = DB_FILE_OURS;
        result = ERR_OK;
    }
    if (result == ERR_OK && state == DB_FILE_ABSENT) {
        result = err_set(why, ERR_NOT_FOUND, "there is no such file, or it is empty");
    }
    if (result != ERR_OK) {
        return err_prefix(why, result, "%s %s", db->schema->what, db->path);
    }
    result = connect_reader(db, db->path, 0, why);
    int code = db->handle ? sqlite3_errcode(db->handle) & 0xff : SQLITE_OK;
    bool no_index = code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
    return no_index ? connect_immutable(db, why) : result;
}

static enum err open_to_read(const char *path, const struct db_schema *schema, bool damaged, struct db **out,
                             struct err_text *why)
{
    *out = NULL;
    struct db *db = allocate(path, schema);
    if (!db) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    db->damaged = damaged;
    enum err result = open_reader(db, why);
    if (result != ERR_OK) {
        db_close(db);
        return result;
    }
    *out = db;
    return ERR_OK;
}

enum err db_open_read_only(const char *path, const struct db_schema *schema, struct db **db,
                           struct err_text *why)
{
    return open_to_read(path, schema, false, db, why);
}

enum err db_open_damaged(const char *path, const struct db_schema *schema, struct db **db,
                         struct err_text *why)
{
    return open_to_read(path, schema, true, db, why);
}

/* The oldest first: the query of a virtual table may have prepared others, which it finalises itself. */
static sqlite3_stmt *oldest_statement(sqlite3 *handle)
{
    sqlite3_stmt *oldest = NULL;
    sqlite3_stmt *statement = NULL;
    while ((statement = sqlite3_next_stmt(handle, statement))) {
        oldest = statement;
    }
    return oldest;
}

void db_close(struct db *db)
{
    if (!db) {
        return;
    }
    sqlite3_stmt *statement;
    while (db->handle && (statement = oldest_statement(db->handle))) {
        sqlite3_finalize(statement);
    }
    sqlite3_close(db->handle);
    if (db->lock >= 0) {
        close(db->lock);
    }
    free(db->path);
    free(db);
}

/* ---- statements ---- */

enum err db_prepare(struct db *db, const char *sql, sqlite3_stmt **statement, struct err_text *why)
{
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return code == SQLITE_OK ? ERR_OK : failed(db, why);
}

enum err db_run(struct db *db, sqlite3_stmt *statement, struct err_text *why)
{
    int code = sqlite3_step(statement);
    assert(code != SQLITE_ROW);
    enum err result = code == SQLITE_DONE ? ERR_OK : failed(db, why);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result == ERR_OK ? checkpoint_if_due(db, why) : result;
}

enum err db_step(struct db *db, sqlite3_stmt *statement, bool *row, struct err_text *why)
{
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (*row) {
        return ERR_OK;
    }
    enum err result = code == SQLITE_DONE ? ERR_OK : failed(db, why);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result;
}

enum err db_exec(struct db *db, const char *sql, struct err_text *why)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return failed(db, why);
    }
    return checkpoint_if_due(db, why);
}

enum err db_begin(struct db *db, struct err_text *why)
{
    return db_run(db, db->begin, why);
}

enum err db_commit(struct db *db, struct err_text *why)
{
    enum err result = db_run(db, db->commit, why);
    if (result != ERR_OK) {
        db_rollback(db);
    }
    return result;
}

void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->handle)) {
        (void)!db_run(db, db->rollback, NULL);
    }
}

sqlite3 *db_handle(struct db *db)
{
    return db->handle;
}

const char *db_path(const struct db *db)
{
    return db->path;
}

int64_t db_last_insert_id(struct db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

struct bytes db_column_bytes(sqlite3_stmt *statement, int column)
{
    const void *data = sqlite3_column_blob(statement, column);
    return (struct bytes){.data = data, .size = data ? (size_t)sqlite3_column_bytes(statement, column) : 0};
}
