/*
 * acceptor: takes connections off a listening socket, of whatever family. Inside lib/net only; the loop's
 * thread. Without descriptors or memory it waits a little instead of spinning, and says so at a bounded rate:
 * the connections stay in the kernel's queue meanwhile.
 */
#ifndef BOURDON_NET_ACCEPTOR_H
#define BOURDON_NET_ACCEPTOR_H

#include "net/loop.h"

struct acceptor;

/*
 * Takes over `fd`, which listens and does not block. accepted(owner, fd) gets each connection, non-blocking,
 * and owns it. `name` is for the log and copied. NULL: out of memory; the descriptor is closed.
 */
MUST_USE struct acceptor *acceptor_new(struct loop *loop, int fd, const char *name,
                                       void (*accepted)(void *owner, int fd), void *owner);

/* Closes the socket. May be called in accepted(). NULL is fine. */
void acceptor_free(struct acceptor *acceptor);

#endif
