#include "tunnel/batch_builder.h"

#include "base/array.h"
#include "support/sample.h"
#include "support/suite.h"
#include "tunnel/batch_decoder.h"

#include <stdlib.h>
#include <string.h>

static const struct batch_identity identity = {.epoch = {0xe0, 1, 2, 3}, .sequence = 812};
static const int64_t start_us = INT64_C(1700000000000000);

struct collected {
    struct reading *readings;
    size_t count, capacity;
};

static enum err collect(void *owner, const struct reading *reading)
{
    struct collected *all = owner;
    if (all->count == all->capacity) {
        all->capacity = all->capacity ? 2 * all->capacity : 64;
        all->readings = reallocarray(all->readings, all->capacity, sizeof *all->readings);
    }
    all->readings[all->count++] = *reading;
    return ERR_OK;
}

static struct batch_view opened(const struct buffer *encoded)
{
    struct batch_view view;
    struct err_text why = {""};
    ck_assert_msg(batch_open(buffer_bytes(encoded), &view, &why) == ERR_OK, "%s", why.text);
    return view;
}

static struct collected decoded(const struct buffer *encoded, const struct catalog *catalog)
{
    struct batch_view view = opened(encoded);
    struct collected all = {0};
    struct err_text why = {""};
    struct batch_decoder *decoder = batch_decoder_new();
    const struct batch_visitor visitor = {.owner = &all, .reading = collect};
    ck_assert_msg(batch_decode(decoder, &view, catalog, &visitor, &why) == ERR_OK, "%s", why.text);
    ck_assert_uint_eq(all.count, view.count);
    batch_decoder_free(decoder);
    return all;
}

static void same_reading(const struct reading *got, const struct reading *expected)
{
    ck_assert_uint_eq(got->tag, expected->tag);
    ck_assert_int_eq(got->quality, expected->quality);
    ck_assert_int_eq(got->request_us, expected->request_us);
    ck_assert_int_eq(got->response_us, expected->response_us);
    ck_assert_uint_eq(got->word_count, expected->word_count);
    ck_assert_mem_eq(got->words, expected->words, expected->word_count * sizeof expected->words[0]);
}

/* By tag, then in the order they came in: `tag` order with a stable sort. */
static void sort_as_in_a_batch(struct reading *readings, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct reading moving = readings[i];
        size_t at = i;
        for (; at > 0 && readings[at - 1].tag > moving.tag; at--) {
            readings[at] = readings[at - 1];
        }
        readings[at] = moving;
    }
}

static void finish_to(struct batch_builder *builder, struct buffer *out)
{
    buffer_init(out, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_builder_finish(builder, &identity, out), ERR_OK);
}

static void round_trip(uint64_t seed)
{
    struct sample sample = sample_seed(seed);
    struct catalog *catalog = sample_catalog(&sample, 1 + sample_below(&sample, 60));
    struct batch_builder *builder = batch_builder_new(catalog);
    size_t count = 1 + sample_below(&sample, 200);
    struct reading *readings = calloc(count, sizeof *readings);
    int64_t now_us = start_us;
    for (size_t i = 0; i < count; i++) {
        readings[i] =
            sample_reading(&sample, catalog, (uint32_t)sample_below(&sample, catalog_count(catalog)));
        now_us += sample_below(&sample, 3) ? 0 : (int64_t)sample_below(&sample, 2000000) - 500000;
        readings[i].request_us = now_us;
        readings[i].response_us = now_us + (int64_t)sample_below(&sample, 50000) - 100;
        ck_assert_int_eq(batch_builder_add(builder, &readings[i]), ERR_OK);
    }
    ck_assert_uint_eq(batch_builder_count(builder), count);
    struct buffer encoded;
    finish_to(builder, &encoded);
    struct collected all = decoded(&encoded, catalog);
    ck_assert_uint_eq(all.count, count);
    sort_as_in_a_batch(readings, count);
    for (size_t i = 0; i < count; i++) {
        same_reading(&all.readings[i], &readings[i]);
    }
    free(all.readings);
    free(readings);
    buffer_fini(&encoded);
    batch_builder_free(builder);
    catalog_free(catalog);
}

START_TEST(what_goes_in_comes_out_in_order_of_tag_then_as_taken)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        round_trip(seed);
    }
}
END_TEST

static void add_scans(struct batch_builder *builder, struct sample *sample, const struct catalog *catalog,
                      size_t scans, unsigned noise)
{
    for (size_t scan = 0; scan < scans; scan++) {
        int64_t request_us = start_us + (int64_t)scan * 1000000 + (int64_t)sample_below(sample, 300);
        int64_t response_us = request_us + 800 + (int64_t)sample_below(sample, 400);
        for (uint32_t tag = 0; tag < catalog_count(catalog); tag++) {
            struct reading reading = {.tag = tag, .request_us = request_us, .response_us = response_us};
            reading.word_count = catalog_tag(catalog, tag)->words;
            for (size_t i = 0; i < reading.word_count; i++) {
                reading.words[i] =
                    (uint16_t)(noise ? 300 + 37 * tag + sample_below(sample, noise) : sample_next(sample));
            }
            ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
        }
    }
}

