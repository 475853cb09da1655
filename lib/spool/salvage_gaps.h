/* salvage_gaps: tells the server what a damaged spool has lost. Used by salvage only. */
#ifndef BOURDON_SPOOL_SALVAGE_GAPS_H
#define BOURDON_SPOOL_SALVAGE_GAPS_H

#include "spool/spool.h"

/*
 * Appends the gaps to the spool that was made of what was left, one without numbers if there is none: who
 * knows what else the file had. Numbers that cannot have been become all that can; a gap without times gets
 * those of its neighbours, between which the readings were taken.
 */
MUST_USE enum err salvage_gaps_add(const struct spool_options *options, struct gap_list *lost, int64_t now_us,
                                   struct err_text *why);

#endif
