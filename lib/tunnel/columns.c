#include "tunnel/columns.h"

#include "tunnel/cbor.h"
#include "tunnel/columns_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    TAG_SIZE_MAX = 10, /* two varints of 32 bits */
    TIME_SIZE_MAX = 5, /* one */
    RUN_SIZE_MAX = 6,  /* a quality and one */
    STAMP_SIZE_MAX = 2 * WIRE_VARINT_MAX,
    COLUMN_HEAD_MAX = 5, /* of a byte string below 4 GiB */
};

enum column column_of(const struct catalog_tag *tag)
{
    if (tag->type == VALUE_STRING) {
        return COLUMN_STRINGS;
    }
    if (tag->words == 1) {
        return COLUMN_BITS16;
    }
    return tag->words == 2 ? COLUMN_BITS32 : COLUMN_BITS64;
}

/* The difference of two values modulo the width, with the small ones of either sign made small numbers. */
static uint64_t fold(enum column column, uint64_t bits, uint64_t before)
{
    uint64_t mask = columns_value_mask(column);
    uint64_t difference = (bits - before) & mask;
    uint64_t negative = difference >> (8 * columns_value_size(column) - 1);
    return (difference << 1 ^ (0 - negative)) & mask;
}

void columns_writer_init(struct columns_writer *writer)
{
    *writer = (struct columns_writer){0};
}

void columns_writer_fini(struct columns_writer *writer)
{
    free(writer->space);
    columns_writer_init(writer);
}

static size_t column_space(const struct columns_size *size, enum column column)
{
    switch (column) {
    case COLUMN_STAMPS:
        return size->stamps * STAMP_SIZE_MAX;
    case COLUMN_TAGS:
        return size->tags * TAG_SIZE_MAX;
    case COLUMN_TIMES:
        return size->readings * TIME_SIZE_MAX;
    case COLUMN_QUALITIES:
        return size->readings * RUN_SIZE_MAX;
    case COLUMN_BITS16:
    case COLUMN_BITS32:
    case COLUMN_BITS64:
    case COLUMN_STRINGS:
        return size->values[column] * columns_value_size(column);
    case COLUMN_COUNT:
        break;
    }
    return 0;
}

static enum err make_space(struct columns_writer *writer, size_t needed)
{
    if (needed <= writer->capacity) {
        return ERR_OK;
    }
    uint8_t *space = realloc(writer->space, needed);
    if (!space) {
        return ERR_NO_MEMORY;
    }
    writer->space = space;
    writer->capacity = needed;
    return ERR_OK;
}

enum err columns_begin(struct columns_writer *writer, const struct columns_size *size, int64_t first_us)
{
    size_t needed = 0;
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        needed += column_space(size, column);
    }
    enum err err = make_space(writer, needed);
    if (err != ERR_OK) {
        return err;
    }
    *writer = (struct columns_writer){
        .space = writer->space, .capacity = writer->capacity, .size = *size, .last_request_us = first_us};
    size_t start = 0;
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        size_t space = column_space(size, column);
        writer->column[column] = wire_writer(writer->space + start, space);
        start += space;
    }
    return ERR_OK;
}

void columns_put_stamp(struct columns_writer *writer, const struct column_stamp *stamp)
{
    struct wire_writer *out = &writer->column[COLUMN_STAMPS];
    wire_write_zigzag(out, stamp->request_us - writer->last_request_us);
    wire_write_zigzag(out, stamp->response_us - stamp->request_us);
    writer->last_request_us = stamp->request_us;
}

void columns_put_tag(struct columns_writer *writer, uint32_t tag, size_t count)
{
    wire_write_varint(&writer->column[COLUMN_TAGS], tag - writer->next_tag);
    wire_write_varint(&writer->column[COLUMN_TAGS], count - 1);
    writer->next_tag = tag + 1;
    writer->last_bits = 0;
    writer->last_stamp = writer->first_stamp;
    writer->at_first = true;
}

static void end_run(struct columns_writer *writer)
{
    if (writer->run > 0) {
        wire_write_u8(&writer->column[COLUMN_QUALITIES], (uint8_t)writer->quality);
        wire_write_varint(&writer->column[COLUMN_QUALITIES], writer->run - 1);
    }
    writer->run = 0;
}

void columns_put_reading(struct columns_writer *writer, uint32_t stamp, enum quality quality)
{
    wire_write_zigzag(&writer->column[COLUMN_TIMES], (int64_t)stamp - writer->last_stamp);
    writer->last_stamp = stamp;
    if (writer->at_first) {
        writer->first_stamp = stamp;
        writer->at_first = false;
    }
    if (quality != writer->quality) {
        end_run(writer);
        writer->quality = quality;
    }
    writer->run++;
}

