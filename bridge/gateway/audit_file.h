/*
 * audit_file: the audit file on the disk: opened for appending, its chain taken up where it ends, a batch of
 * lines written and synced as a whole or not at all. One thread.
 */
#ifndef BOURDON_BRIDGE_GATEWAY_AUDIT_FILE_H
#define BOURDON_BRIDGE_GATEWAY_AUDIT_FILE_H

#include "gateway/audit_chain.h"

#include <stddef.h>
#include <sys/types.h>

struct audit_file {
    char *path;
    int fd;     /* -1 = closed: the next append opens it */
    off_t size; /* up to here it is good */
    struct audit_chain chain;
};

MUST_USE enum err audit_file_init(struct audit_file *file, const char *path); /* ERR_NO_MEMORY */
void audit_file_fini(struct audit_file *file);

/* Opens or makes it and reads the end of the chain; `*torn` bytes of an unfinished line were cut off. */
MUST_USE enum err audit_file_open(struct audit_file *file, size_t *torn, struct err_text *why);
/* The chain goes on in whatever file has the name at the next append. */
void audit_file_close(struct audit_file *file);

/* Seals, writes and syncs `bodies`, each with a line feed behind it. On failure the file and the chain are as
 * before, as far as the disk lets us. */
MUST_USE enum err audit_file_append(struct audit_file *file, struct bytes bodies, struct err_text *why);

#endif
