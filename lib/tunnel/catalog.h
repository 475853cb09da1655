/*
 * catalog: the description of the tags that batches refer to. Content-addressed: its identity is the SHA-256
 * of its encoding, which is deterministic CBOR (RFC 8949 section 4.2), so the same tags give the same bytes.
 *
 * Immutable once made. Reading it is free of locks; any thread.
 */
#ifndef BOURDON_TUNNEL_CATALOG_H
#define BOURDON_TUNNEL_CATALOG_H

#include "base/buffer.h"
#include "base/err.h"
#include "tunnel/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CATALOG_HASH_SIZE = 32,
    CATALOG_TAGS_MAX = 1000000,
    CATALOG_SIZE_MAX = 64 * 1024 * 1024, /* encoded bytes */
    CATALOG_NAME_MAX = 255,              /* bytes of a tag's name, UTF-8 */
    CATALOG_UNIT_MAX = 31,               /* bytes of a unit of measure, UCUM */
    CATALOG_LINK_MAX = 63,
};

/* Written-out values: on the wire and in the store. */
enum table { TABLE_NONE = 0, TABLE_COIL = 1, TABLE_DISCRETE = 2, TABLE_INPUT = 3, TABLE_HOLDING = 4 };

enum value_type {
    VALUE_BOOL = 1, /* one word, 0 or 1; or bit `bit` of a register when the table has registers */
    VALUE_INT16 = 2,
    VALUE_UINT16 = 3,
    VALUE_INT32 = 4,
    VALUE_UINT32 = 5,
    VALUE_INT64 = 6,
    VALUE_UINT64 = 7,
    VALUE_FLOAT32 = 8,
    VALUE_FLOAT64 = 9,
    VALUE_BCD16 = 10, /* 4 digits */
    VALUE_BCD32 = 11, /* 8 digits */
    VALUE_STRING = 12 /* `words` registers, two characters each, high byte first unless bytes are swapped */
};

/* How the bytes of a value lie in its registers. A is the most significant byte. */
enum { ORDER_WORDS_SWAPPED = 1, ORDER_BYTES_SWAPPED = 2 };
/* 0 = ABCD, ORDER_WORDS_SWAPPED = CDAB, ORDER_BYTES_SWAPPED = BADC, both = DCBA. */

struct catalog_tag {
    const char *name; /* unique in the catalog */
    const char *unit; /* UCUM: "bar", "kPa"; "" = none */
    const char *link; /* "" when table is TABLE_NONE */
    uint8_t unit_id;
    enum table table;
    uint16_t address; /* zero-based, as on the wire */
    enum value_type type;
    uint8_t order; /* ORDER_* */
    uint8_t bit;   /* of a VALUE_BOOL in a register, 0 = least significant */
    uint8_t words; /* registers (or 1 for a bit); fixed by the type but for VALUE_STRING */
    double scale;  /* engineering value = raw · scale + offset */
    double offset;
    uint8_t priority; /* 0 normal; higher is dropped later when the spool is full */
};

struct catalog;

/* Copies the tags. ERR_LIMIT, ERR_MALFORMED (a field out of its range, a name twice) with the reason in
 * `why`. */
MUST_USE enum err catalog_new(const struct catalog_tag *tags, size_t count, struct catalog **catalog,
                              struct err_text *why);
/* Reads an encoded catalog strictly: anything not in the one deterministic form is ERR_MALFORMED. */
MUST_USE enum err catalog_decode(struct bytes encoded, struct catalog **catalog, struct err_text *why);
void catalog_free(struct catalog *catalog); /* NULL is fine */

size_t catalog_count(const struct catalog *catalog);
const struct catalog_tag *catalog_tag(const struct catalog *catalog, size_t index); /* index < count */
/* Index of a name, or SIZE_MAX. */
size_t catalog_find(const struct catalog *catalog, const char *name);
struct bytes catalog_encoded(const struct catalog *catalog);
const uint8_t *catalog_hash(const struct catalog *catalog); /* CATALOG_HASH_SIZE bytes */

/* Registers a type occupies (1, 2 or 4); 0 for VALUE_STRING and for no type at all. */
uint8_t value_type_words(enum value_type type);

#endif
