#include "tunnel/catalog.h"

#include "base/wire.h"
#include "tunnel/cbor.h"
#include "tunnel/digest.h"
#include "tunnel/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)CATALOG_HASH_SIZE == (int)DIGEST_SIZE, "a catalog is named by its SHA-256");

enum {
    CATALOG_FORMAT = 1,  /* the first item of every catalog */
    CATALOG_ITEMS = 2,   /* format, tags */
    TAG_ITEMS = 13,      /* the fields of struct catalog_tag, in its order */
    TAG_FIXED_SIZE = 48, /* more than the encoded size of a tag without the bytes of its texts */
    CATALOG_FIXED_SIZE = 16,
    ADDRESS_END = 65536,
    BIT_MAX = 15,
    ORDER_MAX = ORDER_WORDS_SWAPPED | ORDER_BYTES_SWAPPED,
};

struct catalog {
    struct catalog_tag *tags; /* owned; their texts lie in `texts` */
    size_t count;
    char *texts;       /* owned; each ends with NUL */
    uint32_t *by_name; /* owned; tag indices in order of name */
    uint8_t *encoded;  /* owned */
    size_t encoded_size;
    uint8_t hash[CATALOG_HASH_SIZE];
};

static bool is_bit_table(enum table table)
{
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

static bool is_register_table(enum table table)
{
    return table == TABLE_INPUT || table == TABLE_HOLDING;
}

static bool has_right_words(const struct catalog_tag *tag)
{
    if (tag->type == VALUE_STRING) {
        return tag->words >= 1 && tag->words <= READING_WORDS_MAX;
    }
    uint8_t words = value_type_words(tag->type);
    return words > 0 && tag->words == words;
}

/* What is wrong with a tag whose texts have been checked, in plain words; NULL if nothing is. */
static const char *tag_fault(const struct catalog_tag *tag)
{
    if (tag->type < VALUE_BOOL || tag->type > VALUE_STRING) {
        return "unknown type";
    }
    if ((unsigned)tag->table > TABLE_HOLDING) {
        return "unknown table";
    }
    if (tag->table == TABLE_NONE && (tag->link[0] || tag->unit_id || tag->address)) {
        return "has a link, unit or address without a table";
    }
    if (is_bit_table(tag->table) && tag->type != VALUE_BOOL) {
        return "a coil or discrete input holds only a bool";
    }
    if (!has_right_words(tag)) {
        return "wrong number of words for its type";
    }
    if (tag->address + tag->words > ADDRESS_END) {
        return "reaches past address 65535";
    }
    if (tag->order > ORDER_MAX) {
        return "unknown order";
    }
    if (tag->bit > BIT_MAX || (tag->bit && (tag->type != VALUE_BOOL || !is_register_table(tag->table)))) {
        return "a bit that its type and table do not have";
    }
    if (!isfinite(tag->scale) || tag->scale == 0 || !isfinite(tag->offset)) {
        return "scale or offset is not a number to calculate with";
    }
    if ((tag->type == VALUE_STRING || tag->type == VALUE_BOOL) && (tag->scale != 1 || tag->offset != 0)) {
        return "a string or bool cannot be scaled";
    }
    return NULL;
}

static bool is_text(const char *text, size_t min, size_t max)
{
    size_t size = text ? strnlen(text, max + 1) : SIZE_MAX;
    return size >= min && size <= max && text_is_printable(text, size);
}

static enum err check_tag(const struct catalog_tag *tag, struct err_text *why)
{
    if (!is_text(tag->name, 1, CATALOG_NAME_MAX)) {
        return err_set(why, ERR_MALFORMED, "name is not 1 to %d bytes of printable UTF-8", CATALOG_NAME_MAX);
    }
    if (!is_text(tag->unit, 0, CATALOG_UNIT_MAX) || !is_text(tag->link, 0, CATALOG_LINK_MAX)) {
        return err_set(why, ERR_MALFORMED, "%s: unit or link is too long or not printable UTF-8", tag->name);
    }
    const char *fault = tag_fault(tag);
    return fault ? err_set(why, ERR_MALFORMED, "%s: %s", tag->name, fault) : ERR_OK;
}

static void put_tag(struct wire_writer *writer, const struct catalog_tag *tag)
{
    cbor_put_array(writer, TAG_ITEMS);
    cbor_put_text(writer, tag->name, strlen(tag->name));
    cbor_put_text(writer, tag->unit, strlen(tag->unit));
    cbor_put_text(writer, tag->link, strlen(tag->link));
    cbor_put_uint(writer, tag->unit_id);
    cbor_put_uint(writer, tag->table);
    cbor_put_uint(writer, tag->address);
    cbor_put_uint(writer, tag->type);
    cbor_put_uint(writer, tag->order);
    cbor_put_uint(writer, tag->bit);
    cbor_put_uint(writer, tag->words);
    cbor_put_double(writer, tag->scale);
    cbor_put_double(writer, tag->offset);
    cbor_put_uint(writer, tag->priority);
}

/* A tag as it lies in the encoding: its texts have no NUL. */
struct taken_tag {
    struct bytes name, unit, link;
    struct catalog_tag rest;
};

static struct taken_tag take_tag(struct cbor_cursor *cursor)
{
    struct taken_tag taken = {0};
    cbor_take_array(cursor, TAG_ITEMS, TAG_ITEMS);
    taken.name = cbor_take_text(cursor, 1, CATALOG_NAME_MAX);
    taken.unit = cbor_take_text(cursor, 0, CATALOG_UNIT_MAX);
    taken.link = cbor_take_text(cursor, 0, CATALOG_LINK_MAX);
    taken.rest.unit_id = (uint8_t)cbor_take_uint(cursor, 0, UINT8_MAX);
    taken.rest.table = (enum table)cbor_take_uint(cursor, 0, TABLE_HOLDING);
    taken.rest.address = (uint16_t)cbor_take_uint(cursor, 0, UINT16_MAX);
    taken.rest.type = (enum value_type)cbor_take_uint(cursor, VALUE_BOOL, VALUE_STRING);
    taken.rest.order = (uint8_t)cbor_take_uint(cursor, 0, ORDER_MAX);
    taken.rest.bit = (uint8_t)cbor_take_uint(cursor, 0, BIT_MAX);
    taken.rest.words = (uint8_t)cbor_take_uint(cursor, 1, READING_WORDS_MAX);
    taken.rest.scale = cbor_take_double(cursor);
    taken.rest.offset = cbor_take_double(cursor);
    taken.rest.priority = (uint8_t)cbor_take_uint(cursor, 0, UINT8_MAX);
    return taken;
}

static bool same_bytes(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Neighbours mostly share unit and link: such texts are kept once. */
static size_t texts_size(const struct taken_tag *tag, const struct taken_tag *before)
{
    size_t size = tag->name.size + 1;
    size += same_bytes(tag->unit, before->unit) ? 0 : tag->unit.size + 1;
    size += same_bytes(tag->link, before->link) ? 0 : tag->link.size + 1;
    return size;
}

static enum err take_head(struct cbor_cursor *cursor, size_t *count, struct err_text *why)
{
    *count = 0;
    cbor_take_array(cursor, CATALOG_ITEMS, CATALOG_ITEMS);
    uint64_t format = cbor_take_uint(cursor, 0, UINT64_MAX);
    if (!cursor->failed && format != CATALOG_FORMAT) {
        return err_set(why, ERR_VERSION, "catalog of format %llu", (unsigned long long)format);
    }
    *count = cbor_take_array(cursor, 0, CATALOG_TAGS_MAX);
    return cursor->failed ? err_set(why, ERR_MALFORMED, "catalog: not a list of tags") : ERR_OK;
}

/* Goes through the encoding once and says how many tags and bytes of text there are, before any is stored. */
static enum err measure(struct bytes encoded, size_t *count, size_t *texts, struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(encoded);
    enum err err = take_head(&cursor, count, why);
    if (err != ERR_OK) {
        return err;
    }
    *texts = 2; /* the empty unit and link before the first tag */
    struct taken_tag before = {0};
    for (size_t i = 0; i < *count; i++) {
        struct taken_tag tag = take_tag(&cursor);
        if (cursor.failed) {
            return err_set(why, ERR_MALFORMED, "catalog: tag %zu is malformed", i);
        }
        *texts += texts_size(&tag, &before);
        before = tag;
    }
    return cbor_cursor_done(&cursor) ? ERR_OK : err_set(why, ERR_MALFORMED, "catalog: bytes behind the end");
}

static const char *keep_text(char **at, struct bytes text)
{
    char *kept = *at;
    if (text.size > 0) {
        memcpy(kept, text.data, text.size);
    }
    kept[text.size] = '\0';
    *at += text.size + 1;
    return kept;
}

/* The encoding has been measured: nothing here can fail but what the tags say. */
static enum err fill(struct catalog *catalog, struct err_text *why)
{
    struct cbor_cursor cursor = cbor_cursor(catalog_encoded(catalog));
    size_t count = 0;
    enum err err = take_head(&cursor, &count, why);
    char *at = catalog->texts;
    const char *unit = keep_text(&at, (struct bytes){0});
    const char *link = keep_text(&at, (struct bytes){0});
    struct taken_tag before = {0};
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        struct taken_tag taken = take_tag(&cursor);
        struct catalog_tag *tag = &catalog->tags[i];
        *tag = taken.rest;
        tag->name = keep_text(&at, taken.name);
        tag->unit = unit = same_bytes(taken.unit, before.unit) ? unit : keep_text(&at, taken.unit);
        tag->link = link = same_bytes(taken.link, before.link) ? link : keep_text(&at, taken.link);
        err = check_tag(tag, why);
        before = taken;
    }
    catalog->count = count;
    return err == ERR_OK ? ERR_OK : err_prefix(why, err, "catalog: tag");
}

static int compare_names(const void *left, const void *right, void *context)
{
    const struct catalog_tag *tags = context;
    return strcmp(tags[*(const uint32_t *)left].name, tags[*(const uint32_t *)right].name);
}

static enum err index_names(struct catalog *catalog, struct err_text *why)
{
    for (size_t i = 0; i < catalog->count; i++) {
        catalog->by_name[i] = (uint32_t)i;
    }
    qsort_r(catalog->by_name, catalog->count, sizeof *catalog->by_name, compare_names, catalog->tags);
    for (size_t i = 1; i < catalog->count; i++) {
        const char *name = catalog->tags[catalog->by_name[i]].name;
        if (strcmp(catalog->tags[catalog->by_name[i - 1]].name, name) == 0) {
            return err_set(why, ERR_MALFORMED, "catalog: tag %s is there twice", name);
        }
    }
    return ERR_OK;
}

static enum err build(struct catalog *catalog, struct bytes encoded, struct err_text *why)
{
    size_t count;
    size_t texts;
    enum err err = measure(encoded, &count, &texts, why);
    if (err != ERR_OK) {
        return err;
    }
    catalog->tags = calloc(count + 1, sizeof *catalog->tags);
    catalog->by_name = calloc(count + 1, sizeof *catalog->by_name);
    catalog->texts = malloc(texts);
    catalog->encoded = malloc(encoded.size);
    if (!catalog->tags || !catalog->by_name || !catalog->texts || !catalog->encoded) {
        return err_set(why, ERR_NO_MEMORY, "catalog of %zu tags: out of memory", count);
    }
    memcpy(catalog->encoded, encoded.data, encoded.size);
    catalog->encoded_size = encoded.size;
    err = fill(catalog, why);
    if (err == ERR_OK) {
        err = index_names(catalog, why);
    }
    return err == ERR_OK ? digest_sha256(encoded, catalog->hash) : err;
}

enum err catalog_decode(struct bytes encoded, struct catalog **catalog, struct err_text *why)
{
    *catalog = NULL;
    if (encoded.size > CATALOG_SIZE_MAX) {
        return err_set(why, ERR_LIMIT, "catalog of %zu bytes: more than %d", encoded.size, CATALOG_SIZE_MAX);
    }
    struct catalog *made = calloc(1, sizeof *made);
    if (!made) {
        return err_set(why, ERR_NO_MEMORY, "catalog: out of memory");
    }
    enum err err = build(made, encoded, why);
    if (err != ERR_OK) {
        catalog_free(made);
        return err;
    }
    *catalog = made;
    return ERR_OK;
}

static enum err check_tags(const struct catalog_tag *tags, size_t count, size_t *size, struct err_text *why)
{
    *size = CATALOG_FIXED_SIZE;
    for (size_t i = 0; i < count; i++) {
        enum err err = check_tag(&tags[i], why);
        if (err != ERR_OK) {
            return err_prefix(why, err, "catalog: tag");
        }
        *size += TAG_FIXED_SIZE + strlen(tags[i].name) + strlen(tags[i].unit) + strlen(tags[i].link);
    }
    return ERR_OK;
}

enum err catalog_new(const struct catalog_tag *tags, size_t count, struct catalog **catalog,
                     struct err_text *why)
{
    *catalog = NULL;
    if (count > CATALOG_TAGS_MAX) {
        return err_set(why, ERR_LIMIT, "catalog of %zu tags: more than %d", count, CATALOG_TAGS_MAX);
    }
    size_t size;
    enum err err = check_tags(tags, count, &size, why);
    if (err != ERR_OK) {
        return err;
    }
    uint8_t *space = malloc(size);
    if (!space) {
        return err_set(why, ERR_NO_MEMORY, "catalog of %zu tags: out of memory", count);
    }
    struct wire_writer writer = wire_writer(space, size);
    cbor_put_array(&writer, CATALOG_ITEMS);
    cbor_put_uint(&writer, CATALOG_FORMAT);
    cbor_put_array(&writer, count);
    for (size_t i = 0; i < count; i++) {
        put_tag(&writer, &tags[i]);
    }
    /* Reading back what was written leaves one way to make a catalog, and proves that others can read it. */
    err = catalog_decode((struct bytes){.data = space, .size = wire_written(&writer)}, catalog, why);
    free(space);
    return err;
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog) {
        return;
    }
    free(catalog->tags);
    free(catalog->by_name);
    free(catalog->texts);
    free(catalog->encoded);
    free(catalog);
}

size_t catalog_count(const struct catalog *catalog)
{
    return catalog->count;
}

const struct catalog_tag *catalog_tag(const struct catalog *catalog, size_t index)
{
    return &catalog->tags[index];
}

size_t catalog_find(const struct catalog *catalog, const char *name)
{
    size_t low = 0;
    size_t high = catalog->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, catalog->tags[catalog->by_name[middle]].name);
        if (order == 0) {
            return catalog->by_name[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return SIZE_MAX;
}

struct bytes catalog_encoded(const struct catalog *catalog)
{
    return (struct bytes){.data = catalog->encoded, .size = catalog->encoded_size};
}

const uint8_t *catalog_hash(const struct catalog *catalog)
{
    return catalog->hash;
}
