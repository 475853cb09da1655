/*
 * memo: what was found out about a key of bytes, kept in memory: a hash table. Nothing is forgotten but by
 * memo_clear(), so that values may be pointed to until then. One thread.
 */
#ifndef BOURDON_SERVER_STORE_MEMO_H
#define BOURDON_SERVER_STORE_MEMO_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct memo;

/* `limit`: of the costs of all entries together, for memo_is_over(). `forget` frees a value; may be NULL.
 * NULL: out of memory. */
MUST_USE struct memo *memo_new(size_t limit, void (*forget)(void *value));
void memo_free(struct memo *memo); /* NULL is fine */

/* NULL: not known. */
void *memo_find(const struct memo *memo, struct bytes key);
/* Copies the key, which is not known yet, and takes the value over. ERR_NO_MEMORY: it is still the caller's.
 */
MUST_USE enum err memo_keep(struct memo *memo, struct bytes key, void *value, size_t cost);
/* Whether the costs are beyond the limit: time to clear it. Whoever uses it can find out again. */
bool memo_is_over(const struct memo *memo);
void memo_clear(struct memo *memo);

#endif
