/*
 * store_check: whether everything in a SQLite store is what it says it is: the file's structure, every
 * catalog's hash, every batch's digest, columns and head, gap records, and the ledger of sequences. Reads in
 * small transactions, so that a live server's log does not grow.
 */
#ifndef BOURDON_CLIENT_STORE_CHECK_H
#define BOURDON_CLIENT_STORE_CHECK_H

#include "store/db.h"

struct store_checked {
    uint64_t batches, readings, catalogs;
    uint64_t damages;
};

struct store_check_watcher {
    void *owner;
    void (*damaged)(void *owner, const char *what, const char *text); /* "batch 812 of …", why */
    void (*looked_at)(void *owner, uint64_t batches, uint64_t total); /* now and then */
};

/* An error: the check could not go on. Damages are no error. */
MUST_USE enum err store_check_run(struct db *db, const struct store_check_watcher *watcher,
                                  struct store_checked *checked, struct err_text *why);

#endif
