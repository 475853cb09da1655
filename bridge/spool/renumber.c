#include "spool/renumber.h"

#include "tunnel/batch_builder.h"
#include "tunnel/batch_decoder.h"

static enum err add(void *builder, const struct reading *reading)
{
    return batch_builder_add(builder, reading);
}

static enum err rebuild(struct spool *spool, const struct batch_view *view, const struct catalog *catalog,
                        struct buffer *encoded, struct err_text *why)
{
    struct batch_decoder *decoder = batch_decoder_new();
    struct batch_builder *builder = batch_builder_new(catalog);
    enum err result = ERR_NO_MEMORY;
    if (decoder && builder) {
        const struct batch_visitor visitor = {.owner = builder, .reading = add};
        result = batch_decode(decoder, view, catalog, &visitor, why);
    }
    if (result == ERR_OK) {
        struct batch_identity identity = spool_take_identity(spool);
        result = batch_builder_finish(builder, &identity, encoded);
    }
    batch_builder_free(builder);
    batch_decoder_free(decoder);
    return result;
}

static enum err rebuild_readings(struct spool *spool, const struct batch_view *view,
                                 const struct spool_catalog *row, struct buffer *encoded,
                                 struct err_text *why)
{
    struct catalog *catalog = NULL;
    struct bytes bytes = {.data = row->encoded, .size = row->size};
    enum err result = catalog_decode(bytes, &catalog, why);
    if (result == ERR_OK) {
        result = rebuild(spool, view, catalog, encoded, why);
    }
    catalog_free(catalog);
    return result;
}

static enum err rebuild_gaps(struct spool *spool, const struct batch_view *view, struct buffer *encoded,
                             struct err_text *why)
{
    struct gap_list gaps = {0};
    enum err result = batch_decode_gaps(view, gaps.gaps, GAP_LIST_MAX, &gaps.count, why);
    if (result == ERR_OK) {
        struct batch_identity identity = spool_take_identity(spool);
        result = batch_encode_gaps(gaps.gaps, gaps.count, &identity, encoded);
    }
    return result;
}

static enum err replace(struct spool *spool, const struct spool_batch *old, const struct buffer *encoded,
                        int64_t now_us, struct spool_batches *made, struct err_text *why)
{
    struct batch_view view;
    enum err result = batch_open(buffer_bytes(encoded), &view, why);
    struct spool_batch *batch = result == ERR_OK ? spool_batch_new(&view, old->catalog) : NULL;
    if (!batch) {
        return result == ERR_OK ? err_set(why, ERR_NO_MEMORY, "out of memory") : result;
    }
    batch->priority = old->priority;
    result = spool_append(spool, batch, now_us, why);
    if (result == ERR_OK) {
        result = spool_remove(spool, old->seq, why);
    }
    if (result != ERR_OK) {
        spool_batch_free(batch);
        return result;
    }
    spool_batches_append(made, batch);
    return ERR_OK;
}

enum err renumber(struct spool *spool, const struct spool_batch *batch, int64_t now_us,
                  struct spool_batches *made, struct err_text *why)
{
    struct batch_view view;
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    enum err result = batch_open(spool_batch_bytes(batch), &view, why);
    if (result == ERR_OK) {
        result = view.kind == BATCH_GAPS ? rebuild_gaps(spool, &view, &encoded, why)
                                         : rebuild_readings(spool, &view, batch->catalog, &encoded, why);
    }
    if (result == ERR_OK) {
        result = replace(spool, batch, &encoded, now_us, made, why);
    }
    buffer_fini(&encoded);
    return result == ERR_OK
               ? ERR_OK
               : err_prefix(why, result, "batch %llu under another number", (unsigned long long)batch->seq);
}
