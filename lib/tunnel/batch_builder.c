#include "tunnel/batch_builder.h"

#include "tunnel/columns.h"
#include "tunnel/value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum {
    ZSTD_LEVEL = 1,
    /* A negative level leaves out Huffman's coding of what does not repeat (zstd.h). It saves a small body
     * next to nothing, for its table has to travel too, and reading such a table is most of the work of
     * inflating. */
    SMALL_BODY_LEVEL = -1,
    FIRST_CAPACITY = 64,
    /* What one reading may add to the body: its stamp, tag, time, quality and number. */
    READING_SIZE_MAX = 48,
    BODY_MAX = BATCH_SIZE_MAX - 1024, /* leaves room for the head, the columns' heads and the digest */
    RADIX_BITS = 10,
    RADIX = 1 << RADIX_BITS,
};

_Static_assert(CATALOG_TAGS_MAX <= RADIX * RADIX, "two passes sort every tag index");
_Static_assert((long)BATCH_READINGS_MAX *READING_SIZE_MAX <= BODY_MAX, "a full batch of numbers fits");

/* The readings of a tag are a ring: its last one is in `last_of_tag`, and next of the last is the first. */
struct entry {
    uint64_t bits; /* the value; of a string, where its words start in `strings` */
    uint32_t next;
    uint32_t stamp;
    enum quality quality;
};

struct batch_builder {
    const struct catalog *catalog; /* borrowed */
    uint32_t *last_of_tag;         /* owned, one a tag of the catalog: index of an entry + 1; 0 = none */
    struct entry *entries;         /* owned */
    struct column_stamp *stamps;   /* owned */
    uint32_t *tags;                /* owned: those with a reading */
    uint32_t *sorted;              /* owned: space to sort them */
    size_t capacity;               /* of the four above: there is never more of any than of readings */
    uint16_t *strings;             /* owned */
    size_t string_capacity;
    size_t entry_count, tag_count;
    struct columns_size size;
    size_t bytes; /* of the body, at most */
    int64_t first_us, last_us;
    struct columns_writer columns;
    ZSTD_CCtx *zstd;
    struct buffer body, compressed;
};

struct batch_builder *batch_builder_new(const struct catalog *catalog)
{
    struct batch_builder *builder = calloc(1, sizeof *builder);
    if (!builder) {
        return NULL;
    }
    builder->catalog = catalog;
    columns_writer_init(&builder->columns);
    buffer_init(&builder->body, BATCH_BODY_MAX);
    buffer_init(&builder->compressed, BATCH_BODY_MAX);
    builder->zstd = ZSTD_createCCtx();
    builder->last_of_tag = calloc(catalog_count(catalog) + 1, sizeof *builder->last_of_tag);
    if (!builder->zstd || !builder->last_of_tag) {
        batch_builder_free(builder);
        return NULL;
    }
    batch_builder_clear(builder);
    return builder;
}

void batch_builder_free(struct batch_builder *builder)
{
    if (!builder) {
        return;
    }
    ZSTD_freeCCtx(builder->zstd);
    columns_writer_fini(&builder->columns);
    buffer_fini(&builder->body);
    buffer_fini(&builder->compressed);
    free(builder->last_of_tag);
    free(builder->entries);
    free(builder->stamps);
    free(builder->tags);
    free(builder->sorted);
    free(builder->strings);
    free(builder);
}

void batch_builder_clear(struct batch_builder *builder)
{
    for (size_t i = 0; i < builder->tag_count; i++) {
        builder->last_of_tag[builder->tags[i]] = 0;
    }
    builder->entry_count = 0;
    builder->tag_count = 0;
    builder->size = (struct columns_size){0};
    builder->bytes = 0;
    builder->first_us = INT64_MAX;
    builder->last_us = 0;
}

size_t batch_builder_count(const struct batch_builder *builder)
{
    return builder->entry_count;
}

static enum err check(const struct batch_builder *builder, const struct reading *reading)
{
    if (reading->tag >= catalog_count(builder->catalog) || !quality_is_known(reading->quality) ||
        !batch_is_time(reading->request_us) || !batch_is_time(reading->response_us)) {
        return ERR_MALFORMED;
    }
    const struct catalog_tag *tag = catalog_tag(builder->catalog, reading->tag);
    size_t words = quality_has_value(reading->quality) ? tag->words : 0;
    return reading->word_count == words && value_words_fit(tag, reading->words, words) ? ERR_OK
                                                                                       : ERR_MALFORMED;
}

