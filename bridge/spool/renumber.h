/*
 * renumber: makes a batch anew under the next number, because the store has another content under its own:
 * the spool came back from an old copy, or two bridges run with copies of one. One thread, the one of the
 * spool.
 */
#ifndef BOURDON_SPOOL_RENUMBER_H
#define BOURDON_SPOOL_RENUMBER_H

#include "spool/spool.h"

/* Inside a transaction: the old row goes, the new one comes; the new batch goes behind `made`. */
MUST_USE enum err renumber(struct spool *spool, const struct spool_batch *batch, int64_t now_us,
                           struct spool_batches *made, struct err_text *why);

#endif
