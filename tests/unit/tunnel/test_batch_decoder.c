#include "tunnel/batch_decoder.h"

#include "base/array.h"
#include "support/sample.h"
#include "support/suite.h"
#include "tunnel/batch_builder.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

static struct catalog *catalog;
static struct batch_decoder *decoder;
static struct buffer encoded;
static struct batch_view view;

static const struct catalog_tag tags[] = {
    {.name = "a", .unit = "", .link = "", .type = VALUE_BOOL, .words = 1, .scale = 1},
    {.name = "b", .unit = "", .link = "", .type = VALUE_UINT16, .words = 1, .scale = 1},
    {.name = "c", .unit = "", .link = "", .type = VALUE_FLOAT32, .order = 1, .words = 2, .scale = 1},
    {.name = "d", .unit = "", .link = "", .type = VALUE_INT64, .words = 4, .scale = 1},
    {.name = "e", .unit = "", .link = "", .type = VALUE_STRING, .words = 3, .scale = 1},
};

static uint8_t plain[4096];

/* The columns themselves are what is changed here. */
static void make_plain(void)
{
    ck_assert(view.compressed && view.body_size <= sizeof plain);
    size_t size = ZSTD_decompress(plain, sizeof plain, view.body.data, view.body.size);
    ck_assert_uint_eq(size, view.body_size);
    view.body = (struct bytes){.data = plain, .size = size};
    view.compressed = false;
}

static void setup(void)
{
    ck_assert_int_eq(catalog_new(tags, ARRAY_LENGTH(tags), &catalog, NULL), ERR_OK);
    decoder = batch_decoder_new();
    struct batch_builder *builder = batch_builder_new(catalog);
    struct sample sample = sample_seed(9);
    for (uint32_t i = 0; i < 3 * ARRAY_LENGTH(tags); i++) {
        struct reading reading = sample_reading(&sample, catalog, i % ARRAY_LENGTH(tags));
        reading.request_us = 1700000000000000 + (int64_t)(i / 5) * 1000;
        reading.response_us = reading.request_us + 300;
        ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    }
    const struct batch_identity identity = {.sequence = 1};
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_builder_finish(builder, &identity, &encoded), ERR_OK);
    batch_builder_free(builder);
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, NULL), ERR_OK);
    make_plain();
}

static void teardown(void)
{
    buffer_fini(&encoded);
    batch_decoder_free(decoder);
    catalog_free(catalog);
}

static enum err count_reading(void *owner, const struct reading *reading)
{
    unsigned *count = owner;
    const struct catalog_tag *tag = catalog_tag(catalog, reading->tag);
    ck_assert(quality_is_known(reading->quality));
    ck_assert_uint_eq(reading->word_count, quality_has_value(reading->quality) ? tag->words : 0);
    ck_assert(batch_is_time(reading->request_us) && batch_is_time(reading->response_us));
    ++*count;
    return ERR_OK;
}

/* Decodes a view that was changed: refused, or every reading keeps to the rules. */
static enum err decode_changed(const struct batch_view *changed)
{
    unsigned count = 0;
    struct err_text why = {""};
    const struct batch_visitor visitor = {.owner = &count, .reading = count_reading};
    enum err err = batch_decode(decoder, changed, catalog, &visitor, &why);
    ck_assert_uint_eq(count, err == ERR_OK ? changed->count : 0);
    ck_assert(err == ERR_OK || why.text[0]);
    for (uint32_t tag = 0; tag <= ARRAY_LENGTH(tags); tag++) {
        unsigned of_tag = 0;
        const struct batch_visitor counting = {.owner = &of_tag, .reading = count_reading};
        enum err narrow = batch_decode_tag(decoder, changed, catalog, tag, &counting, &why);
        ck_assert(narrow == ERR_OK || err != ERR_OK);
        count -= err == ERR_OK ? of_tag : 0;
    }
    ck_assert_uint_eq(count, 0);
    return err;
}

