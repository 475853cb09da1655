/*
 * Batches. The first byte says what follows:
 *
 *   0  an encoded batch
 *   1  the columns of one: count − 1 (u16), first_us (u64), last_us (u64), body
 *   2  the same with the body's size (u32) before a compressed body
 *   3  the gaps of one: count (u16), first_us (u64), last_us (u64), body
 *
 * so that the fuzzer need not find a digest. Readings that were accepted must survive being built into a
 * batch, and be the same when each tag is read alone.
 */
#include "base/wire.h"
#include "support/protocol_examples.h"
#include "tunnel/batch_builder.h"
#include "tunnel/batch_decoder.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Kept between inputs, for speed. */
static struct catalog *catalog;
static struct batch_decoder *decoder;
static struct batch_builder *builder;

static void make_once(void)
{
    static const struct catalog_tag tags[] = {
        {.name = "a", .unit = "", .link = "", .type = VALUE_BOOL, .words = 1, .scale = 1},
        {.name = "b", .unit = "", .link = "", .type = VALUE_UINT16, .words = 1, .scale = 1},
        {.name = "c", .unit = "", .link = "", .type = VALUE_FLOAT32, .order = 1, .words = 2, .scale = 1},
        {.name = "d", .unit = "", .link = "", .type = VALUE_INT64, .order = 2, .words = 4, .scale = 1},
        {.name = "e", .unit = "", .link = "", .type = VALUE_STRING, .words = 3, .scale = 1},
    };
    if (catalog) {
        return;
    }
    if (catalog_new(tags, sizeof tags / sizeof tags[0], &catalog, NULL) != ERR_OK) {
        abort();
    }
    decoder = batch_decoder_new();
    builder = batch_builder_new(catalog);
}

struct digest {
    uint64_t sum;
    bool build;
};

static void mix(struct digest *digest, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        digest->sum = (digest->sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
}

static enum err take_reading(void *owner, const struct reading *reading)
{
    struct digest *digest = owner;
    mix(digest, &reading->tag, sizeof reading->tag);
    mix(digest, &reading->quality, sizeof reading->quality);
    mix(digest, &reading->request_us, sizeof reading->request_us);
    mix(digest, &reading->response_us, sizeof reading->response_us);
    mix(digest, reading->words, reading->word_count * sizeof reading->words[0]);
    return digest->build ? batch_builder_add(builder, reading) : ERR_OK;
}

static void check_rebuilt(uint64_t sum)
{
    const struct batch_identity identity = {.sequence = 1};
    struct digest again = {0};
    const struct batch_visitor visitor = {.owner = &again, .reading = take_reading};
    struct batch_view view;
    struct buffer encoded;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    if (batch_builder_finish(builder, &identity, &encoded) != ERR_OK ||
        batch_open(buffer_bytes(&encoded), &view, NULL) != ERR_OK ||
        batch_decode(decoder, &view, catalog, &visitor, NULL) != ERR_OK || again.sum != sum) {
        abort();
    }
    buffer_fini(&encoded);
}

/* Every tag alone, one after the other: the same readings in the same order, if they are sound at all. */
static enum err decode_each_tag(const struct batch_view *view, struct digest *digest)
{
    const struct batch_visitor visitor = {.owner = digest, .reading = take_reading};
    enum err err = ERR_OK;
    for (uint32_t tag = 0; tag < catalog_count(catalog); tag++) {
        enum err narrow = batch_decode_tag(decoder, view, catalog, tag, &visitor, NULL);
        err = err == ERR_OK ? narrow : err;
    }
    return err;
}

static void decode_readings(const struct batch_view *view)
{
    struct digest narrow = {0};
    enum err each = decode_each_tag(view, &narrow);
    struct digest digest = {.build = true};
    const struct batch_visitor visitor = {.owner = &digest, .reading = take_reading};
    batch_builder_clear(builder);
    enum err err = batch_decode(decoder, view, catalog, &visitor, NULL);
    if (err == ERR_OK) {
        check_rebuilt(digest.sum);
        if (each != ERR_OK || narrow.sum != digest.sum) {
            abort();
        }
    } else if (err == ERR_MALFORMED && batch_builder_count(builder) > 0) {
        abort(); /* refused only after readings were handed out, or accepted what the builder refuses */
    }
}

static void decode_gaps(const struct batch_view *view)
{
    static struct gap gaps[BATCH_GAPS_MAX];
    size_t count;
    bool good = batch_decode_gaps(view, gaps, BATCH_GAPS_MAX, &count, NULL) == ERR_OK;
    if (good != (batch_decode_gaps(view, NULL, 0, &count, NULL) == ERR_OK)) {
        abort();
    }
    struct buffer encoded;
    struct batch_view again;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    if (good &&
        (batch_encode_gaps(gaps, count, &view->identity, &encoded) != ERR_OK ||
         batch_open(buffer_bytes(&encoded), &again, NULL) != ERR_OK || again.body.size != view->body.size ||
         memcmp(again.body.data, view->body.data, view->body.size) != 0)) {
        abort();
    }
    buffer_fini(&encoded);
}

static void open_whole(struct bytes encoded)
{
    struct batch_view view;
    if (batch_open(encoded, &view, NULL) != ERR_OK) {
        return;
    }
    if (view.kind == BATCH_GAPS) {
        decode_gaps(&view);
    } else {
        memcpy(view.catalog_hash, catalog_hash(catalog), CATALOG_HASH_SIZE);
        decode_readings(&view);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_once();
    struct wire_reader reader = wire_reader(data, size);
    uint8_t mode = wire_read_u8(&reader);
    if (mode == 0) {
        open_whole(wire_read_bytes(&reader, wire_left(&reader)));
        return 0;
    }
    struct batch_view view = {.kind = mode == 3 ? BATCH_GAPS : BATCH_READINGS, .identity.sequence = 1};
    memcpy(view.catalog_hash, catalog_hash(catalog), CATALOG_HASH_SIZE);
    view.count = wire_read_u16(&reader) + (mode == 3 ? 0U : 1U);
    view.first_us = (int64_t)wire_read_u64(&reader);
    view.last_us = (int64_t)wire_read_u64(&reader);
    view.compressed = mode == 2;
    view.body_size = view.compressed ? wire_read_u32(&reader) % (1 << 20) : wire_left(&reader);
    view.body = wire_read_bytes(&reader, wire_left(&reader));
    if (reader.failed || mode > 3) {
        return 0;
    }
    if (mode == 3) {
        decode_gaps(&view);
    } else {
        decode_readings(&view);
    }
    return 0;
}
