#include "store_fixture.h"

#include "base/clock.h"
#include "tunnel/batch_builder.h"

#include <check.h>
#include <string.h>

static struct err_text why;

static void must(enum err result)
{
    ck_assert_msg(result == ERR_OK, "%s", why.text);
}

const struct catalog *fixture_catalog(void)
{
    static struct catalog *catalog;
    static const struct catalog_tag tag = {.name = "boiler/pressure",
                                           .unit = "bar",
                                           .link = "plc",
                                           .unit_id = 1,
                                           .table = TABLE_HOLDING,
                                           .type = VALUE_UINT16,
                                           .words = 1,
                                           .scale = 0.1};
    if (!catalog) {
        must(catalog_new(&tag, 1, &catalog, &why));
    }
    return catalog;
}

const uint8_t *fixture_hash(void)
{
    return catalog_hash(fixture_catalog());
}

static void add_readings(struct batch_builder *builder, int64_t from_us, uint8_t content)
{
    int64_t step_us = CLOCK_US_PER_S / FIXTURE_READINGS;
    for (int i = 0; i < FIXTURE_READINGS; i++) {
        struct reading reading = {.request_us = from_us + i * step_us,
                                  .response_us = from_us + (i + 1) * step_us,
                                  .word_count = 1,
                                  .words = {(uint16_t)(content + i)}};
        must(batch_builder_add(builder, &reading));
    }
}

void fixture_batch(struct fixture_batch *batch, uint8_t epoch, uint64_t sequence, uint8_t content)
{
    struct batch_identity identity = {.sequence = sequence};
    struct batch_builder *builder = batch_builder_new(fixture_catalog());
    struct buffer encoded;
    memset(identity.epoch, epoch, sizeof identity.epoch);
    add_readings(builder, (int64_t)(sequence % 1000000) * CLOCK_US_PER_S, content);
    buffer_init(&encoded, sizeof batch->bytes);
    must(batch_builder_finish(builder, &identity, &encoded));
    batch_builder_free(builder);
    memcpy(batch->bytes, encoded.data, encoded.size);
    must(batch_open((struct bytes){batch->bytes, encoded.size}, &batch->view, &why));
    buffer_fini(&encoded);
}

void fixture_put_catalog(struct store *store)
{
    struct store_catalog catalog = {
        .hash = fixture_hash(), .encoded = catalog_encoded(fixture_catalog()), .received_us = 1};
    must(store_begin(store, 1, &why));
    must(store_put_catalog(store, &catalog, &why));
    must(store_commit(store, &why));
}

bool fixture_has_catalog(struct store *store, const struct catalog *catalog)
{
    struct buffer encoded;
    buffer_init(&encoded, CATALOG_SIZE_MAX);
    enum err result = store_find_catalog(store, catalog_hash(catalog), &encoded, &why);
    struct bytes expected = catalog_encoded(catalog);
    if (result == ERR_OK) {
        ck_assert_uint_eq(encoded.size, expected.size);
        ck_assert_mem_eq(encoded.data, expected.data, expected.size);
    } else {
        ck_assert_int_eq(result, ERR_NOT_FOUND);
    }
    buffer_fini(&encoded);
    return result == ERR_OK;
}

enum err fixture_put_group(struct store *store, struct store_batch *items, size_t count,
                           struct err_text *reason)
{
    enum err result = store_begin(store, count > 0 ? items[0].view->last_us : 1, reason);
    if (result != ERR_OK) {
        return result;
    }
    for (size_t i = 0; i < count && result == ERR_OK; i++) {
        result = store_put_batch(store, &items[i], reason);
    }
    if (result != ERR_OK) {
        store_rollback(store);
        return result;
    }
    return store_commit(store, reason);
}

enum store_result fixture_put(struct store *store, const char *bridge, const struct fixture_batch *batch)
{
    struct store_batch item = {.bridge = bridge, .view = &batch->view, .received_us = 1};
    must(fixture_put_group(store, &item, 1, &why));
    return item.result;
}

void fixture_put_and_count(struct store *store, struct store_batch *items, size_t count,
                           struct fixture_tally *tally)
{
    struct err_text reason;
    while (fixture_put_group(store, items, count, &reason) == ERR_BUSY) {
    }
    for (size_t i = 0; i < count; i++) {
        tally->committed += items[i].result == STORE_COMMITTED;
        tally->duplicates += items[i].result == STORE_DUPLICATE;
        tally->others += items[i].result != STORE_COMMITTED && items[i].result != STORE_DUPLICATE;
    }
}

void fixture_put_gaps(struct store *store, const char *bridge, uint64_t sequence, const struct gap *gaps,
                      size_t count)
{
    struct buffer encoded;
    struct batch_view view;
    struct batch_identity identity = {.sequence = sequence};
    memset(identity.epoch, 1, sizeof identity.epoch);
    buffer_init(&encoded, BATCH_SIZE_MAX);
    must(batch_encode_gaps(gaps, count, &identity, &encoded));
    must(batch_open(buffer_bytes(&encoded), &view, &why));
    struct store_batch item = {.bridge = bridge, .view = &view, .received_us = 1};
    must(fixture_put_group(store, &item, 1, &why));
    ck_assert_int_eq(item.result, STORE_COMMITTED);
    buffer_fini(&encoded);
}

struct store_watermarks fixture_look_up(struct store *store, const char *bridge, uint8_t epoch_byte)
{
    uint8_t epoch[BATCH_EPOCH_SIZE];
    struct store_watermarks watermarks;
    memset(epoch, epoch_byte, sizeof epoch);
    must(store_look_up(store, bridge, epoch, &watermarks, &why));
    return watermarks;
}
