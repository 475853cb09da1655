/*
 * question: what `bourdon readings` is asked, and the two that answer it: a store's file and a bourdon-web.
 * Both write the same bytes to `file`.
 */
#ifndef BOURDON_CLIENT_READINGS_QUESTION_H
#define BOURDON_CLIENT_READINGS_QUESTION_H

#include "https.h"
#include "output.h"
#include "store/aggregate.h"
#include "store/reading_search.h"

struct readings_question {
    const char *source; /* path, or URL */
    struct https_files tls;
    struct reading_search search;
    uint64_t last;    /* newest so many; 0 = all */
    int64_t every_us; /* 0 = as they are */
    enum aggregate_kind kind;
    enum output_format format;
};

MUST_USE enum err readings_from_file(const struct readings_question *question, FILE *file,
                                     struct err_text *why);
/* `last` is not for it. */
MUST_USE enum err readings_from_server(const struct readings_question *question, FILE *file,
                                       struct err_text *why);

#endif
