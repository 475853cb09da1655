/*
 * store_fixture: batches for tests of stores: real ones, of ten readings, under a catalog of one tag.
 */
#ifndef BOURDON_TESTS_STORE_FIXTURE_H
#define BOURDON_TESTS_STORE_FIXTURE_H

#include "store/store.h"

enum { FIXTURE_BATCH_SIZE = 512, FIXTURE_READINGS = 10 };

struct fixture_batch {
    struct batch_view view;
    uint8_t bytes[FIXTURE_BATCH_SIZE];
};

/* The catalog, made at first use and kept. */
const struct catalog *fixture_catalog(void);
const uint8_t *fixture_hash(void); /* its hash */

/* `content` tells batches of one identity apart: it is the value of the first reading, those that follow
 * count on. Covers the second that begins at the sequence. */
void fixture_batch(struct fixture_batch *batch, uint8_t epoch, uint64_t sequence, uint8_t content);

/* Puts the catalog in a group of its own. */
void fixture_put_catalog(struct store *store);

/* Whether it is stored; then byte by byte. */
bool fixture_has_catalog(struct store *store, const struct catalog *catalog);

/* Puts batches of a bridge in one group; the answers are in the items. */
enum err fixture_put_group(struct store *store, struct store_batch *items, size_t count,
                           struct err_text *why);

/* How often what was answered. */
struct fixture_tally {
    size_t committed, duplicates, others;
};
/* Puts the group again as long as the store is busy, and counts the answers. */
void fixture_put_and_count(struct store *store, struct store_batch *items, size_t count,
                           struct fixture_tally *tally);

/* Puts one batch in a group of its own and returns its answer. */
enum store_result fixture_put(struct store *store, const char *bridge, const struct fixture_batch *batch);

/* Puts a batch of gaps of epoch 1 in a group of its own, which must be committed. */
void fixture_put_gaps(struct store *store, const char *bridge, uint64_t sequence, const struct gap *gaps,
                      size_t count);

/* What the store has of a bridge's epoch. */
struct store_watermarks fixture_look_up(struct store *store, const char *bridge, uint8_t epoch);

#endif