START_TEST(any_change_of_the_body_is_refused_or_gives_sound_readings)
{
    uint8_t *body = malloc(view.body.size);
    memcpy(body, view.body.data, view.body.size);
    struct batch_view changed = view;
    changed.body.data = body;
    unsigned refused = 0;
    for (size_t bit = 0; bit < view.body.size * 8; bit++) {
        body[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused += decode_changed(&changed) != ERR_OK;
        body[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_uint_gt(refused, view.body.size);
    for (size_t size = 0; size < view.body.size; size++) {
        changed.body.size = changed.body_size = size;
        ck_assert_msg(decode_changed(&changed) == ERR_MALFORMED, "%zu bytes", size);
    }
    free(body);
}
END_TEST

START_TEST(noise_is_refused_or_gives_sound_readings)
{
    struct sample sample = sample_seed(10);
    uint8_t *body = malloc(view.body.size);
    struct batch_view changed = view;
    changed.body.data = body;
    for (int round = 0; round < 20000; round++) {
        memcpy(body, view.body.data, view.body.size);
        for (uint64_t changes = sample_below(&sample, 6); changes > 0; changes--) {
            body[sample_below(&sample, view.body.size)] = (uint8_t)sample_next(&sample);
        }
        changed.count = view.count + (uint32_t)sample_below(&sample, 3) - 1;
        (void)decode_changed(&changed);
    }
    free(body);
}
END_TEST

START_TEST(the_head_must_say_what_the_columns_say)
{
    struct batch_view rows[] = {view, view, view, view};
    rows[0].count++;
    rows[1].count--;
    rows[2].first_us--;
    rows[3].last_us++;
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(decode_changed(&rows[i]) == ERR_MALFORMED, "row %zu", i);
    }
    ck_assert_int_eq(decode_changed(&view), ERR_OK);
}
END_TEST

struct expected {
    uint32_t tag;
    size_t at, count;
    struct reading *readings; /* of all tags */
};

static enum err keep_reading(void *owner, const struct reading *reading)
{
    struct expected *all = owner;
    all->readings[all->count++] = *reading;
    return ERR_OK;
}

static enum err expect_reading(void *owner, const struct reading *reading)
{
    struct expected *all = owner;
    while (all->at < all->count && all->readings[all->at].tag != all->tag) {
        all->at++;
    }
    ck_assert_uint_lt(all->at, all->count);
    const struct reading *same = &all->readings[all->at++];
    ck_assert(reading->tag == same->tag && reading->quality == same->quality &&
              reading->request_us == same->request_us && reading->response_us == same->response_us);
    ck_assert_mem_eq(reading->words, same->words, same->word_count * sizeof same->words[0]);
    ck_assert_uint_eq(reading->word_count, same->word_count);
    return ERR_OK;
}

static struct batch_view random_batch(struct sample *sample, const struct catalog *of, struct buffer *out)
{
    struct batch_builder *builder = batch_builder_new(of);
    const struct batch_identity identity = {.sequence = 1};
    struct batch_view made;
    uint64_t spread = 1 + sample_below(sample, 5); // how often a tag is left out, and how the times jump
    for (uint64_t i = 1 + sample_below(sample, 600); i > 0; i--) {
        uint32_t tag = (uint32_t)sample_below(sample, 1 + (catalog_count(of) - 1) / spread);
        struct reading reading = sample_reading(sample, of, tag);
        reading.request_us = 1700000000000000 + (int64_t)sample_below(sample, spread * spread * 40) * 1000;
        reading.response_us = reading.request_us + (int64_t)sample_below(sample, spread);
        ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    }
    ck_assert_int_eq(batch_builder_finish(builder, &identity, out), ERR_OK);
    batch_builder_free(builder);
    ck_assert_int_eq(batch_open(buffer_bytes(out), &made, NULL), ERR_OK);
    return made;
}

START_TEST(one_tag_alone_gives_what_it_gives_among_all)
{
    struct sample sample = sample_seed(11);
    struct reading *readings = calloc(600, sizeof *readings);
    for (int round = 0; round < 300; round++) {
        struct catalog *of = sample_catalog(&sample, 1 + sample_below(&sample, 30));
        struct buffer out;
        buffer_init(&out, BATCH_SIZE_MAX);
        struct batch_view made = random_batch(&sample, of, &out);
        struct expected all = {.readings = readings};
        const struct batch_visitor keep = {.owner = &all, .reading = keep_reading};
        const struct batch_visitor expect = {.owner = &all, .reading = expect_reading};
        ck_assert_int_eq(batch_decode(decoder, &made, of, &keep, NULL), ERR_OK);
        for (all.tag = 0; all.tag < catalog_count(of); all.tag++) {
            all.at = 0;
            ck_assert_int_eq(batch_decode_tag(decoder, &made, of, all.tag, &expect, NULL), ERR_OK);
            while (all.at < all.count && readings[all.at].tag != all.tag) {
                all.at++;
            }
            ck_assert_uint_eq(all.at, all.count);
        }
        buffer_fini(&out);
        catalog_free(of);
    }
    free(readings);
}
END_TEST

START_TEST(a_batch_of_another_catalog_or_kind_is_refused)
{
    struct batch_view changed = view;
    changed.catalog_hash[0] ^= 1;
    ck_assert_int_eq(decode_changed(&changed), ERR_MALFORMED);
    changed = view;
    changed.kind = BATCH_GAPS;
    ck_assert_int_eq(decode_changed(&changed), ERR_MALFORMED);
}
END_TEST

static enum err stop_at_three(void *owner, const struct reading *reading)
{
    unsigned *count = owner;
    (void)reading;
    return ++*count == 3 ? ERR_BUSY : ERR_OK;
}

START_TEST(a_visitor_may_stop)
{
    unsigned count = 0;
    const struct batch_visitor visitor = {.owner = &count, .reading = stop_at_three};
    ck_assert_int_eq(batch_decode(decoder, &view, catalog, &visitor, NULL), ERR_BUSY);
    ck_assert_uint_eq(count, 3);
}
END_TEST

static uint8_t compressed[4096];

static struct batch_view compressed_view(void)
{
    struct batch_view changed = view;
    size_t size = ZSTD_compress(compressed, sizeof compressed, view.body.data, view.body.size, 1);
    ck_assert(!ZSTD_isError(size));
    changed.compressed = true;
    changed.body = (struct bytes){.data = compressed, .size = size};
    return changed;
}

START_TEST(a_compressed_body_is_one_zstd_frame_of_the_size_the_head_says)
{
    struct batch_view good = compressed_view();
    ck_assert_int_eq(decode_changed(&good), ERR_OK);
    struct batch_view changed = good;
    changed.body_size++;
    ck_assert_int_eq(decode_changed(&changed), ERR_MALFORMED);
    changed = good;
    changed.body_size = BATCH_BODY_MAX + 1;
    ck_assert_int_eq(decode_changed(&changed), ERR_MALFORMED);
    for (size_t size = 0; size < good.body.size; size++) {
        changed = good;
        changed.body.size = size;
        ck_assert_msg(decode_changed(&changed) == ERR_MALFORMED, "%zu bytes", size);
    }
    static const uint8_t frame_to_skip[] = {0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7};
    memcpy(compressed + good.body.size, frame_to_skip, sizeof frame_to_skip);
    changed = good;
    changed.body.size += sizeof frame_to_skip;
    ck_assert_int_eq(decode_changed(&changed), ERR_MALFORMED);
    changed.body = (struct bytes){.data = frame_to_skip, .size = sizeof frame_to_skip};
    ck_assert_int_eq(decode_changed(&changed), ERR_MALFORMED);
}
END_TEST

START_TEST(any_change_of_a_compressed_body_is_refused_or_gives_sound_readings)
{
    struct batch_view good = compressed_view();
    for (size_t bit = 0; bit < good.body.size * 8; bit++) {
        compressed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        (void)decode_changed(&good);
        compressed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_int_eq(decode_changed(&good), ERR_OK);
}
END_TEST

START_TEST(a_bomb_is_refused_before_it_goes_off)
{
    static uint8_t zeros[1 << 20];
    size_t size = ZSTD_compress(compressed, sizeof compressed, zeros, sizeof zeros, 1);
    ck_assert(!ZSTD_isError(size));
    struct batch_view bomb = view;
    bomb.compressed = true;
    bomb.body = (struct bytes){.data = compressed, .size = size};
    bomb.body_size = view.body_size;
    ck_assert_int_eq(decode_changed(&bomb), ERR_MALFORMED);
}
END_TEST

int main(void)
{
    return suite_run_with("batch_decoder", setup, teardown,
                          (const TTest *[]){
                              any_change_of_the_body_is_refused_or_gives_sound_readings,
                              noise_is_refused_or_gives_sound_readings,
                              the_head_must_say_what_the_columns_say,
                              a_batch_of_another_catalog_or_kind_is_refused,
                              a_visitor_may_stop,
                              one_tag_alone_gives_what_it_gives_among_all,
                              a_compressed_body_is_one_zstd_frame_of_the_size_the_head_says,
                              any_change_of_a_compressed_body_is_refused_or_gives_sound_readings,
                              a_bomb_is_refused_before_it_goes_off,
                              NULL,
                          });
}
