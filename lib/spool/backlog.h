/*
 * backlog: reads batches back from the spool in bounded chunks, and believes nothing: each is checked against
 * its digest, its identity and its catalog. What fails is told, so that it can be quarantined. One thread,
 * the one of the database.
 */
#ifndef BOURDON_SPOOL_BACKLOG_H
#define BOURDON_SPOOL_BACKLOG_H

#include "spool/spool.h"

enum { BACKLOG_CHUNK_BYTES = 256 * 1024, BACKLOG_CHUNK_BATCHES = 256, BACKLOG_DAMAGED_MAX = 16 };

struct backlog_damage {
    uint64_t seq;
    struct err_text why;
};

struct backlog_chunk {
    struct spool_batches batches;
    uint64_t next; /* everything of the range before it was looked at */
    size_t damaged_count;
    struct backlog_damage damaged[BACKLOG_DAMAGED_MAX];
};

struct backlog;

/* Borrows the database, which may be open read-only; `epoch` is that of its identity. */
MUST_USE enum err backlog_new(struct db *db, const uint8_t *epoch, struct backlog **backlog,
                              struct err_text *why);
void backlog_free(struct backlog *backlog); /* NULL is fine */

/*
 * Reads [first, last] from its start until the chunk is full (a single batch may pass BACKLOG_CHUNK_BYTES).
 * `chunk` begins empty; its batches are the caller's, also on failure.
 */
MUST_USE enum err backlog_read(struct backlog *backlog, uint64_t first, uint64_t last,
                               struct backlog_chunk *chunk, struct err_text *why);

#endif
