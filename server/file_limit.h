/*
 * file_limit: how many descriptors this process may have; every connection is one.
 */
#ifndef BOURDON_SERVER_FILE_LIMIT_H
#define BOURDON_SERVER_FILE_LIMIT_H

#include <stdint.h>

enum { FILE_LIMIT_BESIDES_CONNECTIONS = 128 };

/* Raises the soft limit as far as it goes, for it is often 1024 for historical reasons; a warning if that is
 * too little for so many connections. */
void file_limit_raise(int64_t connections);

#endif
