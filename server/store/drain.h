/*
 * drain: moves what is in a JetStream store into another store, once each by that store's ledger.
 *
 * A batch is acknowledged to its stream after the other store has committed it, and removed once everything
 * before it is acknowledged, too. A batch that contradicts the ledger, or is none, is kept beside the
 * catalogs (NAME.catalog.kept.…) and said loudly. Several drains of one stream may run at a time.
 */
#ifndef BOURDON_SERVER_STORE_DRAIN_H
#define BOURDON_SERVER_STORE_DRAIN_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>

enum {
    DRAIN_GROUP = 1024,        /* batches of one transaction */
    DRAIN_WAIT_MS = 500,       /* for more of them */
    DRAIN_RETRY_MS = 100,      /* the first wait for a store that cannot take them now … */
    DRAIN_RETRY_MAX_MS = 5000, /* … and the longest */
    DRAIN_PURGE_MS = 2000,     /* between two looks at what may be removed */
};

struct drain_options {
    const char *from, *to; /* as in the configuration: "jetstream://…", "postgresql://…" */
    bool once;             /* ends when there is nothing left */
    const volatile sig_atomic_t *stop;
};

/* Ends when *stop is set. ERR_CONFIG: `from` is no JetStream, `to` is one. */
MUST_USE enum err drain_run(const struct drain_options *options, struct err_text *why);

#endif
