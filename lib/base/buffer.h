/*
 * buffer: bytes somebody else owns (struct bytes) and bytes we own (struct buffer).
 *
 * Every buffer has a maximum given at its start: bytes that would pass it are refused with ERR_LIMIT and the
 * buffer stays as it was. Not thread-safe.
 */
#ifndef BOURDON_BASE_BUFFER_H
#define BOURDON_BASE_BUFFER_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* A borrowed slice; valid as long as its owner says. */
struct bytes {
    const uint8_t *data;
    size_t size;
};

struct buffer {
    uint8_t *data;   /* owned; NULL while empty */
    size_t start;    /* first byte not yet consumed */
    size_t size;     /* bytes not yet consumed */
    size_t capacity; /* allocated */
    size_t limit;    /* `size` never passes this */
};

/* Starts empty, without allocating. */
void buffer_init(struct buffer *buffer, size_t limit);

/* Frees the memory; the buffer may be used again. */
void buffer_fini(struct buffer *buffer);

/* Forgets the content and keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* Appends `size` bytes. ERR_LIMIT or ERR_NO_MEMORY leave the buffer unchanged. */
MUST_USE enum err buffer_append(struct buffer *buffer, const void *data, size_t size);

/* Appends formatted text without its terminator; the same errors. */
MUST_USE enum err buffer_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

/*
 * Makes room for `size` more bytes behind the content and returns where they go; NULL when that passes the
 * limit or memory is out. buffer_commit() then says how many were written (at most `size`).
 */
uint8_t *buffer_reserve(struct buffer *buffer, size_t size);
void buffer_commit(struct buffer *buffer, size_t size);

/* Drops the first `size` bytes (at most all of them). */
void buffer_consume(struct buffer *buffer, size_t size);

/* The content, valid until the next change. */
struct bytes buffer_bytes(const struct buffer *buffer);

#endif
