#include "base/wire.h"

#include <string.h>

struct wire_reader wire_reader(const void *data, size_t size)
{
    const uint8_t *at = data;
    return (struct wire_reader){.at = at, .end = size ? at + size : at};
}

size_t wire_left(const struct wire_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

bool wire_reader_done(const struct wire_reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}

void wire_read_fail(struct wire_reader *reader)
{
    reader->failed = true;
    reader->at = reader->end;
}

struct bytes wire_read_bytes(struct wire_reader *reader, size_t size)
{
    if (reader->failed || size > wire_left(reader)) {
        wire_read_fail(reader);
        return (struct bytes){0};
    }
    struct bytes slice = {.data = reader->at, .size = size};
    if (size > 0) {
        reader->at += size;
    }
    return slice;
}

static uint64_t read_big_endian(struct wire_reader *reader, size_t size)
{
    struct bytes slice = wire_read_bytes(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; i < slice.size; i++) {
        value = value << 8 | slice.data[i];
    }
    return value;
}

uint8_t wire_read_u8(struct wire_reader *reader)
{
    return (uint8_t)read_big_endian(reader, 1);
}

uint16_t wire_read_u16(struct wire_reader *reader)
{
    return (uint16_t)read_big_endian(reader, 2);
}

uint32_t wire_read_u32(struct wire_reader *reader)
{
    return (uint32_t)read_big_endian(reader, 4);
}

uint64_t wire_read_u64(struct wire_reader *reader)
{
    return read_big_endian(reader, 8);
}

uint64_t wire_read_long_varint(struct wire_reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = wire_read_u8(reader);
        bool overflows = shift == 63 && byte > 1;
        bool padded = shift > 0 && byte == 0;
        if (reader->failed || overflows || padded) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            return value;
        }
    }
    wire_read_fail(reader);
    return 0;
}

void wire_skip_varints(struct wire_reader *reader, uint64_t count)
{
    const uint64_t continued = UINT64_C(0x8080808080808080);
    uint64_t eight;
    while (count >= sizeof eight && wire_left(reader) >= sizeof eight) {
        memcpy(&eight, reader->at, sizeof eight);
        if (eight & continued) {
            break;
        }
        reader->at += sizeof eight;
        count -= sizeof eight;
    }
    while (count > 0 && reader->at < reader->end) {
        count -= *reader->at++ < 0x80;
    }
    if (count > 0) {
        wire_read_fail(reader);
    }
}

struct wire_writer wire_writer(void *space, size_t size)
{
    uint8_t *start = space;
    return (struct wire_writer){.start = start, .at = start, .end = size ? start + size : start};
}

size_t wire_written(const struct wire_writer *writer)
{
    return (size_t)(writer->at - writer->start);
}

void wire_write_bytes(struct wire_writer *writer, const void *data, size_t size)
{
    if (writer->failed || size > (size_t)(writer->end - writer->at)) {
        writer->failed = true;
        return;
    }
    if (size > 0) {
        memcpy(writer->at, data, size);
        writer->at += size;
    }
}

static void write_big_endian(struct wire_writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
    wire_write_bytes(writer, bytes, size);
}

void wire_write_u8(struct wire_writer *writer, uint8_t value)
{
    write_big_endian(writer, value, 1);
}

void wire_write_u16(struct wire_writer *writer, uint16_t value)
{
    write_big_endian(writer, value, 2);
}

void wire_write_u32(struct wire_writer *writer, uint32_t value)
{
    write_big_endian(writer, value, 4);
}

void wire_write_u64(struct wire_writer *writer, uint64_t value)
{
    write_big_endian(writer, value, 8);
}

void wire_write_varint(struct wire_writer *writer, uint64_t value)
{
    uint8_t bytes[WIRE_VARINT_MAX];
    size_t size = 0;
    while (value >= 0x80) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    wire_write_bytes(writer, bytes, size);
}

void wire_write_zigzag(struct wire_writer *writer, int64_t value)
{
    uint64_t bits = (uint64_t)value;
    wire_write_varint(writer, bits << 1 ^ (value < 0 ? UINT64_MAX : 0));
}
