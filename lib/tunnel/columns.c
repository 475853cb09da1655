#include "tunnel/columns.h"

#include "tunnel/cbor.h"
#include "tunnel/value.h"

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

/* Bytes of one value in each column of values. */
static const uint8_t value_size[COLUMN_COUNT] = {
    [COLUMN_BITS16] = 2, [COLUMN_BITS32] = 4, [COLUMN_BITS64] = 8, [COLUMN_STRINGS] = 2};

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

static uint64_t mask_of(enum column column)
{
    return UINT64_MAX >> (64 - 8 * value_size[column]);
}

/* The difference of two values modulo the width, with the small ones of either sign made small numbers. */
static uint64_t fold(enum column column, uint64_t bits, uint64_t before)
{
    uint64_t mask = mask_of(column);
    uint64_t difference = (bits - before) & mask;
    uint64_t negative = difference >> (8 * value_size[column] - 1);
    return (difference << 1 ^ (0 - negative)) & mask;
}

static uint64_t unfold(enum column column, uint64_t folded, uint64_t before)
{
    return (before + (folded >> 1 ^ (0 - (folded & 1)))) & mask_of(column);
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
        return size->values[column] * value_size[column];
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
    for (int shift = 8 * (value_size[column] - 1); shift >= 0; shift -= 8) {
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
    return in_planes ? writer->written[column] * value_size[column] : wire_written(&writer->column[column]);
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

/* Sums modulo 2^64: whatever the differences are, the result is checked. */
static int64_t moved(int64_t time_us, int64_t difference_us)
{
    return (int64_t)((uint64_t)time_us + (uint64_t)difference_us);
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
        request_us = moved(request_us, wire_read_zigzag(&wire));
        int64_t response_us = moved(request_us, wire_read_zigzag(&wire));
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

/* The way through the columns: where each is, and what the differences refer to. */
struct walk {
    const struct columns_reader *columns;
    const struct catalog *catalog;
    struct wire_reader tags, times, qualities, strings;
    size_t values[COLUMN_COUNT]; /* in the column, by its size */
    size_t taken[COLUMN_COUNT];
    uint64_t next_tag;
    int64_t first_stamp, stamp;
    uint64_t bits;
    uint8_t quality;
    uint64_t run;
};

static struct wire_reader column_wire(const struct columns_reader *reader, enum column column)
{
    return wire_reader(reader->column[column].data, reader->column[column].size);
}

static bool start_walk(struct walk *walk, const struct columns_reader *reader, const struct catalog *catalog)
{
    *walk = (struct walk){.columns = reader, .catalog = catalog};
    walk->tags = column_wire(reader, COLUMN_TAGS);
    walk->times = column_wire(reader, COLUMN_TIMES);
    walk->qualities = column_wire(reader, COLUMN_QUALITIES);
    walk->strings = column_wire(reader, COLUMN_STRINGS);
    for (enum column column = COLUMN_BITS16; column <= COLUMN_BITS64; column++) {
        walk->values[column] = reader->column[column].size / value_size[column];
        if (reader->column[column].size % value_size[column] != 0) {
            return false;
        }
    }
    return true;
}

static bool take_tag(struct walk *walk, struct reading *reading, uint64_t left, uint64_t *count)
{
    uint64_t skipped = wire_read_varint(&walk->tags);
    uint64_t more = wire_read_varint(&walk->tags);
    size_t tags = catalog_count(walk->catalog);
    if (walk->tags.failed || walk->next_tag >= tags || skipped >= tags - walk->next_tag || more >= left) {
        return false;
    }
    reading->tag = (uint32_t)(walk->next_tag + skipped);
    walk->next_tag = (uint64_t)reading->tag + 1;
    walk->bits = 0;
    walk->stamp = walk->first_stamp;
    *count = more + 1;
    return true;
}

static bool take_time(struct walk *walk, struct reading *reading)
{
    int64_t stamp = moved(walk->stamp, wire_read_zigzag(&walk->times));
    if (walk->times.failed || stamp < 0 || (uint64_t)stamp >= walk->columns->stamp_count) {
        return false;
    }
    walk->stamp = stamp;
    reading->request_us = walk->columns->stamps[stamp].request_us;
    reading->response_us = walk->columns->stamps[stamp].response_us;
    return true;
}

static bool take_quality(struct walk *walk, struct reading *reading)
{
    if (walk->run == 0) {
        walk->quality = wire_read_u8(&walk->qualities);
        walk->run = wire_read_varint(&walk->qualities) + 1;
        if (walk->qualities.failed || walk->run == 0 || !quality_is_known((enum quality)walk->quality)) {
            return false;
        }
    }
    walk->run--;
    reading->quality = (enum quality)walk->quality;
    return true;
}

static bool take_bits(struct walk *walk, const struct catalog_tag *tag, enum column column,
                      struct reading *reading)
{
    if (walk->taken[column] == walk->values[column]) {
        return false;
    }
    const uint8_t *at = walk->columns->column[column].data + walk->taken[column]++;
    uint64_t folded = 0;
    for (size_t i = 0; i < value_size[column]; i++) {
        folded = folded << 8 | *at;
        at += walk->values[column];
    }
    walk->bits = unfold(column, folded, walk->bits);
    value_split_words(tag->order, walk->bits, reading->words, tag->words);
    return true;
}

static bool take_string(struct walk *walk, const struct catalog_tag *tag, struct reading *reading)
{
    for (size_t i = 0; i < tag->words; i++) {
        reading->words[i] = wire_read_u16(&walk->strings);
    }
    return !walk->strings.failed;
}

static bool take_value(struct walk *walk, const struct catalog_tag *tag, struct reading *reading)
{
    reading->word_count = 0;
    if (!quality_has_value(reading->quality)) {
        return true;
    }
    reading->word_count = tag->words;
    enum column column = column_of(tag);
    if (column == COLUMN_STRINGS) {
        return take_string(walk, tag, reading);
    }
    return take_bits(walk, tag, column, reading) && value_words_fit(tag, reading->words, tag->words);
}

static bool walk_done(const struct walk *walk)
{
    bool done = wire_reader_done(&walk->tags) && wire_reader_done(&walk->times) &&
                wire_reader_done(&walk->qualities) && wire_reader_done(&walk->strings) && walk->run == 0;
    for (enum column column = COLUMN_BITS16; column <= COLUMN_BITS64; column++) {
        done = done && walk->taken[column] == walk->values[column];
    }
    return done;
}

static enum err walk_tag(struct walk *walk, struct reading *reading, uint64_t count,
                         const struct batch_visitor *visitor)
{
    const struct catalog_tag *tag = catalog_tag(walk->catalog, reading->tag);
    for (uint64_t i = 0; i < count; i++) {
        if (!take_time(walk, reading) || !take_quality(walk, reading) || !take_value(walk, tag, reading)) {
            return ERR_MALFORMED;
        }
        if (i == 0) {
            walk->first_stamp = walk->stamp;
        }
        enum err err = visitor ? visitor->reading(visitor->owner, reading) : ERR_OK;
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

enum err columns_walk(const struct columns_reader *reader, const struct batch_view *view,
                      const struct catalog *catalog, const struct batch_visitor *visitor,
                      struct err_text *why)
{
    struct walk walk;
    struct reading reading = {0};
    uint64_t left = start_walk(&walk, reader, catalog) ? view->count : 0;
    while (left > 0) {
        uint64_t count = 0;
        if (!take_tag(&walk, &reading, left, &count)) {
            return err_set(why, ERR_MALFORMED, "batch: the column of tags is malformed");
        }
        enum err err = walk_tag(&walk, &reading, count, visitor);
        if (err == ERR_MALFORMED) {
            return err_set(why, err, "batch: the columns do not fit tag %u", reading.tag);
        }
        if (err != ERR_OK) {
            return err;
        }
        left -= count;
    }
    return walk_done(&walk) ? ERR_OK
                            : err_set(why, ERR_MALFORMED, "batch: the columns hold more than the count");
}
