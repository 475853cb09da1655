/*
 * sqlite: the store in one SQLite file, tables as in lib/store/store_schema.h. Batches are kept byte by byte
 * as they came. One process writes; others read along.
 */
#ifndef BOURDON_SERVER_STORE_SQLITE_H
#define BOURDON_SERVER_STORE_SQLITE_H

#include "store/store.h"

enum { SQLITE_STORE_CACHE_KIB = 64 * 1024 }; /* pages kept in memory: the hot ends of the indices */

MUST_USE enum err sqlite_store_open(const char *path, struct store **store, struct err_text *why);

#endif