static size_t size_of_scans(enum value_type type, size_t tags, size_t scans, unsigned noise)
{
    struct sample sample = sample_seed(7);
    struct catalog *catalog = sample_registers(type, tags);
    struct batch_builder *builder = batch_builder_new(catalog);
    add_scans(builder, &sample, catalog, scans, noise);
    struct buffer encoded;
    finish_to(builder, &encoded);
    size_t size = encoded.size;
    buffer_fini(&encoded);
    batch_builder_free(builder);
    catalog_free(catalog);
    return size;
}

START_TEST(is_small)
{
    static const struct {
        const char *name;
        enum value_type type;
        size_t tags, scans;
        unsigned noise; /* 0: all bits random */
        size_t at_most;
    } rows[] = {
        {"one reading", VALUE_UINT16, 1, 1, 8, 150},
        {"50 registers, 20 scans", VALUE_UINT16, 50, 20, 8, 1000},
        {"50 floats of noise, 20 scans", VALUE_FLOAT32, 50, 20, 0, 4500},
        {"1000 registers, one scan", VALUE_UINT16, 1000, 1, 8, 2400},
        {"100 registers, one scan", VALUE_UINT16, 100, 1, 8, 400},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        size_t size = size_of_scans(rows[i].type, rows[i].tags, rows[i].scans, rows[i].noise);
        ck_assert_msg(size <= rows[i].at_most, "%s: %zu bytes", rows[i].name, size);
    }
}
END_TEST

/* A scan of so many registers. Each takes five bytes of the body, and the length of the answer's time, as a
 * varint, one to five. */
static void encode_scan(struct catalog *catalog, int64_t answer_us, struct buffer *encoded)
{
    struct sample sample = sample_seed(7);
    struct batch_builder *builder = batch_builder_new(catalog);
    for (uint32_t tag = 0; tag < catalog_count(catalog); tag++) {
        const struct reading reading = {.tag = tag,
                                        .request_us = start_us,
                                        .response_us = start_us + answer_us,
                                        .word_count = 1,
                                        .words = {(uint16_t)(300 + sample_below(&sample, 50))}};
        ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    }
    finish_to(builder, encoded);
    batch_builder_free(builder);
}

/* A batch whose body has exactly this size. */
static struct catalog *encode_body_of(size_t body_size, struct buffer *encoded)
{
    static const int64_t answers_us[] = {50, 5000, 500000, 50000000, 5000000000};
    for (size_t tags = body_size / 6; tags <= body_size / 5; tags++) {
        struct catalog *catalog = sample_registers(VALUE_UINT16, tags);
        for (size_t i = 0; i < ARRAY_LENGTH(answers_us); i++) {
            encode_scan(catalog, answers_us[i], encoded);
            if (opened(encoded).body_size == body_size) {
                return catalog;
            }
            buffer_fini(encoded);
        }
        catalog_free(catalog);
    }
    ck_abort_msg("no body of %zu bytes", body_size);
}

/* Whether the literals of the first block are coded by Huffman (RFC 8878, sections 3.1.1.1 to 3.1.1.3.1). */
static bool has_coded_literals(struct bytes frame)
{
    enum { MAGIC_SIZE = 4, BLOCK_HEAD_SIZE = 3, SINGLE_SEGMENT = 1 << 5, COMPRESSED_BLOCK = 2 };
    static const size_t content_sizes[] = {1, 2, 4, 8};
    uint8_t descriptor = frame.data[MAGIC_SIZE];
    ck_assert_uint_eq(descriptor & SINGLE_SEGMENT, SINGLE_SEGMENT);
    const uint8_t *block = frame.data + MAGIC_SIZE + 1 + content_sizes[descriptor >> 6];
    ck_assert_uint_eq(block[0] >> 1 & 3, COMPRESSED_BLOCK);
    return (block[BLOCK_HEAD_SIZE] & 3) >= 2;
}

START_TEST(a_small_body_is_compressed_without_a_table_to_be_read_and_a_larger_one_with)
{
    static const struct {
        size_t body_size;
        bool coded;
    } rows[] = {{BATCH_BUILDER_SMALL_BODY, false}, {BATCH_BUILDER_SMALL_BODY + 1, true}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buffer encoded;
        struct catalog *catalog = encode_body_of(rows[i].body_size, &encoded);
        struct batch_view view = opened(&encoded);
        ck_assert(view.compressed);
        ck_assert_int_eq(has_coded_literals(view.body), rows[i].coded);
        struct collected got = decoded(&encoded, catalog);
        ck_assert_uint_eq(got.count, catalog_count(catalog));
        free(got.readings);
        buffer_fini(&encoded);
        catalog_free(catalog);
    }
}
END_TEST

