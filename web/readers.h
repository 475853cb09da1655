/*
 * readers: a few read-only connections to the store, lent to one request each. Any thread.
 *
 * They are opened when they are needed, so the store may come later than bourdon-web, and a connection that
 * failed, or whose file is no longer the one at that path, is opened anew. A query that takes longer than its
 * time is ended with ERR_TIMEOUT.
 *
 * While somebody reads, the server cannot begin its write-ahead log anew; if somebody always does, the log
 * grows until the disk is full. So when it is longer than READERS_LOG_MAX nobody is lent anything until all
 * are back and the server has had READERS_REST_MS.
 */
#ifndef BOURDON_WEB_READERS_H
#define BOURDON_WEB_READERS_H

#include "store/db.h"

enum {
    READERS_MAX = 4,
    READERS_PATIENCE_MS = 5000,
    READERS_LOG_MAX = 64 * 1024 * 1024, /* bytes */
    READERS_REST_MS = 1000,
    READERS_REST_PAUSE_MS = 10000, /* from one rest to the next: the log may stay long without a server */
};

struct readers;
struct reader_file {
    uint64_t device, inode;
};
struct reader {
    struct db *db;
    /* private */
    int64_t deadline_us;
    struct reader_file file; /* that is open */
};

/* `path` is borrowed. NULL: out of memory. */
MUST_USE struct readers *readers_new(const char *path, int64_t query_us);
void readers_free(struct readers *readers); /* NULL is fine */

/* Lends a connection, with its time running. ERR_BUSY: none became free within READERS_PATIENCE_MS. */
MUST_USE enum err readers_take(struct readers *readers, struct reader **reader, struct err_text *why);
/* `result` is how it went: the text of a query that was ended says so, a connection that failed is closed. */
MUST_USE enum err readers_give(struct readers *readers, struct reader *reader, enum err result,
                               struct err_text *why);

#endif
