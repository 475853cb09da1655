/*
 * temporary: a folder of a test's own, made under $TMPDIR and removed with everything in it. May be used
 * outside of a test (in main(), for all of a suite): what goes wrong aborts the process.
 */
#ifndef BOURDON_TESTS_TEMPORARY_H
#define BOURDON_TESTS_TEMPORARY_H

enum { TEMPORARY_PATH_MAX = 512 };

/* Makes the folder and writes its path into path[TEMPORARY_PATH_MAX]. */
void temporary_folder(char *path);
void temporary_remove(const char *path);

/* Writes `folder`/`name` into path[TEMPORARY_PATH_MAX] and returns it. */
char *temporary_path(const char *folder, const char *name, char *path);

#endif