START_TEST(the_head_says_what_is_inside)
{
    struct sample sample = sample_seed(1);
    struct catalog *catalog = sample_registers(VALUE_INT16, 3);
    struct batch_builder *builder = batch_builder_new(catalog);
    const int64_t times[][2] = {{5000, 6000}, {4000, 9000}, {7000, 7001}};
    for (uint32_t i = 0; i < ARRAY_LENGTH(times); i++) {
        struct reading reading = sample_reading(&sample, catalog, 2 - i);
        reading.request_us = times[i][0];
        reading.response_us = times[i][1];
        ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    }
    struct buffer encoded;
    finish_to(builder, &encoded);
    struct batch_view view = opened(&encoded);
    ck_assert_int_eq(view.kind, BATCH_READINGS);
    ck_assert_mem_eq(view.identity.epoch, identity.epoch, BATCH_EPOCH_SIZE);
    ck_assert_uint_eq(view.identity.sequence, 812);
    ck_assert_mem_eq(view.catalog_hash, catalog_hash(catalog), CATALOG_HASH_SIZE);
    ck_assert_uint_eq(view.count, 3);
    ck_assert_int_eq(view.first_us, 4000);
    ck_assert_int_eq(view.last_us, 9000);
    buffer_fini(&encoded);
    batch_builder_free(builder);
    catalog_free(catalog);
}
END_TEST

START_TEST(a_used_builder_makes_the_same_bytes_as_a_new_one)
{
    struct catalog *catalog = sample_registers(VALUE_UINT32, 40);
    struct batch_builder *builder = batch_builder_new(catalog);
    struct buffer encoded[3];
    for (size_t i = 0; i < ARRAY_LENGTH(encoded); i++) {
        struct sample sample = sample_seed(i == 1 ? 2 : 1);
        add_scans(builder, &sample, catalog, i == 1 ? 90 : 10, i == 1 ? 0 : 20);
        finish_to(builder, &encoded[i]);
        ck_assert_uint_eq(batch_builder_count(builder), 0);
    }
    ck_assert_uint_eq(encoded[0].size, encoded[2].size);
    ck_assert_mem_eq(encoded[0].data, encoded[2].data, encoded[0].size);
    for (size_t i = 0; i < ARRAY_LENGTH(encoded); i++) {
        buffer_fini(&encoded[i]);
    }
    batch_builder_free(builder);
    catalog_free(catalog);
}
END_TEST

START_TEST(a_finish_that_fails_loses_nothing)
{
    struct sample sample = sample_seed(3);
    struct catalog *catalog = sample_registers(VALUE_FLOAT32, 10);
    struct batch_builder *builder = batch_builder_new(catalog);
    struct buffer small;
    buffer_init(&small, 100);
    ck_assert_int_eq(batch_builder_finish(builder, &identity, &small), ERR_LIMIT);
    add_scans(builder, &sample, catalog, 2, 0);
    ck_assert_int_eq(batch_builder_finish(builder, &identity, &small), ERR_LIMIT);
    const struct batch_identity nobody = {.sequence = 0};
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_builder_finish(builder, &nobody, &encoded), ERR_LIMIT);
    ck_assert_uint_eq(small.size + encoded.size, 0);
    ck_assert_uint_eq(batch_builder_count(builder), 20);
    finish_to(builder, &encoded);
    ck_assert_uint_eq(opened(&encoded).count, 20);
    buffer_fini(&small);
    buffer_fini(&encoded);
    batch_builder_free(builder);
    catalog_free(catalog);
}
END_TEST

