/*
 * store_fixture: batches for tests of stores. The store looks into a batch no further than its head, so the
 * bytes are made up; only the digest is at its place.
 */
#ifndef BOURDON_TESTS_STORE_FIXTURE_H
#define BOURDON_TESTS_STORE_FIXTURE_H

#include "store/store.h"

enum { FIXTURE_BATCH_SIZE = 300 };

struct fixture_batch {
    struct batch_view view;
    uint8_t bytes[FIXTURE_BATCH_SIZE];
};

/* A catalog's hash, of which there is one: 32 times 0xca. */
extern const uint8_t fixture_hash[CATALOG_HASH_SIZE];

/* `content` tells batches of one identity apart. Covers the second that begins at the sequence. */
void fixture_batch(struct fixture_batch *batch, uint8_t epoch, uint64_t sequence, uint8_t content);

/* Puts the catalog in a group of its own. */
void fixture_put_catalog(struct store *store);

/* Puts one batch in a group of its own and returns its answer. */
enum store_result fixture_put(struct store *store, const char *bridge, const struct fixture_batch *batch);

#endif
