/*
 * dropper: makes room in a spool that is full or holds batches that are too old: lowest priority first, then
 * oldest. Gap records are never dropped. What goes is added to a list of gaps that the caller appends in the
 * same transaction. One thread, the one of the spool.
 */
#ifndef BOURDON_SPOOL_DROPPER_H
#define BOURDON_SPOOL_DROPPER_H

#include "spool/spool.h"

enum { DROPPER_ROWS_MAX = 256 }; /* rows of one call: keeps transactions and their log small */

struct dropper;

/* Borrows the spool. */
MUST_USE enum err dropper_new(struct spool *spool, struct dropper **dropper, struct err_text *why);
void dropper_free(struct dropper *dropper); /* NULL is fine */

/*
 * Inside a transaction: drops at least `bytes` of encoded batches, or DROPPER_ROWS_MAX rows, or all there is:
 * what the server rejected first, which will never be delivered. `*dropped` counts the bytes.
 */
MUST_USE enum err dropper_make_room(struct dropper *dropper, int64_t bytes, struct gap_list *gaps,
                                    int64_t *dropped, struct err_text *why);
/* Inside a transaction: drops batches whose last reading is older than `before_us` (wall). */
MUST_USE enum err dropper_expire(struct dropper *dropper, int64_t before_us, struct gap_list *gaps,
                                 struct err_text *why);

#endif
