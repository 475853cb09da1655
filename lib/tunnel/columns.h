/*
 * columns: the body of a batch of readings: like things beside each other, so that little is left of them.
 *
 * The body is a CBOR array of eight byte strings, in the order of enum column. Readings are in order of tag,
 * then as taken; docs/protocol.md describes each column. Pure; a writer or reader belongs to one thread.
 */
#ifndef BOURDON_TUNNEL_COLUMNS_H
#define BOURDON_TUNNEL_COLUMNS_H

#include "base/wire.h"
#include "tunnel/batch.h"

enum column {
    COLUMN_STAMPS,    /* the pairs of request and response time that the readings refer to */
    COLUMN_TAGS,      /* which tags, and how many readings of each */
    COLUMN_TIMES,     /* which stamp each reading has */
    COLUMN_QUALITIES, /* in runs */
    COLUMN_BITS16,    /* values of one word, … */
    COLUMN_BITS32,    /* … two words … */
    COLUMN_BITS64,    /* … and four words, as differences in planes of bytes */
    COLUMN_STRINGS,   /* words of strings, as they are */
    COLUMN_COUNT
};

/* Where the value of a tag goes: COLUMN_BITS16 … COLUMN_STRINGS. */
enum column column_of(const struct catalog_tag *tag);

struct column_stamp {
    int64_t request_us;
    int64_t response_us;
};

/* How many of each there will be, so that every column gets its space at once. */
struct columns_size {
    size_t stamps, tags, readings;
    size_t values[COLUMN_COUNT]; /* of BITS16, BITS32, BITS64: values; of STRINGS: words */
};

struct columns_writer {
    uint8_t *space; /* owned; every column has its part of it */
    size_t capacity;
    struct wire_writer column[COLUMN_COUNT];
    struct columns_size size;
    size_t written[COLUMN_COUNT]; /* values */
    int64_t last_request_us;
    uint32_t next_tag;
    uint32_t last_stamp, first_stamp; /* of the tag before */
    uint64_t last_bits;
    bool at_first;        /* the next reading is the first of its tag */
    enum quality quality; /* of the run */
    size_t run;
};

void columns_writer_init(struct columns_writer *writer);
void columns_writer_fini(struct columns_writer *writer);

/* Starts a body. `first_us` is the smallest request time. ERR_NO_MEMORY. */
MUST_USE enum err columns_begin(struct columns_writer *writer, const struct columns_size *size,
                                int64_t first_us);
void columns_put_stamp(struct columns_writer *writer, const struct column_stamp *stamp);
/* Tags in ascending order; then the `count` readings of it, then the next. */
void columns_put_tag(struct columns_writer *writer, uint32_t tag, size_t count);
void columns_put_reading(struct columns_writer *writer, uint32_t stamp, enum quality quality);
/* The value of the reading just put, unless it is bad. `column` is that of the tag. */
void columns_put_bits(struct columns_writer *writer, enum column column, uint64_t bits);
void columns_put_string(struct columns_writer *writer, const uint16_t *words, size_t count);
/* Appends the body to `out`; ERR_LIMIT or ERR_NO_MEMORY from it. */
MUST_USE enum err columns_end(struct columns_writer *writer, struct buffer *out);

struct columns_reader {
    struct bytes column[COLUMN_COUNT];
    struct column_stamp *stamps; /* owned */
    size_t stamp_count, stamp_capacity;
};

void columns_reader_init(struct columns_reader *reader);
void columns_reader_fini(struct columns_reader *reader);

/* Cuts the body into its columns and reads the stamps, which must span exactly first_us to last_us of the
 * view. The body must stay until the last columns_walk(). ERR_MALFORMED, ERR_NO_MEMORY. */
MUST_USE enum err columns_open(struct columns_reader *reader, struct bytes body,
                               const struct batch_view *view, struct err_text *why);

/* Goes through all readings; `visitor` (NULL: check only) gets each. ERR_MALFORMED, or what the visitor
 * returned. */
MUST_USE enum err columns_walk(const struct columns_reader *reader, const struct batch_view *view,
                               const struct catalog *catalog, const struct batch_visitor *visitor,
                               struct err_text *why);

/* Hands out the readings of one tag, if there are any, and passes over what is before them. What it passes
 * over and what follows is not checked: for a body that columns_walk() accepted once. */
MUST_USE enum err columns_walk_tag(const struct columns_reader *reader, const struct batch_view *view,
                                   const struct catalog *catalog, uint32_t tag,
                                   const struct batch_visitor *visitor, struct err_text *why);

#endif
