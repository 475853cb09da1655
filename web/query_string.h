/*
 * query_string: what follows the ? of a request: names and values (application/x-www-form-urlencoded),
 * decoded.
 *
 * Strict: at most QUERY_PARAMETERS_MAX, each name once and not empty, UTF-8 without control characters, no
 * broken escape. Pure; the texts lie in the structure.
 */
#ifndef BOURDON_WEB_QUERY_STRING_H
#define BOURDON_WEB_QUERY_STRING_H

#include "base/err.h"

#include <stddef.h>

enum { QUERY_PARAMETERS_MAX = 16, QUERY_SIZE_MAX = 2048 };

struct query_parameter {
    const char *name, *value;
};

struct query_string {
    size_t count;
    struct query_parameter items[QUERY_PARAMETERS_MAX];
    char text[QUERY_SIZE_MAX + 1];
};

/* ERR_LIMIT, ERR_MALFORMED with the reason. */
MUST_USE enum err query_string_read(const char *raw, struct query_string *query, struct err_text *why);

/* NULL: not given. */
const char *query_string_get(const struct query_string *query, const char *name);

#endif
