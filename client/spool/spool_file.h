/*
 * spool_file: a spool that is only looked at, live or not. It is read in chunks, so that no transaction stays
 * open for long and a live bridge can go on checkpointing. One thread.
 */
#ifndef BOURDON_CLIENT_SPOOL_SPOOL_FILE_H
#define BOURDON_CLIENT_SPOOL_SPOOL_FILE_H

#include "net/tls.h"
#include "spool/backlog.h"

/* The last sequence there can be. */
#define SPOOL_FILE_ALL ((uint64_t)INT64_MAX - 1)

struct spool_file {
    struct db *db;
    struct backlog *backlog;
    uint8_t epoch[BATCH_EPOCH_SIZE];
    struct spool_state state; /* when it was opened */
};

/* Zeroed on failure. */
MUST_USE enum err spool_file_open(const char *path, struct spool_file *file, struct err_text *why);
void spool_file_close(struct spool_file *file);

/* An error of either ends the walk and is returned. */
struct spool_visitor {
    void *owner;
    enum err (*batch)(void *owner, const struct spool_batch *batch, struct err_text *why);
    enum err (*damaged)(void *owner, const struct backlog_damage *damage, struct err_text *why);
};

/* Every batch from `first` to `last` that waits, in order. */
MUST_USE enum err spool_file_walk(struct spool_file *file, uint64_t first, uint64_t last,
                                  const struct spool_visitor *visitor, struct err_text *why);

/* The first number of the first row of a query; 0 if it is none. */
MUST_USE enum err spool_file_number(struct spool_file *file, const char *sql, int64_t *number,
                                    struct err_text *why);

/* Whose it is, into bridge[TLS_NAME_MAX]; "" if the file does not say. */
MUST_USE enum err spool_file_bridge(struct db *db, char *bridge, struct err_text *why);

/* Whether batches, readings and bytes are as many as the spool says of itself. */
MUST_USE enum err spool_file_sums_are_right(struct spool_file *file, bool *right, struct err_text *why);

#endif
