/*
 * store_opening: the store of a server from its configuration, which may be away when the server starts: a
 * database or a cluster is waited for, a file is not, for nobody knows why it should come.
 *
 * Made by the main thread. While the store is away store_opening_try() is the store thread's, and everything
 * else does not look at `store` before arrived(owner) has been called.
 */
#ifndef BOURDON_SERVER_STORE_OPENING_H
#define BOURDON_SERVER_STORE_OPENING_H

#include "net/loop.h"
#include "server_options.h"
#include "store/store.h"

struct store_opening {
    const char *where; /* borrowed, as is what follows */
    struct loop *loop;
    void (*arrived)(void *owner); /* in the loop, once, if the store was away */
    void *owner;
    struct store *store; /* NULL: away; to be closed by whoever made this */
    bool known;          /* the main thread's: `store` is there */
};

/* The first try. ERR_OK with `known` false: it is away, `why` says for what reason. Otherwise as store_open()
 * and store_opening_check(). */
MUST_USE enum err store_opening_begin(struct store_opening *opening, const struct server_limits *limits,
                                      struct err_text *why);

/* One more try, of a struct store_opening; as store_open(). */
MUST_USE enum err store_opening_try(void *opening, struct store **store, struct err_text *why);

/* Whether the store takes what these limits let in. ERR_CONFIG: what to do. */
MUST_USE enum err store_opening_check(const struct store_opening *opening, const struct server_limits *limits,
                                      struct err_text *why);

void store_opening_log(const struct store_opening *opening);

#endif
