#include "spool/disk_room.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BALLAST_MODE = 0640 };

int64_t disk_room_free(const char *path)
{
    char folder[PATH_MAX];
    struct statvfs status;
    snprintf(folder, sizeof folder, "%s", path);
    if (statvfs(dirname(folder), &status) != 0) {
        return -1;
    }
    return (int64_t)status.f_bavail * (int64_t)status.f_frsize; /* f_frsize alone may have 32 bits */
}

static bool ballast_name(const char *path, char *name)
{
    int size = snprintf(name, PATH_MAX, "%s-ballast", path);
    return size > 0 && size < PATH_MAX;
}

enum err disk_room_make_ballast(const char *path, struct err_text *why)
{
    char name[PATH_MAX];
    struct stat status;
    if (!ballast_name(path, name)) {
        return err_set(why, ERR_LIMIT, "path is too long");
    }
    if (stat(name, &status) == 0 && status.st_size == DISK_ROOM_BALLAST) {
        return ERR_OK;
    }
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, BALLAST_MODE);
    if (fd < 0) {
        return err_errno(why, errno, "cannot make %s", name);
    }
    int error = posix_fallocate(fd, 0, DISK_ROOM_BALLAST);
    close(fd);
    if (error != 0) {
        (void)unlink(name);
        return err_errno(why, error, "cannot make %s", name);
    }
    return ERR_OK;
}

bool disk_room_release_ballast(const char *path)
{
    char name[PATH_MAX];
    return ballast_name(path, name) && unlink(name) == 0;
}
