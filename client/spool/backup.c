#include "spool/backup.h"

#include "base/array.h"
#include "base/clock.h"
#include "store/db_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK = 1024 * 1024 };

struct copying {
    int from, to;
    uint64_t done, total;
    struct progress *progress;
};

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* errno says what went wrong. */
static bool copy_bytes(struct copying *copying)
{
    char *block = malloc(BLOCK);
    ssize_t size = block ? 1 : -1;
    while (size > 0) {
        size = read(copying->from, block, BLOCK);
        if (size > 0 && !write_all(copying->to, block, (size_t)size)) {
            size = -1;
        }
        copying->done += size > 0 ? (uint64_t)size : 0;
        progress_show(copying->progress, "copied", copying->done >> 20, copying->total >> 20, "MiB",
                      clock_mono_us());
    }
    int error = errno;
    free(block);
    errno = error;
    return size == 0 && fsync(copying->to) == 0;
}

static enum err copy_file(const char *from, const char *to, struct progress *progress, struct err_text *why)
{
    struct stat status;
    struct copying copying = {.from = open(from, O_RDONLY | O_CLOEXEC), .to = -1, .progress = progress};
    if (copying.from < 0 || fstat(copying.from, &status) != 0) {
        enum err result = err_errno(why, errno, "cannot read %s", from);
        close(copying.from);
        return result;
    }
    copying.total = (uint64_t)status.st_size;
    copying.to = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, status.st_mode & 0660);
    bool good = copying.to >= 0 && copy_bytes(&copying);
    enum err result = good ? ERR_OK : err_errno(why, errno, "cannot make the copy %s", to);
    if (!good && copying.to >= 0) {
        (void)unlink(to);
    }
    if (copying.to >= 0) {
        close(copying.to);
    }
    close(copying.from);
    return result;
}

enum err backup_make(const char *path, int64_t now_us, struct progress *progress, char *name,
                     struct err_text *why)
{
    char log[PATH_MAX];
    char log_copy[PATH_MAX];
    int size = snprintf(name, PATH_MAX, "%s.backup-%lld", path, (long long)(now_us / CLOCK_US_PER_S));
    if (size < 0 || size >= PATH_MAX - 4) {
        return err_set(why, ERR_LIMIT, "path is too long");
    }
    snprintf(log, sizeof log, "%.*s-wal", PATH_MAX - 5, path);
    snprintf(log_copy, sizeof log_copy, "%.*s-wal", PATH_MAX - 5, name);
    enum err result = copy_file(path, name, progress, why);
    if (result != ERR_OK) {
        return result;
    }
    if (access(log, F_OK) == 0) {
        result = copy_file(log, log_copy, progress, why);
    }
    if (result == ERR_OK) {
        result = db_file_sync_folder(name, why);
    }
    if (result != ERR_OK) {
        (void)unlink(name);
        (void)unlink(log_copy);
    }
    progress_clear(progress);
    return result;
}

void backup_give_back(const char *path, const struct stat *owner)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    if (geteuid() != 0) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%.*s%s", PATH_MAX - 6, path, suffixes[i]);
        (void)!lchown(name, owner->st_uid, owner->st_gid);
    }
}
