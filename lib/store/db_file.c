#include "store/db_file.h"

#include "base/array.h"
#include "base/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0640 };

/* The database header, https://www.sqlite.org/fileformat2.html section 1.3. */
enum { HEADER_SIZE = 100, USER_VERSION_AT = 60, APPLICATION_ID_AT = 68 };
enum { WRITE_VERSION_AT = 18, READ_VERSION_AT = 19, JOURNAL_WAL = 2 };
static const char MAGIC[16] = "SQLite format 3";

enum err db_file_class(int code, int system_errno)
{
    switch (code) {
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
        return ERR_SYNC;
    default:
        break;
    }
    if (system_errno == ENOSPC || system_errno == EDQUOT) {
        return ERR_DISK_FULL;
    }
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_FULL:
        return ERR_DISK_FULL;
    case SQLITE_NOMEM:
        return ERR_NO_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_CORRUPT;
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    default:
        return code == SQLITE_IOERR_NOMEM ? ERR_NO_MEMORY : ERR_IO;
    }
}

/* ---- whose file it is ---- */

static enum err read_header(const char *path, uint8_t *header, bool *empty, struct err_text *why)
{
    sqlite3 *handle = NULL;
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int code = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READONLY, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    }
    if (code == SQLITE_OK) {
        code = file->pMethods->xFileSize(file, &size);
    }
    *empty = size == 0;
    if (code == SQLITE_OK && size >= HEADER_SIZE) {
        code = file->pMethods->xRead(file, header, HEADER_SIZE, 0);
    }
    enum err result = ERR_OK;
    if (code != SQLITE_OK) {
        int system_errno = handle ? sqlite3_system_errno(handle) : 0;
        result = err_set(why, db_file_class(code, system_errno), "cannot be read: %s",
                         system_errno ? strerror(system_errno) : sqlite3_errstr(code));
    }
    sqlite3_close(handle);
    return result;
}

static enum err check_header(const uint8_t *header, const struct db_schema *schema, struct err_text *why)
{
    if (memcmp(header, MAGIC, sizeof MAGIC) != 0) {
        return err_set(why, ERR_CONFLICT,
                       "is not a SQLite database; it was not touched: move it away or name another file");
    }
    struct wire_reader version_at = wire_reader(header + USER_VERSION_AT, sizeof(uint32_t));
    struct wire_reader id_at = wire_reader(header + APPLICATION_ID_AT, sizeof(uint32_t));
    uint32_t version = wire_read_u32(&version_at);
    uint32_t id = wire_read_u32(&id_at);
    if (id != schema->application_id) {
        return err_set(why, ERR_CONFLICT,
                       "is a database of another program (application id %08x, a %s has %08x); it was not "
                       "touched: name another file",
                       id, schema->what, schema->application_id);
    }
    if (version != (uint32_t)schema->version) {
        return err_set(why, ERR_VERSION,
                       "has version %u of the %s's format, this program has version %d; it was not touched: "
                       "use the program that made it, or move it away to start anew",
                       version, schema->what, schema->version);
    }
    if (header[WRITE_VERSION_AT] > JOURNAL_WAL || header[READ_VERSION_AT] > JOURNAL_WAL) {
        return err_set(why, ERR_CORRUPT, "its header is damaged%s%s", schema->if_damaged ? ": " : "",
                       schema->if_damaged ? schema->if_damaged : "");
    }
    return ERR_OK;
}

enum err db_file_inspect(const char *path, const struct db_schema *schema, enum db_file_state *state,
                         struct err_text *why)
{
    struct stat status;
    *state = DB_FILE_ABSENT;
    if (stat(path, &status) != 0) {
        return errno == ENOENT ? ERR_OK : err_errno(why, errno, "cannot be looked at");
    }
    if (!S_ISREG(status.st_mode)) {
        return err_set(why, ERR_CONFLICT, "is not a regular file");
    }
    uint8_t header[HEADER_SIZE] = {0};
    bool empty = false;
    enum err result = read_header(path, header, &empty, why);
    if (result != ERR_OK || empty) {
        return result;
    }
    result = check_header(header, schema, why);
    if (result == ERR_OK) {
        *state = DB_FILE_OURS;
    }
    return result;
}

