#include "tunnel/batch.h"

#include "base/array.h"
#include "support/sample.h"
#include "support/suite.h"
#include "tunnel/batch_builder.h"

#include <stdlib.h>
#include <string.h>

static const struct batch_identity identity = {.epoch = {0xe0}, .sequence = 7};
static const struct gap sound = {.reason = GAP_SPOOL_FULL,
                                 .first_sequence = 3,
                                 .last_sequence = 5,
                                 .readings = 3000,
                                 .from_us = 1000,
                                 .to_us = 2000,
                                 .link = "boiler-plc"};

static struct buffer batch_of_readings(void)
{
    struct sample sample = sample_seed(11);
    struct catalog *catalog = sample_registers(VALUE_UINT16, 5);
    struct batch_builder *builder = batch_builder_new(catalog);
    for (uint32_t i = 0; i < 30; i++) {
        struct reading reading = sample_reading(&sample, catalog, i % 5);
        ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    }
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_builder_finish(builder, &identity, &encoded), ERR_OK);
    batch_builder_free(builder);
    catalog_free(catalog);
    return encoded;
}

static struct buffer batch_of_gaps(const struct gap *gaps, size_t count)
{
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_encode_gaps(gaps, count, &identity, &encoded), ERR_OK);
    return encoded;
}

static void damaged_is_refused(struct buffer encoded)
{
    struct batch_view view;
    uint8_t *copy = malloc(encoded.size + 1);
    memcpy(copy, encoded.data, encoded.size);
    copy[encoded.size] = 0;
    for (size_t size = 0; size <= encoded.size + 1; size++) {
        enum err err = batch_open((struct bytes){.data = copy, .size = size}, &view, NULL);
        ck_assert_msg((err == ERR_OK) == (size == encoded.size), "%zu bytes", size);
    }
    for (size_t bit = 0; bit < encoded.size * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum err err = batch_open((struct bytes){.data = copy, .size = encoded.size}, &view, NULL);
        ck_assert_msg(err != ERR_OK, "bit %zu", bit);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(copy);
    buffer_fini(&encoded);
}

START_TEST(every_truncation_and_every_bit_flip_is_refused)
{
    damaged_is_refused(batch_of_readings());
    damaged_is_refused(batch_of_gaps(&sound, 1));
}
END_TEST

START_TEST(sealing_what_was_opened_gives_the_same_bytes)
{
    struct buffer encoded = batch_of_readings();
    struct batch_view view;
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, NULL), ERR_OK);
    struct buffer again;
    buffer_init(&again, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_seal(&view, &again), ERR_OK);
    ck_assert_uint_eq(again.size, encoded.size);
    ck_assert_mem_eq(again.data, encoded.data, again.size);
    buffer_fini(&encoded);
    buffer_fini(&again);
}
END_TEST

START_TEST(a_changed_byte_is_told_from_a_broken_form)
{
    struct buffer encoded = batch_of_readings();
    struct batch_view view;
    struct err_text why;
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, &why), ERR_OK);
    encoded.data[10] ^= 1; /* in the epoch */
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, &why), ERR_CORRUPT);
    encoded.data[10] ^= 1;
    encoded.data[1] = BATCH_FORMAT + 1;
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, &why), ERR_VERSION);
    encoded.data[1] = BATCH_FORMAT;
    encoded.data[2] = 3; /* the kind */
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, &why), ERR_MALFORMED);
    struct bytes endless = {.data = encoded.data, .size = BATCH_SIZE_MAX + 1};
    ck_assert_int_eq(batch_open(endless, &view, &why), ERR_LIMIT);
    buffer_fini(&encoded);
}
END_TEST

