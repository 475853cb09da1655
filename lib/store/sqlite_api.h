/*
 * sqlite_api: SQLite, as a linked library or, in a loadable extension, through the table of functions of the
 * program that loads it. For sources that are built both ways.
 */
#ifndef BOURDON_STORE_SQLITE_API_H
#define BOURDON_STORE_SQLITE_API_H

#ifdef BOURDON_SQLITE_EXTENSION
#include <sqlite3ext.h>
SQLITE_EXTENSION_INIT3
#else
#include <sqlite3.h>
#endif

#endif
