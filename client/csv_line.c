#include "csv_line.h"

#include <string.h>

/* Behind the opening quote; moves the content to where the quote was. Returns what follows the closing one.
 */
static char *take_quoted(char *at, char *to)
{
    while (*at && !(*at == '"' && at[1] != '"')) {
        at += *at == '"';
        *to++ = *at++;
    }
    if (!*at) {
        return NULL;
    }
    *to = '\0';
    return at + 1;
}

enum err csv_line_split(char *line, char **fields, size_t *count, struct err_text *why)
{
    char *at = line;
    *count = 0;
    for (;;) {
        if (*count == CSV_FIELDS_MAX) {
            return err_set(why, ERR_LIMIT, "more than %d fields", CSV_FIELDS_MAX);
        }
        char *field = at;
        fields[(*count)++] = field;
        if (*at == '"') {
            at = take_quoted(at + 1, field);
        } else {
            at += strcspn(at, ",\"");
        }
        if (!at) {
            return err_set(why, ERR_MALFORMED, "field %zu: the quote is not closed", *count);
        }
        if (*at != ',' && *at != '\0') {
            return err_set(why, ERR_MALFORMED, "field %zu: a quote in the middle", *count);
        }
        if (*at == '\0') {
            return ERR_OK;
        }
        *at++ = '\0';
    }
}
