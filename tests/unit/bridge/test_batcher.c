#include "sample.h"
#include "spool/batcher.h"
#include "support/suite.h"

enum { MAX_READINGS = 3, MAX_AGE_US = 1000 };

static struct catalog *catalog;
static struct batcher *batcher;

static void setup(void)
{
    catalog = sample_catalog(1);
    batcher = batcher_new(catalog,
                          &(struct batcher_limits){.max_readings = MAX_READINGS, .max_age_us = MAX_AGE_US});
    ck_assert_ptr_nonnull(batcher);
}

static void teardown(void)
{
    batcher_free(batcher);
    catalog_free(catalog);
}

static enum err add(uint32_t tag, uint32_t index, int64_t now_us)
{
    struct reading reading = sample_reading(tag, index);
    return batcher_add(batcher, &reading, now_us);
}

static struct batch_view take(size_t class, struct buffer *encoded)
{
    struct batch_view view = {0};
    struct batch_identity identity = {.sequence = 9};
    buffer_init(encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batcher_take(batcher, class, &identity, encoded), ERR_OK);
    ck_assert_int_eq(batch_open(buffer_bytes(encoded), &view, NULL), ERR_OK);
    return view;
}

START_TEST(nothing_is_due_while_there_is_nothing)
{
    ck_assert_uint_eq(batcher_due(batcher, INT64_MAX), BATCHER_NOTHING);
    ck_assert_int_eq(batcher_deadline_us(batcher), INT64_MAX);
}
END_TEST

START_TEST(a_batch_is_due_when_its_oldest_reading_is_old_enough)
{
    ck_assert_int_eq(add(0, 0, 100), ERR_OK);
    ck_assert_int_eq(add(0, 1, 900), ERR_OK);
    ck_assert_int_eq(batcher_deadline_us(batcher), 100 + MAX_AGE_US);
    ck_assert_uint_eq(batcher_due(batcher, 100 + MAX_AGE_US - 1), BATCHER_NOTHING);
    ck_assert_uint_eq(batcher_due(batcher, 100 + MAX_AGE_US), 0);
}
END_TEST

START_TEST(a_batch_is_due_at_once_when_it_is_full)
{
    for (uint32_t i = 0; i < MAX_READINGS; i++) {
        ck_assert_uint_eq(batcher_due(batcher, 0), BATCHER_NOTHING);
        ck_assert_int_eq(add(0, i, 0), ERR_OK);
    }
    ck_assert_uint_eq(batcher_due(batcher, 0), 0);
    ck_assert_int_eq(add(0, MAX_READINGS, 0), ERR_BUSY);
    struct buffer encoded;
    struct batch_view view = take(0, &encoded);
    ck_assert_uint_eq(view.count, MAX_READINGS);
    ck_assert_uint_eq(view.identity.sequence, 9);
    buffer_fini(&encoded);
    ck_assert_int_eq(add(0, MAX_READINGS, 0), ERR_OK);
}
END_TEST

START_TEST(priorities_are_kept_apart)
{
    ck_assert_int_eq(add(0, 0, 0), ERR_OK);
    ck_assert_int_eq(add(1, 0, 0), ERR_OK);
    ck_assert_uint_eq(batcher_priority(batcher, 0), 0);
    ck_assert_uint_eq(batcher_priority(batcher, 1), 5);
    struct buffer encoded;
    ck_assert_uint_eq(take(0, &encoded).count, 1);
    buffer_fini(&encoded);
    ck_assert_uint_eq(batcher_due(batcher, INT64_MAX), 1);
    ck_assert_uint_eq(take(1, &encoded).count, 1);
    buffer_fini(&encoded);
    ck_assert_uint_eq(batcher_due(batcher, INT64_MAX), BATCHER_NOTHING);
}
END_TEST

START_TEST(a_reading_of_no_tag_is_refused)
{
    ck_assert_int_eq(add(2, 0, 0), ERR_MALFORMED);
    ck_assert_uint_eq(batcher_due(batcher, INT64_MAX), BATCHER_NOTHING);
}
END_TEST

int main(void)
{
    return suite_run_with("batcher", setup, teardown,
                          (const TTest *[]){
                              nothing_is_due_while_there_is_nothing,
                              a_batch_is_due_when_its_oldest_reading_is_old_enough,
                              a_batch_is_due_at_once_when_it_is_full,
                              priorities_are_kept_apart,
                              a_reading_of_no_tag_is_refused,
                              NULL,
                          });
}
