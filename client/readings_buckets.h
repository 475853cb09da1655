/* readings_buckets: the readings of a search gathered into buckets, as rows. For `bourdon readings --every`.
 */
#ifndef BOURDON_CLIENT_READINGS_BUCKETS_H
#define BOURDON_CLIENT_READINGS_BUCKETS_H

#include "output.h"
#include "store/reading_series.h"

struct readings_buckets {
    struct reading_search search;
    int64_t every_us;
    enum aggregate_kind kind;
    enum output_format format;
};

MUST_USE enum err readings_buckets_show(struct db *db, const struct readings_buckets *buckets, FILE *file,
                                        struct err_text *why);

#endif