/* ---- one writer ---- */

static enum err sibling(const char *path, const char *suffix, char *name, struct err_text *why)
{
    int size = snprintf(name, PATH_MAX, "%s%s", path, suffix);
    return size > 0 && size < PATH_MAX ? ERR_OK : err_set(why, ERR_LIMIT, "path is too long");
}

enum err db_file_lock(const char *path, int *fd, struct err_text *why)
{
    char name[PATH_MAX];
    enum err result = sibling(path, "-lock", name, why);
    if (result != ERR_OK) {
        return result;
    }
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (*fd < 0 && errno == ENOENT) {
        return err_set(why, ERR_IO, "its folder does not exist: make it, or name another file");
    }
    if (*fd < 0) {
        return err_errno(why, errno, "cannot open %s", name);
    }
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
        return ERR_OK;
    }
    int error = errno;
    close(*fd);
    *fd = -1;
    if (error == EWOULDBLOCK) {
        return err_set(why, ERR_BUSY,
                       "is being written by another process: stop that one, or name another file");
    }
    return err_errno(why, error, "cannot lock %s", name);
}

/* ---- making one ---- */

static enum err build(const char *name, const struct db_schema *schema, struct err_text *why)
{
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return err_errno(why, errno, "cannot make %s", name);
    }
    close(fd);
    char mark[128];
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             (int)schema->application_id, schema->version);
    sqlite3 *handle = NULL;
    int code = sqlite3_open_v2(name, &handle, SQLITE_OPEN_READWRITE, NULL);
    const char *const steps[] = {"PRAGMA synchronous = FULL; BEGIN", schema->create, mark};
    for (size_t i = 0; code == SQLITE_OK && i < ARRAY_LENGTH(steps); i++) {
        code = sqlite3_exec(handle, steps[i], NULL, NULL, NULL);
    }
    enum err result = ERR_OK;
    if (code != SQLITE_OK) {
        result = err_set(why, db_file_class(sqlite3_extended_errcode(handle), sqlite3_system_errno(handle)),
                         "cannot be made: %s", sqlite3_errmsg(handle));
    }
    sqlite3_close(handle);
    return result;
}

enum err db_file_sync_folder(const char *path, struct err_text *why)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 ? -1 : fsync(fd);
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    return failed == 0 ? ERR_OK : err_errno(why, error, "cannot sync its folder");
}

/* A log or journal that lost its database would be played into the new one: it is kept under another name. */
static enum err set_orphans_aside(const char *path, struct err_text *why)
{
    static const char *const suffixes[] = {"-wal", "-journal"};
    for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
        char from[PATH_MAX];
        char to[PATH_MAX];
        enum err result = sibling(path, suffixes[i], from, why);
        if (result == ERR_OK) {
            result = sibling(from, ".orphan", to, why);
        }
        if (result != ERR_OK) {
            return result;
        }
        if (rename(from, to) != 0 && errno != ENOENT) {
            return err_errno(why, errno, "cannot set %s aside", from);
        }
    }
    char shared[PATH_MAX];
    enum err result = sibling(path, "-shm", shared, why);
    if (result == ERR_OK) {
        (void)unlink(shared);
    }
    return result;
}

static void remove_half_made(const char *name)
{
    char journal[PATH_MAX];
    if (sibling(name, "-journal", journal, NULL) == ERR_OK) {
        (void)unlink(journal);
    }
    (void)unlink(name);
}

enum err db_file_create(const char *path, const struct db_schema *schema, struct err_text *why)
{
    char name[PATH_MAX];
    enum err result = sibling(path, "-new", name, why);
    if (result != ERR_OK) {
        return result;
    }
    remove_half_made(name);
    result = build(name, schema, why);
    if (result == ERR_OK) {
        result = set_orphans_aside(path, why);
    }
    if (result == ERR_OK && rename(name, path) != 0) {
        result = err_errno(why, errno, "cannot rename %s", name);
    }
    if (result != ERR_OK) {
        remove_half_made(name);
        return result;
    }
    return db_file_sync_folder(path, why);
}