void columns_put_bits(struct columns_writer *writer, enum column column, uint64_t bits)
{
    size_t count = writer->size.values[column];
    assert(writer->written[column] < count);
    uint8_t *at = writer->column[column].start + writer->written[column]++;
    uint64_t folded = fold(column, bits, writer->last_bits);
    writer->last_bits = bits;
    for (int shift = 8 * (int)(columns_value_size(column) - 1); shift >= 0; shift -= 8) {
        *at = (uint8_t)(folded >> shift);
        at += count;
    }
}

void columns_put_string(struct columns_writer *writer, const uint16_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        wire_write_u16(&writer->column[COLUMN_STRINGS], words[i]);
    }
    writer->written[COLUMN_STRINGS] += count;
}

static size_t column_written(const struct columns_writer *writer, enum column column)
{
    bool in_planes = column == COLUMN_BITS16 || column == COLUMN_BITS32 || column == COLUMN_BITS64;
    return in_planes ? writer->written[column] * columns_value_size(column)
                     : wire_written(&writer->column[column]);
}

enum err columns_end(struct columns_writer *writer, struct buffer *out)
{
    end_run(writer);
    size_t bound = 1;
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        assert(!writer->column[column].failed && writer->written[column] == writer->size.values[column]);
        bound += COLUMN_HEAD_MAX + column_written(writer, column);
    }
    uint8_t *space = buffer_reserve(out, bound);
    if (!space) {
        return bound > out->limit - out->size ? ERR_LIMIT : ERR_NO_MEMORY;
    }
    struct wire_writer body = wire_writer(space, bound);
    cbor_put_array(&body, COLUMN_COUNT);
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        cbor_put_bytes(&body, writer->column[column].start, column_written(writer, column));
    }
    buffer_commit(out, wire_written(&body));
    return ERR_OK;
}

void columns_reader_init(struct columns_reader *reader)
{
    *reader = (struct columns_reader){0};
}

void columns_reader_fini(struct columns_reader *reader)
{
    free(reader->stamps);
    columns_reader_init(reader);
}

/* A stamp takes two bytes at least, and no reading has two. */
static size_t stamps_at_most(const struct columns_reader *reader, const struct batch_view *view)
{
    size_t by_size = reader->column[COLUMN_STAMPS].size / 2;
    return by_size < view->count ? by_size : view->count;
}

static bool read_stamps(struct columns_reader *reader, const struct batch_view *view, size_t at_most)
{
    struct wire_reader wire =
        wire_reader(reader->column[COLUMN_STAMPS].data, reader->column[COLUMN_STAMPS].size);
    int64_t request_us = view->first_us;
    int64_t first_us = INT64_MAX;
    int64_t last_us = -1;
    reader->stamp_count = 0;
    while (wire_left(&wire) > 0) {
        request_us = columns_moved(request_us, wire_read_zigzag(&wire));
        int64_t response_us = columns_moved(request_us, wire_read_zigzag(&wire));
        if (wire.failed || reader->stamp_count == at_most || !batch_is_time(request_us) ||
            !batch_is_time(response_us)) {
            return false;
        }
        reader->stamps[reader->stamp_count++] = (struct column_stamp){request_us, response_us};
        first_us = request_us < first_us ? request_us : first_us;
        last_us = response_us > last_us ? response_us : last_us;
    }
    return !wire.failed && first_us == view->first_us && last_us == view->last_us;
}

static enum err make_stamp_space(struct columns_reader *reader, size_t count)
{
    if (count <= reader->stamp_capacity) {
        return ERR_OK;
    }
    struct column_stamp *stamps = realloc(reader->stamps, count * sizeof *stamps);
    if (!stamps) {
        return ERR_NO_MEMORY;
    }
    reader->stamps = stamps;
    reader->stamp_capacity = count;
    return ERR_OK;
}

enum err columns_open(struct columns_reader *reader, struct bytes body, const struct batch_view *view,
                      struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(body);
    cbor_take_array(&cursor, COLUMN_COUNT, COLUMN_COUNT);
    for (enum column column = 0; column < COLUMN_COUNT; column++) {
        reader->column[column] = cbor_take_bytes(&cursor, 0, BATCH_BODY_MAX);
    }
    if (!cbor_cursor_done(&cursor)) {
        return err_set(why, ERR_MALFORMED, "batch: the body is not %d columns", COLUMN_COUNT);
    }
    size_t at_most = stamps_at_most(reader, view);
    if (make_stamp_space(reader, at_most) != ERR_OK) {
        return err_set(why, ERR_NO_MEMORY, "batch: out of memory");
    }
    if (!read_stamps(reader, view, at_most)) {
        return err_set(why, ERR_MALFORMED, "batch: the times are malformed or not those of the head");
    }
    return ERR_OK;
}
