/* salvage_gaps: tells the server what a damaged spool has lost. Used by salvage only. */
#ifndef BOURDON_SPOOL_SALVAGE_GAPS_H
#define BOURDON_SPOOL_SALVAGE_GAPS_H

#include "spool/spool.h"

/*
 * Adds to `lost`, the batches that were set aside, every other number that is missing, and appends all of it
 * to the spool that was made of what was left; a gap without numbers if none is missing. A gap without times
 * gets those of its neighbours, between which the readings were taken.
 */
MUST_USE enum err salvage_gaps_add(const struct spool_options *options, struct gap_list *lost, int64_t now_us,
                                   struct err_text *why);

#endif
