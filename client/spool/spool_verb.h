/* spool_verb: what the sub-verbs of `bourdon spool` share: their arguments, understood, and one file each. */
#ifndef BOURDON_CLIENT_SPOOL_SPOOL_VERB_H
#define BOURDON_CLIENT_SPOOL_SPOOL_VERB_H

#include "base/err.h"
#include "output.h"

struct spool_request {
    const char *path;
    enum output_format format;
    uint64_t last;      /* list: 0 = all */
    uint64_t seq;       /* dump */
    const char *tag;    /* export: pattern, NULL = all */
    const char *bridge; /* repair: NULL = as the file says */
};

/*
 * Each opens the file itself. ERR_CORRUPT: the file is damaged. `*sound`, true before, says whether what was
 * asked for is as it should be; if not, the rows that were shown say why.
 */
MUST_USE enum err spool_stat(const struct spool_request *request, bool *sound, struct err_text *why);
MUST_USE enum err spool_list(const struct spool_request *request, bool *sound, struct err_text *why);
MUST_USE enum err spool_dump(const struct spool_request *request, bool *sound, struct err_text *why);
MUST_USE enum err spool_check(const struct spool_request *request, bool *sound, struct err_text *why);
MUST_USE enum err spool_repair(const struct spool_request *request, bool *sound, struct err_text *why);
MUST_USE enum err spool_export(const struct spool_request *request, bool *sound, struct err_text *why);

/* Ends the output; gives `result` unless standard output was closed. */
MUST_USE enum err spool_finish(struct output *output, enum err result, struct err_text *why);

#endif
