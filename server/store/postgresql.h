/*
 * postgresql: the store in a PostgreSQL database, tables as in postgresql_schema.h, which any number of
 * servers may share.
 *
 * A group is sent at its commit, as one transaction: first the ledger, which says what is new, then the
 * readings of what is new. When the connection is lost meanwhile the group is sent once more over a new one;
 * what the lost one had committed then is a duplicate. A database that is away, full, read-only or slow is
 * ERR_BUSY or ERR_DISK_FULL.
 */
#ifndef BOURDON_SERVER_STORE_POSTGRESQL_H
#define BOURDON_SERVER_STORE_POSTGRESQL_H

#include "store/store.h"

MUST_USE enum err postgresql_store_open(const char *url, struct store **store, struct err_text *why);

#endif