static void no_sequence(struct batch_view *view)
{
    view->identity.sequence = 0;
}
static void no_count(struct batch_view *view)
{
    view->count = 0;
}
static void count_greatest(struct batch_view *view)
{
    view->count = BATCH_READINGS_MAX;
}
static void count_too_high(struct batch_view *view)
{
    view->count = BATCH_READINGS_MAX + 1;
}
static void gaps_too_many(struct batch_view *view)
{
    view->kind = BATCH_GAPS;
    view->count = BATCH_GAPS_MAX + 1;
}
static void body_greatest(struct batch_view *view)
{
    view->compressed = true;
    view->body_size = BATCH_BODY_MAX;
}
static void body_too_large(struct batch_view *view)
{
    view->compressed = true;
    view->body_size = BATCH_BODY_MAX + 1;
}

START_TEST(seals_only_within_the_limits)
{
    static const struct {
        const char *name;
        void (*change)(struct batch_view *view);
        enum err expected;
    } rows[] = {
        {"no sequence", no_sequence, ERR_LIMIT},       {"no count", no_count, ERR_LIMIT},
        {"greatest count", count_greatest, ERR_OK},    {"count too high", count_too_high, ERR_LIMIT},
        {"too many gaps", gaps_too_many, ERR_LIMIT},   {"greatest body", body_greatest, ERR_OK},
        {"body too large", body_too_large, ERR_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct batch_view view = {.kind = BATCH_READINGS, .identity = identity, .count = 1, .body_size = 2};
        view.body = (struct bytes){.data = (const uint8_t *)"ab", .size = 2};
        rows[i].change(&view);
        struct buffer out;
        buffer_init(&out, BATCH_SIZE_MAX);
        ck_assert_msg(batch_seal(&view, &out) == rows[i].expected, "%s", rows[i].name);
        struct batch_view back;
        bool opens = batch_open(buffer_bytes(&out), &back, NULL) == ERR_OK;
        ck_assert_msg(opens == (rows[i].expected == ERR_OK), "%s", rows[i].name);
        buffer_fini(&out);
    }
}
END_TEST

START_TEST(sizes_that_disagree_are_malformed)
{
    static const struct {
        const char *name;
        enum batch_kind kind;
        bool compressed;
        size_t body_size;
    } rows[] = {
        {"plain and longer", BATCH_READINGS, false, 3},
        {"plain and shorter", BATCH_READINGS, false, 1},
        {"compressed and no shorter", BATCH_READINGS, true, 2},
        {"compressed gaps", BATCH_GAPS, true, 3},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct batch_view view = {.kind = rows[i].kind, .identity = identity, .count = 1};
        view.compressed = rows[i].compressed;
        view.body_size = rows[i].body_size;
        view.body = (struct bytes){.data = (const uint8_t *)"ab", .size = 2};
        struct buffer out;
        buffer_init(&out, BATCH_SIZE_MAX);
        ck_assert_int_eq(batch_seal(&view, &out), ERR_OK);
        struct batch_view back;
        ck_assert_msg(batch_open(buffer_bytes(&out), &back, NULL) == ERR_MALFORMED, "%s", rows[i].name);
        buffer_fini(&out);
    }
}
END_TEST

START_TEST(reads_back_the_gaps)
{
    const struct gap gaps[] = {
        sound,
        {.reason = GAP_NOT_POLLED, .from_us = 500, .to_us = 700},
        {.reason = GAP_RESTORED, .first_sequence = UINT64_MAX, .last_sequence = UINT64_MAX},
    };
    struct buffer encoded = batch_of_gaps(gaps, ARRAY_LENGTH(gaps));
    struct batch_view view;
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, NULL), ERR_OK);
    ck_assert_int_eq(view.kind, BATCH_GAPS);
    ck_assert_uint_eq(view.count, ARRAY_LENGTH(gaps));
    ck_assert_int_eq(view.first_us, 500);
    ck_assert_int_eq(view.last_us, 2000);
    struct gap back[ARRAY_LENGTH(gaps)];
    size_t count;
    ck_assert_int_eq(batch_decode_gaps(&view, back, ARRAY_LENGTH(back), &count, NULL), ERR_OK);
    ck_assert_uint_eq(count, ARRAY_LENGTH(gaps));
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(back[i].reason, gaps[i].reason);
        ck_assert_uint_eq(back[i].first_sequence, gaps[i].first_sequence);
        ck_assert_uint_eq(back[i].last_sequence, gaps[i].last_sequence);
        ck_assert_uint_eq(back[i].readings, gaps[i].readings);
        ck_assert_int_eq(back[i].from_us, gaps[i].from_us);
        ck_assert_int_eq(back[i].to_us, gaps[i].to_us);
        ck_assert_str_eq(back[i].link, gaps[i].link);
    }
    ck_assert_int_eq(batch_decode_gaps(&view, back, ARRAY_LENGTH(back) - 1, &count, NULL), ERR_LIMIT);
    buffer_fini(&encoded);
}
END_TEST

