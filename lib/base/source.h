/* source: a copy of a text file that knows where its lines begin, to point into. Not thread-safe. */
#ifndef BOURDON_BASE_SOURCE_H
#define BOURDON_BASE_SOURCE_H

#include "base/buffer.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct source {
    char *name;            /* owned */
    char *text;            /* owned */
    size_t size;           /* bytes of text, below 4 GiB */
    uint32_t *line_starts; /* owned; offset of the first byte of each line */
    uint32_t lines;        /* at least 1 */
};

struct source_position {
    uint32_t line;   /* 1 = first */
    uint32_t column; /* in bytes, 1 = first */
};

/* Copies name and text. ERR_LIMIT or ERR_NO_MEMORY leave nothing to free. */
MUST_USE enum err source_init(struct source *source, const char *name, const char *text, size_t size);
void source_fini(struct source *source);

/* Where a byte is; an offset behind the end means the end. */
struct source_position source_position(const struct source *source, size_t offset);

/* The bytes of a line without its line break; empty if there is no such line. */
struct bytes source_line(const struct source *source, uint32_t line);

#endif
