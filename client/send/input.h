/*
 * input: readings as lines of text, CSV or JSON, into a series. One thread.
 *
 * CSV begins with a line that names its columns, in any order: tag and value, and if need be time, unit and
 * quality. A JSON line is one object with those keys. Columns and keys that `bourdon readings` writes besides
 * are passed over, so that its output is an input; others are an error. The first character of the input
 * tells the two apart.
 */
#ifndef BOURDON_CLIENT_SEND_INPUT_H
#define BOURDON_CLIENT_SEND_INPUT_H

#include "line_reader.h"
#include "send/series.h"

enum { INPUT_COMPLAINTS_MAX = 20 }; /* bad lines that are shown; the others are counted */

struct input {
    FILE *file;
    const char *name;                              /* for messages: "line 12 of standard input" */
    struct series *series;                         /* where good readings go */
    FILE *complaints;                              /* where bad lines are said */
    void (*progress)(void *owner, uint64_t lines); /* called every so many lines; may be NULL */
    void *owner;
    uint64_t lines, bad; /* what was found */
};

/*
 * Reads to the end. Bad lines are said and counted in `bad`; everything else was added. ERR_CONFIG: the
 * head of the CSV is no head; ERR_LIMIT, ERR_NO_MEMORY: the series takes no more; ERR_IO.
 */
MUST_USE enum err input_read(struct input *input, struct err_text *why);

#endif