START_TEST(refuses_what_is_no_reading_of_the_catalog)
{
    static const struct {
        const char *name;
        struct reading reading;
        enum err expected;
    } rows[] = {
        {"good", {.tag = 1, .word_count = 1}, ERR_OK},
        {"earliest time", {.tag = 1, .word_count = 1, .request_us = 0, .response_us = 0}, ERR_OK},
        {"latest time", {.tag = 1, .word_count = 1, .response_us = BATCH_TIME_MAX_US}, ERR_OK},
        {"bad without words", {.tag = 1, .quality = QUALITY_BAD_TIMEOUT}, ERR_OK},
        {"unknown tag", {.tag = 2, .word_count = 1}, ERR_MALFORMED},
        {"good without words", {.tag = 1}, ERR_MALFORMED},
        {"too many words", {.tag = 1, .word_count = 2}, ERR_MALFORMED},
        {"bad with words", {.tag = 1, .word_count = 1, .quality = QUALITY_BAD_TIMEOUT}, ERR_MALFORMED},
        {"unknown quality", {.tag = 1, .quality = (enum quality)(QUALITY_MAX + 1)}, ERR_MALFORMED},
        {"before 1970", {.tag = 1, .word_count = 1, .request_us = -1}, ERR_MALFORMED},
        {"after 9999", {.tag = 1, .word_count = 1, .response_us = BATCH_TIME_MAX_US + 1}, ERR_MALFORMED},
    };
    struct catalog *catalog = sample_registers(VALUE_UINT16, 2);
    struct batch_builder *builder = batch_builder_new(catalog);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        size_t before = batch_builder_count(builder);
        ck_assert_msg(batch_builder_add(builder, &rows[i].reading) == rows[i].expected, "%s", rows[i].name);
        size_t added = batch_builder_count(builder) - before;
        ck_assert_msg(added == (rows[i].expected == ERR_OK), "%s", rows[i].name);
    }
    batch_builder_free(builder);
    catalog_free(catalog);
}
END_TEST

START_TEST(a_coil_is_on_or_off)
{
    const struct catalog_tag coil = {.name = "c",
                                     .unit = "",
                                     .link = "l",
                                     .table = TABLE_COIL,
                                     .type = VALUE_BOOL,
                                     .words = 1,
                                     .scale = 1};
    struct catalog *catalog;
    ck_assert_int_eq(catalog_new(&coil, 1, &catalog, NULL), ERR_OK);
    struct batch_builder *builder = batch_builder_new(catalog);
    struct reading reading = {.word_count = 1, .words = {1}};
    ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    reading.words[0] = 2;
    ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_MALFORMED);
    batch_builder_free(builder);
    catalog_free(catalog);
}
END_TEST

START_TEST(takes_readings_up_to_the_limit_and_not_one_more)
{
    struct catalog *catalog = sample_registers(VALUE_UINT64, 300);
    struct batch_builder *builder = batch_builder_new(catalog);
    struct sample sample = sample_seed(5);
    struct reading reading = {.word_count = 4};
    for (size_t i = 0; i < BATCH_READINGS_MAX; i++) {
        reading.tag = (uint32_t)sample_below(&sample, 300);
        reading.request_us = (int64_t)sample_below(&sample, BATCH_TIME_MAX_US);
        reading.response_us = (int64_t)sample_below(&sample, BATCH_TIME_MAX_US);
        for (size_t word = 0; word < 4; word++) {
            reading.words[word] = (uint16_t)sample_next(&sample);
        }
        ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    }
    ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_LIMIT);
    struct buffer encoded;
    finish_to(builder, &encoded);
    struct collected all = decoded(&encoded, catalog);
    ck_assert_uint_eq(all.count, BATCH_READINGS_MAX);
    free(all.readings);
    buffer_fini(&encoded);
    batch_builder_free(builder);
    catalog_free(catalog);
}
END_TEST

START_TEST(stops_before_strings_outgrow_a_batch)
{
    const struct catalog_tag text = {
        .name = "s", .unit = "", .link = "", .type = VALUE_STRING, .words = READING_WORDS_MAX, .scale = 1};
    struct catalog *catalog;
    ck_assert_int_eq(catalog_new(&text, 1, &catalog, NULL), ERR_OK);
    struct batch_builder *builder = batch_builder_new(catalog);
    struct sample sample = sample_seed(6);
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        struct reading reading = {.word_count = READING_WORDS_MAX};
        for (size_t i = 0; i < READING_WORDS_MAX; i++) {
            reading.words[i] = (uint16_t)sample_next(&sample);
        }
        err = batch_builder_add(builder, &reading);
    }
    ck_assert_int_eq(err, ERR_LIMIT);
    ck_assert_uint_gt(batch_builder_count(builder), 20000);
    struct buffer encoded;
    finish_to(builder, &encoded);
    ck_assert_uint_le(encoded.size, BATCH_SIZE_MAX);
    struct collected all = decoded(&encoded, catalog);
    free(all.readings);
    buffer_fini(&encoded);
    batch_builder_free(builder);
    catalog_free(catalog);
}
END_TEST

int main(void)
{
    return suite_run("batch_builder",
                     (const TTest *[]){
                         what_goes_in_comes_out_in_order_of_tag_then_as_taken,
                         is_small,
                         a_small_body_is_compressed_without_a_table_to_be_read_and_a_larger_one_with,
                         the_head_says_what_is_inside,
                         a_used_builder_makes_the_same_bytes_as_a_new_one,
                         a_finish_that_fails_loses_nothing,
                         refuses_what_is_no_reading_of_the_catalog,
                         a_coil_is_on_or_off,
                         takes_readings_up_to_the_limit_and_not_one_more,
                         stops_before_strings_outgrow_a_batch,
                         NULL,
                     });
}
