#include "store/db_backup.h"

#include "store/db_file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGES_AT_ONCE = 1024 };

static enum err failed(sqlite3 *handle, const char *path, struct err_text *why)
{
    int code = sqlite3_extended_errcode(handle);
    return err_set(why, db_file_class(code, sqlite3_system_errno(handle)), "%s: %s", path,
                   sqlite3_errmsg(handle));
}

static enum err copy_pages(sqlite3 *to, sqlite3 *from, const char *path,
                           const struct db_backup_watcher *watcher, struct err_text *why)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (!backup) {
        return failed(to, path, why);
    }
    int code;
    while ((code = sqlite3_backup_step(backup, PAGES_AT_ONCE)) == SQLITE_OK) {
        int total = sqlite3_backup_pagecount(backup);
        watcher->copied(watcher->owner, (uint64_t)(total - sqlite3_backup_remaining(backup)),
                        (uint64_t)total);
    }
    if (sqlite3_backup_finish(backup) != SQLITE_OK || code != SQLITE_DONE) {
        return failed(to, path, why);
    }
    return ERR_OK;
}

/* A read transaction of our own keeps the moment: without it every commit of the writer would start the copy
 * anew. */
static enum err copy_moment(struct db *db, sqlite3 *to, const char *path,
                            const struct db_backup_watcher *watcher, struct err_text *why)
{
    enum err result = db_exec(db, "BEGIN; SELECT count(*) FROM sqlite_schema", why);
    if (result != ERR_OK) {
        return result;
    }
    result = copy_pages(to, db_handle(db), path, watcher, why);
    (void)!db_exec(db, "ROLLBACK", NULL);
    return result;
}

static enum err copy_to(struct db *db, const char *path, const struct db_backup_watcher *watcher,
                        struct err_text *why)
{
    sqlite3 *to = NULL;
    enum err result = ERR_OK;
    if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE,
                        NULL) != SQLITE_OK ||
        sqlite3_exec(to, "PRAGMA synchronous = FULL", NULL, NULL, NULL) != SQLITE_OK) {
        result = failed(to, path, why);
    } else {
        result = copy_moment(db, to, path, watcher, why);
    }
    sqlite3_close(to);
    return result;
}

enum err db_backup(struct db *db, const char *path, const struct db_backup_watcher *watcher,
                   struct err_text *why)
{
    char name[PATH_MAX];
    int size = snprintf(name, sizeof name, "%s.partial", path);
    if (size < 0 || size >= (int)sizeof name) {
        return err_set(why, ERR_LIMIT, "%s: the path is too long", path);
    }
    if (access(path, F_OK) == 0) {
        return err_set(why, ERR_CONFLICT, "%s: is there already; it was not touched", path);
    }
    (void)unlink(name); // of a copy that was broken off
    enum err result = copy_to(db, name, watcher, why);
    if (result == ERR_OK && rename(name, path) != 0) {
        result = err_errno(why, errno, "%s: cannot rename %s", path, name);
    }
    if (result != ERR_OK) {
        (void)unlink(name);
        return result;
    }
    return db_file_sync_folder(path, why);
}
