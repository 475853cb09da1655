/* csv_line: takes one line of CSV (RFC 4180, comma) apart. Pure, any thread. */
#ifndef BOURDON_CLIENT_CSV_LINE_H
#define BOURDON_CLIENT_CSV_LINE_H

#include "base/err.h"

#include <stddef.h>

enum { CSV_FIELDS_MAX = 64 };

/*
 * Cuts the line in place; fields[CSV_FIELDS_MAX] point into it. ERR_MALFORMED: a quote that is not closed (a
 * field with a line break in it counts as that) or stands in the middle; ERR_LIMIT: too many fields.
 */
MUST_USE enum err csv_line_split(char *line, char **fields, size_t *count, struct err_text *why);

#endif
