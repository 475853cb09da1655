#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *buffer, size_t limit)
{
    *buffer = (struct buffer){.limit = limit};
}

void buffer_fini(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer, buffer->limit);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->start = 0;
    buffer->size = 0;
}

static size_t grown_capacity(const struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    return capacity;
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t size)
{
    if (size > buffer->limit - buffer->size) {
        return NULL;
    }
    size_t needed = buffer->size + size;
    if (buffer->start + needed > buffer->capacity && buffer->start > 0) {
        memmove(buffer->data, buffer->data + buffer->start, buffer->size);
        buffer->start = 0;
    }
    if (needed > buffer->capacity || !buffer->data) {
        size_t capacity = grown_capacity(buffer, needed);
        uint8_t *data = realloc(buffer->data, capacity);
        if (!data) {
            return NULL;
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->start + buffer->size;
}

void buffer_commit(struct buffer *buffer, size_t size)
{
    assert(buffer->start + buffer->size + size <= buffer->capacity);
    buffer->size += size;
}

enum err buffer_append(struct buffer *buffer, const void *data, size_t size)
{
    if (size == 0) {
        return ERR_OK;
    }
    if (size > buffer->limit - buffer->size) {
        return ERR_LIMIT;
    }
    uint8_t *room = buffer_reserve(buffer, size);
    if (!room) {
        return ERR_NO_MEMORY;
    }
    memcpy(room, data, size);
    buffer_commit(buffer, size);
    return ERR_OK;
}

enum err buffer_format(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text;
    int size = vasprintf(&text, format, args);
    va_end(args);
    if (size < 0) {
        return ERR_NO_MEMORY;
    }
    enum err err = buffer_append(buffer, text, (size_t)size);
    free(text);
    return err;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    if (size >= buffer->size) {
        buffer_clear(buffer);
        return;
    }
    buffer->start += size;
    buffer->size -= size;
}

struct bytes buffer_bytes(const struct buffer *buffer)
{
    if (buffer->size == 0) {
        return (struct bytes){0};
    }
    return (struct bytes){.data = buffer->data + buffer->start, .size = buffer->size};
}
