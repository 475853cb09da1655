/* spool_identity: whose spool a file is, and the two rows every spool has. Used by spool only. */
#ifndef BOURDON_SPOOL_SPOOL_IDENTITY_H
#define BOURDON_SPOOL_SPOOL_IDENTITY_H

#include "spool/spool.h"

/*
 * Looks through a read-only connection, so that somebody else's spool is not even recovered. ERR_CONFLICT:
 * another bridge's or another program's; ERR_VERSION. `*made`: there is one, and it has its identity.
 */
MUST_USE enum err spool_identity_check(const char *path, const char *bridge, bool *made,
                                       struct err_text *why);
/* Gives a new file its identity, with a random epoch, and its first state, in one transaction. */
MUST_USE enum err spool_identity_make(struct db *db, const char *bridge, int64_t now_us,
                                      struct err_text *why);
MUST_USE enum err spool_identity_read(struct db *db, uint8_t *epoch, struct spool_state *state,
                                      struct err_text *why);

#endif
