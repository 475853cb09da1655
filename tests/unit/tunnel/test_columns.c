/* The columns byte by byte, as docs/protocol.md describes them. */
#include "tunnel/columns.h"

#include "base/array.h"
#include "support/sample.h"
#include "support/suite.h"

#include <string.h>

static struct catalog *catalog;

static void setup(void)
{
    catalog = sample_registers(VALUE_UINT16, 4);
}

static void teardown(void)
{
    catalog_free(catalog);
}

/* The body of three readings: tag 1 at stamps 0 and 1, tag 3 at stamp 0 with a bad quality. */
static const uint8_t sound[] = {
    0x88,                                     /* eight columns */
    0x46, 0x00, 0xc8, 0x01, 0xd0, 0x0f, 0x14, /* stamps: +0 +100, +1000 +10 */
    0x44, 0x01, 0x01, 0x01, 0x00,             /* tags: skip 1, two readings; skip 1, one reading */
    0x43, 0x00, 0x02, 0x00,                   /* times: 0, +1; 0 */
    0x44, 0x00, 0x01, 0x10, 0x00,             /* qualities: 2 × good, 1 × time-out */
    0x44, 0x02, 0x00, 0x58, 0x03,             /* 16 bits: 300 − 0 → 600 = 0x0258; 298 − 300 → 3 */
    0x40, 0x40, 0x40,                         /* 32 bits, 64 bits, strings: none */
};

static const struct batch_view head = {.kind = BATCH_READINGS, .count = 3, .first_us = 5000, .last_us = 6010};

static struct reading seen[8];
static size_t seen_count;

static enum err see(void *owner, const struct reading *reading)
{
    (void)owner;
    seen[seen_count++] = *reading;
    return ERR_OK;
}

static enum err read_body(struct bytes body, const struct batch_view *view)
{
    struct columns_reader reader;
    const struct batch_visitor visitor = {.reading = see};
    seen_count = 0;
    columns_reader_init(&reader);
    enum err err = columns_open(&reader, body, view, NULL);
    if (err == ERR_OK) {
        err = columns_walk(&reader, view, catalog, &visitor, NULL);
    }
    columns_reader_fini(&reader);
    return err;
}

START_TEST(reads_what_the_document_describes)
{
    ck_assert_int_eq(read_body((struct bytes){.data = sound, .size = sizeof sound}, &head), ERR_OK);
    ck_assert_uint_eq(seen_count, 3);
    ck_assert_uint_eq(seen[0].tag, 1);
    ck_assert_int_eq(seen[0].request_us, 5000);
    ck_assert_int_eq(seen[0].response_us, 5100);
    ck_assert_uint_eq(seen[0].words[0], 300);
    ck_assert_uint_eq(seen[1].tag, 1);
    ck_assert_int_eq(seen[1].request_us, 6000);
    ck_assert_int_eq(seen[1].response_us, 6010);
    ck_assert_uint_eq(seen[1].words[0], 298);
    ck_assert_uint_eq(seen[2].tag, 3);
    ck_assert_int_eq(seen[2].quality, QUALITY_BAD_TIMEOUT);
    ck_assert_int_eq(seen[2].request_us, 5000);
    ck_assert_uint_eq(seen[2].word_count, 0);
}
END_TEST

START_TEST(writes_what_the_document_describes)
{
    struct columns_writer writer;
    struct buffer body;
    struct columns_size size = {.stamps = 2, .tags = 2, .readings = 3, .values[COLUMN_BITS16] = 2};
    buffer_init(&body, BATCH_BODY_MAX);
    columns_writer_init(&writer);
    ck_assert_int_eq(columns_begin(&writer, &size, 5000), ERR_OK);
    columns_put_stamp(&writer, &(struct column_stamp){5000, 5100});
    columns_put_stamp(&writer, &(struct column_stamp){6000, 6010});
    columns_put_tag(&writer, 1, 2);
    columns_put_reading(&writer, 0, QUALITY_GOOD);
    columns_put_bits(&writer, COLUMN_BITS16, 300);
    columns_put_reading(&writer, 1, QUALITY_GOOD);
    columns_put_bits(&writer, COLUMN_BITS16, 298);
    columns_put_tag(&writer, 3, 1);
    columns_put_reading(&writer, 0, QUALITY_BAD_TIMEOUT);
    ck_assert_int_eq(columns_end(&writer, &body), ERR_OK);
    ck_assert_uint_eq(body.size, sizeof sound);
    ck_assert_mem_eq(body.data, sound, sizeof sound);
    columns_writer_fini(&writer);
    buffer_fini(&body);
}
END_TEST

START_TEST(refuses_columns_that_do_not_fit_each_other)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t byte;
    } rows[] = {
        {"seven columns", 0, 0x87},
        {"first stamp not the earliest", 2, 0x02},
        {"response later than the head says", 7, 0x16},
        {"tag outside the catalog", 11, 0x02},
        {"more readings than the head says", 12, 0x01},
        {"fewer readings than the head says", 10, 0x00},
        {"unknown stamp", 15, 0x04},
        {"stamp before the first", 15, 0x01},
        {"unknown quality", 20, 0x05},
        {"good without a value", 20, 0x01},
        {"bad with a value left over", 18, 0x10},
        {"run beyond the readings", 21, 0x01},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint8_t body[sizeof sound];
        memcpy(body, sound, sizeof sound);
        body[rows[i].at] = rows[i].byte;
        enum err err = read_body((struct bytes){.data = body, .size = sizeof body}, &head);
        ck_assert_msg(err == ERR_MALFORMED, "%s", rows[i].name);
    }
}
END_TEST

START_TEST(values_wrap_around_their_width)
{
    static const struct {
        enum column column;
        uint64_t first, second;
        uint64_t folded; /* of the second */
    } rows[] = {
        {COLUMN_BITS16, 0xffff, 0x0000, 2},
        {COLUMN_BITS16, 0x0000, 0x8000, 0xffff},
        {COLUMN_BITS32, 0x00000000, 0xffffffff, 1},
        {COLUMN_BITS64, UINT64_MAX, 0, 2},
        {COLUMN_BITS64, 0, UINT64_C(1) << 63, UINT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct columns_writer writer;
        struct columns_size size = {.stamps = 1, .tags = 1, .readings = 2};
        size.values[rows[i].column] = 2;
        columns_writer_init(&writer);
        ck_assert_int_eq(columns_begin(&writer, &size, 0), ERR_OK);
        columns_put_tag(&writer, 0, 2);
        columns_put_bits(&writer, rows[i].column, rows[i].first);
        columns_put_bits(&writer, rows[i].column, rows[i].second);
        size_t width = rows[i].column == COLUMN_BITS16 ? 2 : rows[i].column == COLUMN_BITS32 ? 4 : 8;
        uint64_t folded = 0;
        for (size_t plane = 0; plane < width; plane++) {
            folded = folded << 8 | writer.column[rows[i].column].start[2 * plane + 1];
        }
        ck_assert_msg(folded == rows[i].folded, "row %zu", i);
        columns_writer_fini(&writer);
    }
}
END_TEST

int main(void)
{
    return suite_run_with("columns", setup, teardown,
                          (const TTest *[]){
                              reads_what_the_document_describes,
                              writes_what_the_document_describes,
                              refuses_columns_that_do_not_fit_each_other,
                              values_wrap_around_their_width,
                              NULL,
                          });
}
