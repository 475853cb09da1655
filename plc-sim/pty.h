/*
 * pty: a pseudo terminal that stands for a serial line: we have one end, clients open the other as they would
 * open /dev/ttyS0.
 */
#ifndef BOURDON_PLCSIM_PTY_H
#define BOURDON_PLCSIM_PTY_H

#include "base/err.h"

enum { PTY_PATH_MAX = 256 };

struct pty {
    int master;                /* ours, non-blocking; -1 = none */
    int slave;                 /* held open, so that the line stays up while no client has it */
    char device[PTY_PATH_MAX]; /* what clients open: /dev/pts/7 */
    char link[PTY_PATH_MAX];   /* symbolic link to it, "" = none */
};

/* Opens a raw line; with `link` other than "" a symbolic link of that name leads to it (a dead one is
 * replaced, anything else refused with ERR_CONFLICT). */
MUST_USE enum err pty_open(struct pty *pty, const char *link, struct err_text *why);

/* Gives the master to the caller, who closes it. */
int pty_take_master(struct pty *pty);

void pty_close(struct pty *pty);

#endif
