/*
 * show: what was read, as rows: registers as they are, values in every order side by side, or in one order. A
 * table is begun anew with each round, CSV and JSON lines go on. One thread.
 */
#ifndef BOURDON_CLIENT_PROBE_SHOW_H
#define BOURDON_CLIENT_PROBE_SHOW_H

#include "output.h"
#include "probe/guess.h"
#include "probe/target.h"

enum { SHOW_COLUMNS_MAX = 5 + GUESS_ORDERS };

struct probe_sample {
    const struct plc_span *span;
    const uint16_t *words;
    int64_t request_us;
    int64_t response_us;
};

struct show_columns {
    char names[GUESS_ORDERS][16];
    struct output_column all[SHOW_COLUMNS_MAX];
    size_t count;
};

struct show {
    enum output_format format;
    struct probe_view view;
    struct output stream; /* CSV and JSON: begun by the first round … */
    struct show_columns columns;
    bool streaming;
};

/* The show stays where it is from its first round on. */
struct show show_start(enum output_format format, const struct probe_view *view);
/* False: could not be written. */
bool show_round(struct show *show, const struct probe_sample *sample);
bool show_finish(struct show *show);

#endif