/* The array with room for `count`; the old one, and *failed, where memory is out. */
static void *grown(void *array, size_t count, size_t element_size, bool *failed)
{
    void *larger = reallocarray(array, count, element_size);
    *failed = *failed || !larger;
    return larger ? larger : array;
}

static enum err make_room(struct batch_builder *builder, size_t words)
{
    bool failed = false;
    if (builder->entry_count == builder->capacity) {
        size_t capacity = builder->capacity ? 2 * builder->capacity : FIRST_CAPACITY;
        builder->entries = grown(builder->entries, capacity, sizeof *builder->entries, &failed);
        builder->stamps = grown(builder->stamps, capacity, sizeof *builder->stamps, &failed);
        builder->tags = grown(builder->tags, capacity, sizeof *builder->tags, &failed);
        builder->sorted = grown(builder->sorted, capacity, sizeof *builder->sorted, &failed);
        builder->capacity = failed ? builder->capacity : capacity;
    }
    size_t strings = builder->size.values[COLUMN_STRINGS] + words;
    if (strings > builder->string_capacity) {
        builder->strings = grown(builder->strings, 2 * strings, sizeof *builder->strings, &failed);
        builder->string_capacity = failed ? builder->string_capacity : 2 * strings;
    }
    return failed ? ERR_NO_MEMORY : ERR_OK;
}

/* Readings of one request come one after the other: only the last stamp is looked at. */
static uint32_t stamp_of(struct batch_builder *builder, const struct reading *reading)
{
    struct column_stamp stamp = {reading->request_us, reading->response_us};
    size_t count = builder->size.stamps;
    const struct column_stamp *last = count ? &builder->stamps[count - 1] : NULL;
    if (last && last->request_us == stamp.request_us && last->response_us == stamp.response_us) {
        return (uint32_t)(count - 1);
    }
    assert(builder->stamps && count < builder->capacity);
    builder->stamps[count] = stamp;
    builder->size.stamps++;
    builder->first_us = stamp.request_us < builder->first_us ? stamp.request_us : builder->first_us;
    builder->last_us = stamp.response_us > builder->last_us ? stamp.response_us : builder->last_us;
    return (uint32_t)count;
}

static uint64_t keep_value(struct batch_builder *builder, const struct catalog_tag *tag,
                           const struct reading *reading)
{
    enum column column = column_of(tag);
    if (reading->word_count == 0) {
        return 0;
    }
    if (column != COLUMN_STRINGS) {
        builder->size.values[column]++;
        return value_join_words(tag->order, reading->words, tag->words);
    }
    size_t start = builder->size.values[COLUMN_STRINGS];
    memcpy(builder->strings + start, reading->words, tag->words * sizeof *reading->words);
    builder->size.values[COLUMN_STRINGS] += tag->words;
    return start;
}

static void link_entry(struct batch_builder *builder, uint32_t tag, uint32_t index)
{
    struct entry *entries = builder->entries;
    uint32_t last = builder->last_of_tag[tag];
    if (last == 0) {
        builder->tags[builder->tag_count++] = tag;
        entries[index].next = index;
    } else {
        entries[index].next = entries[last - 1].next;
        entries[last - 1].next = index;
    }
    builder->last_of_tag[tag] = index + 1;
}

enum err batch_builder_add(struct batch_builder *builder, const struct reading *reading)
{
    enum err err = check(builder, reading);
    if (err != ERR_OK) {
        return err;
    }
    const struct catalog_tag *tag = catalog_tag(builder->catalog, reading->tag);
    size_t words = tag->type == VALUE_STRING ? reading->word_count : 0;
    size_t bytes = READING_SIZE_MAX + 2 * words;
    if (builder->entry_count == BATCH_READINGS_MAX || builder->bytes + bytes > BODY_MAX) {
        return ERR_LIMIT;
    }
    err = make_room(builder, words);
    if (err != ERR_OK) {
        return err;
    }
    uint32_t index = (uint32_t)builder->entry_count++;
    struct entry *entry = &builder->entries[index];
    entry->stamp = stamp_of(builder, reading);
    entry->quality = reading->quality;
    entry->bits = keep_value(builder, tag, reading);
    link_entry(builder, reading->tag, index);
    builder->bytes += bytes;
    return ERR_OK;
}