START_TEST(refuses_a_gap_that_says_nonsense)
{
    struct gap gaps[] = {sound, sound, sound, sound, sound, sound, sound, sound};
    gaps[0].reason = (enum gap_reason)0;
    gaps[1].reason = (enum gap_reason)(GAP_REASON_MAX + 1);
    gaps[2].first_sequence = 6;
    gaps[3].first_sequence = 0;
    gaps[4].from_us = 2001;
    gaps[5].from_us = -1;
    gaps[6].to_us = BATCH_TIME_MAX_US + 1;
    memcpy(gaps[7].link, "a\nb", 4);
    for (size_t i = 0; i < ARRAY_LENGTH(gaps); i++) {
        struct buffer out;
        buffer_init(&out, BATCH_SIZE_MAX);
        ck_assert_msg(batch_encode_gaps(&gaps[i], 1, &identity, &out) == ERR_MALFORMED, "gap %zu", i);
        ck_assert_uint_eq(out.size, 0);
        buffer_fini(&out);
    }
}
END_TEST

START_TEST(takes_gaps_up_to_the_limit_and_not_one_more)
{
    struct gap *gaps = calloc(BATCH_GAPS_MAX + 1, sizeof *gaps);
    for (size_t i = 0; i <= BATCH_GAPS_MAX; i++) {
        gaps[i] =
            (struct gap){.reason = GAP_SPOOL_AGE, .first_sequence = UINT64_MAX, .last_sequence = UINT64_MAX};
        gaps[i].readings = UINT64_MAX;
        gaps[i].from_us = gaps[i].to_us = BATCH_TIME_MAX_US;
        memset(gaps[i].link, 'l', CATALOG_LINK_MAX);
    }
    struct buffer encoded = batch_of_gaps(gaps, BATCH_GAPS_MAX);
    struct batch_view view;
    size_t count;
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, NULL), ERR_OK);
    ck_assert_int_eq(batch_decode_gaps(&view, gaps, BATCH_GAPS_MAX, &count, NULL), ERR_OK);
    ck_assert_uint_eq(count, BATCH_GAPS_MAX);
    ck_assert_int_eq(batch_encode_gaps(gaps, BATCH_GAPS_MAX + 1, &identity, &encoded), ERR_LIMIT);
    ck_assert_int_eq(batch_encode_gaps(gaps, 0, &identity, &encoded), ERR_LIMIT);
    buffer_fini(&encoded);
    free(gaps);
}
END_TEST

int main(void)
{
    return suite_run("batch", (const TTest *[]){
                                  every_truncation_and_every_bit_flip_is_refused,
                                  sealing_what_was_opened_gives_the_same_bytes,
                                  a_changed_byte_is_told_from_a_broken_form,
                                  seals_only_within_the_limits,
                                  sizes_that_disagree_are_malformed,
                                  reads_back_the_gaps,
                                  refuses_a_gap_that_says_nonsense,
                                  takes_gaps_up_to_the_limit_and_not_one_more,
                                  NULL,
                              });
}
