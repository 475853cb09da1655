/* view: readings, or buckets of them, as rows for people and machines, wherever they come from. One thread.
 */
#ifndef BOURDON_CLIENT_READINGS_VIEW_H
#define BOURDON_CLIENT_READINGS_VIEW_H

#include "output.h"

struct reading_line {
    int64_t response_us, request_us;
    const char *bridge, *tag, *unit, *quality, *epoch;
    const char *text; /* NULL = no value */
    bool is_number;
    uint64_t seq;
};

struct bucket_line {
    int64_t start_us;
    const char *bridge, *tag, *unit;
    const char *number; /* as decimal_format() writes it; NULL = none */
    uint64_t readings, without_value;
};

/* `file`: where to. All rows are lines of the one kind or of the other. */
struct output reading_view(FILE *file, enum output_format format);
struct output bucket_view(FILE *file, enum output_format format);
void reading_view_show(struct output *output, const struct reading_line *line);
void bucket_view_show(struct output *output, const struct bucket_line *line);

#endif
