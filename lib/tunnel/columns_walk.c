#include "tunnel/columns_private.h"
#include "tunnel/value.h"

static uint64_t unfold(enum column column, uint64_t folded, uint64_t before)
{
    return (before + (folded >> 1 ^ (0 - (folded & 1)))) & columns_value_mask(column);
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
        walk->values[column] = reader->column[column].size / columns_value_size(column);
        if (reader->column[column].size % columns_value_size(column) != 0) {
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
    int64_t stamp = columns_moved(walk->stamp, wire_read_zigzag(&walk->times));
    if (walk->times.failed || stamp < 0 || (uint64_t)stamp >= walk->columns->stamp_count) {
        return false;
    }
    walk->stamp = stamp;
    reading->request_us = walk->columns->stamps[stamp].request_us;
    reading->response_us = walk->columns->stamps[stamp].response_us;
    return true;
}

static bool start_run(struct walk *walk)
{
    walk->quality = wire_read_u8(&walk->qualities);
    walk->run = wire_read_varint(&walk->qualities) + 1;
    return !walk->qualities.failed && walk->run > 0 && quality_is_known((enum quality)walk->quality);
}

static bool take_quality(struct walk *walk, struct reading *reading)
{
    if (walk->run == 0 && !start_run(walk)) {
        return false;
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
    for (size_t i = 0; i < columns_value_size(column); i++) {
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

/* ---- one tag ---- */

/* How many of the next `count` readings have a value. */
static bool skip_qualities(struct walk *walk, uint64_t count, uint64_t *valued)
{
    *valued = 0;
    while (count > 0) {
        if (walk->run == 0 && !start_run(walk)) {
            return false;
        }
        uint64_t skipped = walk->run < count ? walk->run : count;
        walk->run -= skipped;
        count -= skipped;
        *valued += quality_has_value((enum quality)walk->quality) ? skipped : 0;
    }
    return true;
}

static bool skip_values(struct walk *walk, const struct catalog_tag *tag, uint64_t count)
{
    enum column column = column_of(tag);
    if (column == COLUMN_STRINGS) {
        (void)wire_read_bytes(&walk->strings, count * tag->words * columns_value_size(column));
        return !walk->strings.failed;
    }
    bool there = count <= walk->values[column] - walk->taken[column];
    walk->taken[column] += there ? count : 0;
    return there;
}

/* Passes over a tag: the next one refers to its first stamp, and to where its parts of the columns end. */
static bool skip_tag(struct walk *walk, const struct catalog_tag *tag, uint64_t count)
{
    uint64_t valued;
    walk->first_stamp = columns_moved(walk->stamp, wire_read_zigzag(&walk->times));
    if (count > 1) {
        wire_skip_varints(&walk->times, count - 1);
    }
    return !walk->times.failed && skip_qualities(walk, count, &valued) && skip_values(walk, tag, valued);
}

enum err columns_walk_tag(const struct columns_reader *reader, const struct batch_view *view,
                          const struct catalog *catalog, uint32_t tag, const struct batch_visitor *visitor,
                          struct err_text *why)
{
    struct walk walk;
    struct reading reading = {0};
    uint64_t left = start_walk(&walk, reader, catalog) ? view->count : 0;
    bool good = left > 0;
    for (uint64_t count = 0; good && left > 0; left -= count) {
        good = take_tag(&walk, &reading, left, &count);
        if (good && reading.tag > tag) {
            return ERR_OK;
        }
        if (good && reading.tag == tag) {
            enum err err = walk_tag(&walk, &reading, count, visitor);
            return err == ERR_MALFORMED ? err_set(why, err, "batch: the columns do not fit tag %u", tag)
                                        : err;
        }
        good = good && skip_tag(&walk, catalog_tag(catalog, reading.tag), count);
    }
    return good ? ERR_OK : err_set(why, ERR_MALFORMED, "batch: the columns before tag %u are malformed", tag);
}
