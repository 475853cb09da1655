#include "tunnel/batch_decoder.h"

#include "tunnel/columns.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

struct batch_decoder {
    ZSTD_DCtx *zstd;
    uint8_t *body; /* owned: the last compressed body, decompressed */
    size_t capacity;
    struct columns_reader columns;
};

struct batch_decoder *batch_decoder_new(void)
{
    struct batch_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) {
        return NULL;
    }
    columns_reader_init(&decoder->columns);
    decoder->zstd = ZSTD_createDCtx();
    if (!decoder->zstd) {
        batch_decoder_free(decoder);
        return NULL;
    }
    return decoder;
}

void batch_decoder_free(struct batch_decoder *decoder)
{
    if (!decoder) {
        return;
    }
    ZSTD_freeDCtx(decoder->zstd);
    columns_reader_fini(&decoder->columns);
    free(decoder->body);
    free(decoder);
}

static enum err make_room(struct batch_decoder *decoder, size_t size)
{
    if (size <= decoder->capacity) {
        return ERR_OK;
    }
    uint8_t *body = realloc(decoder->body, size);
    if (!body) {
        return ERR_NO_MEMORY;
    }
    decoder->body = body;
    decoder->capacity = size;
    return ERR_OK;
}

/* One zstd frame that says the size the head says (RFC 8878). libzstd alone would also take several frames,
 * frames to skip, and the formats of its youth. */
static bool is_one_frame(const struct batch_view *view)
{
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    struct bytes body = view->body;
    return body.size >= sizeof magic && memcmp(body.data, magic, sizeof magic) == 0 &&
           ZSTD_findFrameCompressedSize(body.data, body.size) == body.size &&
           ZSTD_getFrameContentSize(body.data, body.size) == view->body_size;
}

static enum err decompress(struct batch_decoder *decoder, const struct batch_view *view, struct bytes *body,
                           struct err_text *why)
{
    if (!view->compressed) {
        *body = view->body;
        return ERR_OK;
    }
    if (view->body_size > BATCH_BODY_MAX || !is_one_frame(view)) {
        return err_set(why, ERR_MALFORMED, "batch: the compressed body is not one zstd frame of its size");
    }
    if (make_room(decoder, view->body_size) != ERR_OK) {
        return err_set(why, ERR_NO_MEMORY, "batch: out of memory");
    }
    size_t size =
        ZSTD_decompressDCtx(decoder->zstd, decoder->body, view->body_size, view->body.data, view->body.size);
    if (ZSTD_isError(size) || size != view->body_size) {
        return err_set(why, ERR_MALFORMED, "batch: the body does not decompress");
    }
    *body = (struct bytes){.data = decoder->body, .size = size};
    return ERR_OK;
}

static enum err check_head(const struct batch_view *view, const struct catalog *catalog, struct err_text *why)
{
    if (view->kind != BATCH_READINGS) {
        return err_set(why, ERR_MALFORMED, "batch: not one of readings");
    }
    if (memcmp(view->catalog_hash, catalog_hash(catalog), CATALOG_HASH_SIZE) != 0) {
        return err_set(why, ERR_MALFORMED, "batch: made with another catalog");
    }
    return ERR_OK;
}

static enum err open_columns(struct batch_decoder *decoder, const struct batch_view *view,
                             const struct catalog *catalog, struct err_text *why)
{
    struct bytes body = {0};
    enum err err = check_head(view, catalog, why);
    if (err == ERR_OK) {
        err = decompress(decoder, view, &body, why);
    }
    if (err == ERR_OK) {
        err = columns_open(&decoder->columns, body, view, why);
    }
    return err;
}

enum err batch_decode(struct batch_decoder *decoder, const struct batch_view *view,
                      const struct catalog *catalog, const struct batch_visitor *visitor,
                      struct err_text *why)
{
    enum err err = open_columns(decoder, view, catalog, why);
    if (err == ERR_OK) {
        err = columns_walk(&decoder->columns, view, catalog, NULL, why);
    }
    if (err == ERR_OK && visitor) {
        err = columns_walk(&decoder->columns, view, catalog, visitor, why);
    }
    return err;
}

enum err batch_decode_tag(struct batch_decoder *decoder, const struct batch_view *view,
                          const struct catalog *catalog, uint32_t tag, const struct batch_visitor *visitor,
                          struct err_text *why)
{
    enum err err = open_columns(decoder, view, catalog, why);
    return err == ERR_OK ? columns_walk_tag(&decoder->columns, view, catalog, tag, visitor, why) : err;
}
