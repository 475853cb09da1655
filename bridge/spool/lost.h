/*
 * lost: what of a range of sequences a store should have and does not: neither does the spool still hold it
 * (to be sent, or in quarantine), nor does a gap record that waits in the spool account for it.
 *
 * What the ack log knows of it comes with its readings and times; what it no longer knows, with none. One
 * thread, the one of the spool; the tables are read in the transaction of the caller.
 */
#ifndef BOURDON_SPOOL_LOST_H
#define BOURDON_SPOOL_LOST_H

#include "spool/spool.h"

enum {
    LOST_GAPS_MAX = 4096
}; /* of those that wait in the spool; more are not looked at: at worst told twice */

struct lost;

/* Borrows the spool. */
MUST_USE enum err lost_new(struct spool *spool, struct lost **lost, struct err_text *why);
void lost_free(struct lost *lost); /* NULL is fine */

/* Reads the gap records that wait in the spool, for the calls that follow. */
MUST_USE enum err lost_begin(struct lost *lost, struct err_text *why);
/* Adds what is lost of `first` to `last`, which are made already, to `gaps`. */
MUST_USE enum err lost_list(struct lost *lost, uint64_t first, uint64_t last, struct gap_list *gaps,
                            struct err_text *why);

/* When the newest batch that the spool has, or had, ends; wall, 0 = it never had one. */
MUST_USE enum err lost_newest_us(struct lost *lost, int64_t *newest_us, struct err_text *why);

#endif
