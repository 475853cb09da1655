#include "support/temporary.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void temporary_folder(char *path)
{
    const char *base = getenv("TMPDIR");
    snprintf(path, TEMPORARY_PATH_MAX, "%s/bourdon-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(path)) {
        perror(path);
        abort();
    }
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void temporary_remove(const char *path)
{
    enum { OPEN_FOLDERS = 16 };
    nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
}

char *temporary_path(const char *folder, const char *name, char *path)
{
    int size = snprintf(path, TEMPORARY_PATH_MAX, "%s/%s", folder, name);
    if (size < 0 || size >= TEMPORARY_PATH_MAX) {
        fprintf(stderr, "temporary: the path of %s is too long\n", name);
        abort();
    }
    return path;
}
