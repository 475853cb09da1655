/*
 * disk_room: how much space the file system still has, and a ballast file that is given up when it has none.
 *
 * A disk that is really full blocks even a DELETE, so that acks could no longer be committed: the spool stops
 * growing at a watermark before that, and releases the ballast when somebody else filled the disk. One
 * thread.
 */
#ifndef BOURDON_SPOOL_DISK_ROOM_H
#define BOURDON_SPOOL_DISK_ROOM_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { DISK_ROOM_BALLAST = 4 * 1024 * 1024 };

/* Bytes a user like us may still write where `path` is; -1 if that cannot be known. */
int64_t disk_room_free(const char *path);

/* Makes the ballast beside `path` (`path`-ballast), really allocated. Fine if it is there already. */
MUST_USE enum err disk_room_make_ballast(const char *path, struct err_text *why);
/* Gives it up; whether there was one. */
bool disk_room_release_ballast(const char *path);

#endif
