/* line_reader: lines of a stream, each at most LINE_READER_MAX bytes. One thread. */
#ifndef BOURDON_CLIENT_LINE_READER_H
#define BOURDON_CLIENT_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { LINE_READER_MAX = 64 * 1024 };

enum line_kind {
    LINE_GOOD,
    LINE_TOO_LONG, /* was read to its end and dropped */
    LINE_HAS_NUL,
    LINE_END,    /* of the stream */
    LINE_FAILED, /* errno says why */
};

struct line_reader {
    FILE *file;
    uint64_t number; /* of the line just read, from 1 */
    size_t size;
    char text[LINE_READER_MAX + 1]; /* without its end (LF or CR LF), with a NUL */
};

enum line_kind line_reader_next(struct line_reader *reader);

#endif
