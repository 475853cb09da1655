/*
 * wire: bounded cursors over bytes, with a sticky error.
 *
 * A reader never passes its end: the first read that would sets `failed`, and from then on every read gives
 * zeros. A decoder reads all its fields and asks wire_reader_done() once: true only if nothing failed and no
 * byte is left over. A writer works the same way on a fixed space.
 *
 * Network byte order (big-endian) throughout. Variable-length integers are LEB128: 7 bits a byte, least
 * significant first, at most 10 bytes, the shortest form only. Pure, no allocation, any thread.
 */
#ifndef BOURDON_BASE_WIRE_H
#define BOURDON_BASE_WIRE_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_VARINT_MAX = 10 };

struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct wire_writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

struct wire_reader wire_reader(const void *data, size_t size);
size_t wire_left(const struct wire_reader *reader);
bool wire_reader_done(const struct wire_reader *reader);
uint8_t wire_read_u8(struct wire_reader *reader);
uint16_t wire_read_u16(struct wire_reader *reader);
uint32_t wire_read_u32(struct wire_reader *reader);
uint64_t wire_read_u64(struct wire_reader *reader);
uint64_t wire_read_long_varint(struct wire_reader *reader);
static inline uint64_t wire_read_varint(struct wire_reader *reader)
{
    bool is_short = reader->at < reader->end && *reader->at < 0x80; /* by far the most are */
    return is_short ? *reader->at++ : wire_read_long_varint(reader);
}
static inline int64_t wire_read_zigzag(struct wire_reader *reader)
{
    uint64_t value = wire_read_varint(reader);
    return (int64_t)(value >> 1 ^ (~(value & 1) + 1));
}
/* Passes over so many of them without looking at their form. */
void wire_skip_varints(struct wire_reader *reader, uint64_t count);
/* The next `size` bytes as a slice of the input; an empty slice with data NULL on failure. */
struct bytes wire_read_bytes(struct wire_reader *reader, size_t size);
void wire_read_fail(struct wire_reader *reader);

struct wire_writer wire_writer(void *space, size_t size);
size_t wire_written(const struct wire_writer *writer);
void wire_write_u8(struct wire_writer *writer, uint8_t value);
void wire_write_u16(struct wire_writer *writer, uint16_t value);
void wire_write_u32(struct wire_writer *writer, uint32_t value);
void wire_write_u64(struct wire_writer *writer, uint64_t value);
void wire_write_varint(struct wire_writer *writer, uint64_t value);
void wire_write_zigzag(struct wire_writer *writer, int64_t value);
void wire_write_bytes(struct wire_writer *writer, const void *data, size_t size);

#endif