static void sort_by_digit(const uint32_t *from, uint32_t *to, size_t count, unsigned shift)
{
    uint32_t start[RADIX] = {0};
    for (size_t i = 0; i < count; i++) {
        start[from[i] >> shift & (RADIX - 1)]++;
    }
    uint32_t sum = 0;
    for (size_t i = 0; i < RADIX; i++) {
        uint32_t here = start[i];
        start[i] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++) {
        to[start[from[i] >> shift & (RADIX - 1)]++] = from[i];
    }
}

/* Polls come in order of tag, or nearly: most batches need no sorting. */
static void sort_tags(struct batch_builder *builder)
{
    bool ascending = true;
    for (size_t i = 1; i < builder->tag_count && ascending; i++) {
        ascending = builder->tags[i - 1] < builder->tags[i];
    }
    if (!ascending) {
        sort_by_digit(builder->tags, builder->sorted, builder->tag_count, 0);
        sort_by_digit(builder->sorted, builder->tags, builder->tag_count, RADIX_BITS);
    }
}

static size_t ring_size(const struct batch_builder *builder, uint32_t last)
{
    size_t size = 1;
    for (uint32_t at = builder->entries[last].next; at != last; at = builder->entries[at].next) {
        size++;
    }
    return size;
}

static void put_value(struct batch_builder *builder, const struct catalog_tag *tag, const struct entry *entry)
{
    enum column column = column_of(tag);
    if (!quality_has_value(entry->quality)) {
        return;
    }
    if (column == COLUMN_STRINGS) {
        columns_put_string(&builder->columns, builder->strings + entry->bits, tag->words);
    } else {
        columns_put_bits(&builder->columns, column, entry->bits);
    }
}

static void put_tag(struct batch_builder *builder, uint32_t index)
{
    const struct catalog_tag *tag = catalog_tag(builder->catalog, index);
    uint32_t last = builder->last_of_tag[index] - 1;
    size_t count = ring_size(builder, last);
    columns_put_tag(&builder->columns, index, count);
    uint32_t at = last;
    for (size_t i = 0; i < count; i++) {
        at = builder->entries[at].next;
        columns_put_reading(&builder->columns, builder->entries[at].stamp, builder->entries[at].quality);
        put_value(builder, tag, &builder->entries[at]);
    }
}

static enum err make_body(struct batch_builder *builder)
{
    sort_tags(builder);
    builder->size.tags = builder->tag_count;
    builder->size.readings = builder->entry_count;
    enum err err = columns_begin(&builder->columns, &builder->size, builder->first_us);
    if (err != ERR_OK) {
        return err;
    }
    for (size_t i = 0; i < builder->size.stamps; i++) {
        columns_put_stamp(&builder->columns, &builder->stamps[i]);
    }
    for (size_t i = 0; i < builder->tag_count; i++) {
        put_tag(builder, builder->tags[i]);
    }
    buffer_clear(&builder->body);
    return columns_end(&builder->columns, &builder->body);
}

/* Compresses where that makes it shorter. Failing to is no error: the body then travels as it is. */
static void compress(struct batch_builder *builder, struct batch_view *view)
{
    size_t bound = ZSTD_compressBound(view->body_size);
    buffer_clear(&builder->compressed);
    uint8_t *space = buffer_reserve(&builder->compressed, bound);
    if (!space) {
        return;
    }
    int level = view->body_size <= BATCH_BUILDER_SMALL_BODY ? SMALL_BODY_LEVEL : ZSTD_LEVEL;
    size_t size = ZSTD_compressCCtx(builder->zstd, space, bound, view->body.data, view->body.size, level);
    if (!ZSTD_isError(size) && size < view->body_size) {
        view->compressed = true;
        view->body = (struct bytes){.data = space, .size = size};
    }
}

enum err batch_builder_finish(struct batch_builder *builder, const struct batch_identity *identity,
                              struct buffer *out)
{
    if (builder->entry_count == 0) {
        return ERR_LIMIT;
    }
    enum err err = make_body(builder);
    if (err != ERR_OK) {
        return err;
    }
    struct batch_view view = {.kind = BATCH_READINGS,
                              .identity = *identity,
                              .count = (uint32_t)builder->entry_count,
                              .first_us = builder->first_us,
                              .last_us = builder->last_us,
                              .body = buffer_bytes(&builder->body),
                              .body_size = builder->body.size};
    memcpy(view.catalog_hash, catalog_hash(builder->catalog), CATALOG_HASH_SIZE);
    compress(builder, &view);
    err = batch_seal(&view, out);
    if (err == ERR_OK) {
        batch_builder_clear(builder);
    }
    return err;
}
