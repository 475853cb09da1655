#include "spool/spool_batch.h"

#include <stdlib.h>
#include <string.h>

struct spool_catalog *spool_catalog_new(int64_t id, const uint8_t *hash, struct bytes encoded)
{
    struct spool_catalog *catalog = malloc(sizeof *catalog + encoded.size);
    if (!catalog) {
        return NULL;
    }
    atomic_init(&catalog->references, 1);
    catalog->id = id;
    catalog->size = encoded.size;
    memcpy(catalog->hash, hash, CATALOG_HASH_SIZE);
    memcpy(catalog->encoded, encoded.data, encoded.size);
    return catalog;
}

struct spool_catalog *spool_catalog_ref(struct spool_catalog *catalog)
{
    if (catalog) {
        atomic_fetch_add_explicit(&catalog->references, 1, memory_order_relaxed);
    }
    return catalog;
}

void spool_catalog_unref(struct spool_catalog *catalog)
{
    if (catalog && atomic_fetch_sub_explicit(&catalog->references, 1, memory_order_acq_rel) == 1) {
        free(catalog);
    }
}

struct spool_batch *spool_batch_new(const struct batch_view *view, struct spool_catalog *catalog)
{
    struct spool_batch *batch = malloc(sizeof *batch + view->encoded.size);
    if (!batch) {
        return NULL;
    }
    *batch = (struct spool_batch){
        .seq = view->identity.sequence,
        .kind = view->kind,
        .readings = view->count,
        .priority = view->kind == BATCH_GAPS ? SPOOL_PRIORITY_GAPS : 0,
        .first_us = view->first_us,
        .last_us = view->last_us,
        .catalog = spool_catalog_ref(catalog),
        .size = view->encoded.size,
    };
    memcpy(batch->encoded, view->encoded.data, view->encoded.size);
    return batch;
}

void spool_batch_free(struct spool_batch *batch)
{
    if (batch) {
        spool_catalog_unref(batch->catalog);
        free(batch);
    }
}

struct bytes spool_batch_bytes(const struct spool_batch *batch)
{
    return (struct bytes){.data = batch->encoded, .size = batch->size};
}

void spool_batches_append(struct spool_batches *batches, struct spool_batch *batch)
{
    batch->next = NULL;
    if (batches->last) {
        batches->last->next = batch;
    } else {
        batches->first = batch;
    }
    batches->last = batch;
    batches->count++;
    batches->bytes += batch->size;
}

struct spool_batch *spool_batches_take(struct spool_batches *batches)
{
    struct spool_batch *batch = batches->first;
    if (!batch) {
        return NULL;
    }
    batches->first = batch->next;
    batches->last = batches->first ? batches->last : NULL;
    batches->count--;
    batches->bytes -= batch->size;
    batch->next = NULL;
    return batch;
}

void spool_batches_move(struct spool_batches *to, struct spool_batches *from)
{
    if (!from->first) {
        return;
    }
    if (to->last) {
        to->last->next = from->first;
    } else {
        to->first = from->first;
    }
    to->last = from->last;
    to->count += from->count;
    to->bytes += from->bytes;
    *from = (struct spool_batches){0};
}

void spool_batches_clear(struct spool_batches *batches)
{
    struct spool_batch *batch;
    while ((batch = spool_batches_take(batches))) {
        spool_batch_free(batch);
    }
}
