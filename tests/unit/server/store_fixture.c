#include "store_fixture.h"

#include "base/clock.h"

#include <check.h>
#include <string.h>

#define BYTES_8(byte) byte, byte, byte, byte, byte, byte, byte, byte
const uint8_t fixture_hash[CATALOG_HASH_SIZE] = {BYTES_8(0xca), BYTES_8(0xca), BYTES_8(0xca), BYTES_8(0xca)};

void fixture_batch(struct fixture_batch *batch, uint8_t epoch, uint64_t sequence, uint8_t content)
{
    memset(batch->bytes, content, sizeof batch->bytes);
    int64_t second = (int64_t)(sequence % 1000000);
    batch->view = (struct batch_view){
        .kind = BATCH_READINGS,
        .identity = {.sequence = sequence},
        .count = 10,
        .first_us = second * CLOCK_US_PER_S,
        .last_us = (second + 1) * CLOCK_US_PER_S,
        .body = {batch->bytes, sizeof batch->bytes},
        .encoded = {batch->bytes, sizeof batch->bytes},
    };
    memset(batch->view.identity.epoch, epoch, BATCH_EPOCH_SIZE);
    memcpy(batch->view.catalog_hash, fixture_hash, CATALOG_HASH_SIZE);
    memset(batch->view.digest, content, BATCH_DIGEST_SIZE);
}

void fixture_put_catalog(struct store *store)
{
    struct err_text why;
    struct store_catalog catalog = {
        .hash = fixture_hash, .encoded = {(const uint8_t *)"tags", 4}, .received_us = 1};
    ck_assert_int_eq(store_begin(store, 1, &why), ERR_OK);
    ck_assert_int_eq(store_put_catalog(store, &catalog, &why), ERR_OK);
    ck_assert_int_eq(store_commit(store, &why), ERR_OK);
}

enum store_result fixture_put(struct store *store, const char *bridge, const struct fixture_batch *batch)
{
    struct err_text why;
    struct store_batch item = {.bridge = bridge, .view = &batch->view, .received_us = 1};
    enum err result = store_begin(store, batch->view.last_us, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    result = store_put_batch(store, &item, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    result = store_commit(store, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return item.result;
}
