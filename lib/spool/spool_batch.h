/*
 * spool_batch: one encoded batch on its way between the spool's thread and the loop, and the encoded catalog
 * it refers to. A batch has one owner at a time and never changes; catalogs are shared and counted.
 */
#ifndef BOURDON_SPOOL_SPOOL_BATCH_H
#define BOURDON_SPOOL_SPOOL_BATCH_H

#include "tunnel/batch.h"

#include <stdatomic.h>

/* Any thread may hold references; the content never changes. */
struct spool_catalog {
    atomic_uint references;
    int64_t id; /* row in the spool */
    uint8_t hash[CATALOG_HASH_SIZE];
    size_t size;
    uint8_t encoded[];
};

/* Copies the bytes; one reference. NULL: out of memory. */
MUST_USE struct spool_catalog *spool_catalog_new(int64_t id, const uint8_t *hash, struct bytes encoded);
struct spool_catalog *spool_catalog_ref(struct spool_catalog *catalog); /* NULL is fine */
void spool_catalog_unref(struct spool_catalog *catalog);                /* NULL is fine */

struct spool_batch {
    struct spool_batch *next; /* in a list */
    uint64_t seq;
    enum batch_kind kind;
    uint32_t readings; /* or gaps */
    unsigned priority; /* of the tags; SPOOL_PRIORITY_GAPS for gaps */
    int64_t first_us, last_us;
    int64_t spooled_us;            /* wall clock when it was committed; set by the spool */
    struct spool_catalog *catalog; /* a reference; NULL for gaps */
    size_t size;
    uint8_t encoded[];
};

enum { SPOOL_PRIORITY_GAPS = 256 }; /* above every tag's: never dropped */

/* Copies the view's bytes and takes a reference of the catalog. NULL: out of memory. */
MUST_USE struct spool_batch *spool_batch_new(const struct batch_view *view, struct spool_catalog *catalog);
void spool_batch_free(struct spool_batch *batch); /* NULL is fine */
struct bytes spool_batch_bytes(const struct spool_batch *batch);

/* First in, first out. All zero = empty. */
struct spool_batches {
    struct spool_batch *first, *last;
    size_t count;
    size_t bytes;
};

void spool_batches_append(struct spool_batches *batches, struct spool_batch *batch);
struct spool_batch *spool_batches_take(struct spool_batches *batches); /* NULL: empty */
/* Moves all of `from` behind `to`. */
void spool_batches_move(struct spool_batches *to, struct spool_batches *from);
void spool_batches_clear(struct spool_batches *batches);

#endif
