/* gap_list: what was lost in one transaction, as few gaps as it takes. Pure. */
#ifndef BOURDON_SPOOL_GAP_LIST_H
#define BOURDON_SPOOL_GAP_LIST_H

#include "tunnel/batch.h"

enum { GAP_LIST_MAX = 64 };
_Static_assert((int)GAP_LIST_MAX <= (int)BATCH_GAPS_MAX, "a list fits one batch");

struct gap_list { /* all zero = empty */
    size_t count;
    struct gap gaps[GAP_LIST_MAX];
};

/*
 * Adds a gap. It becomes part of the last one if that has the same reason and link, knows its times as well
 * or as little, and ends just before it, or if the list is full: then the sequences in between count as lost
 * too, but the readings stay exact. Times that cannot be (of a damaged row) count as unknown.
 */
void gap_list_add(struct gap_list *list, const struct gap *gap);

#endif
