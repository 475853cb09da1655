/* tag_limits: limits and deadband of one tag, from text to numbers. Pure. */
#ifndef BOURDON_FIELD_TAG_LIMITS_H
#define BOURDON_FIELD_TAG_LIMITS_H

#include "field/field_options.h"

struct tag_limits {
    bool bounded;
    double low, high;
    double deadband; /* engineering units; < 0 = report every reading */
};
/* False with the offending key in `*key` and what it should be in `*hint`. */
bool tag_limits_parse(const struct tag_options *tag, struct tag_limits *limits, const char **key,
                      const char **hint);

#endif
