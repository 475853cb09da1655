#include "support/temporary.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

void temporary_folder(char *path)
{
    const char *base = getenv("TMPDIR");
    snprintf(path, TEMPORARY_PATH_MAX, "%s/bourdon-test-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(path));
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
    ck_assert_int_lt(size, TEMPORARY_PATH_MAX);
    return path;
}
