/*
 * cbor: the small part of CBOR (RFC 8949) this protocol uses, in one deterministic form: shortest integers
 * and lengths, definite lengths, 64-bit floats, no tags, no maps. The only module that includes libcbor.
 *
 * A cursor takes items in the order the schema wants them and has a sticky error: the first item of another
 * kind, out of range, not in the one form or past the end fails it, and from then on every take gives zeros.
 * Depth is bounded by the schema: nothing here recurses. Writing appends to a wire_writer with its own sticky
 * error. Pure, no allocation, any thread.
 */
#ifndef BOURDON_TUNNEL_CBOR_H
#define BOURDON_TUNNEL_CBOR_H

#include "base/wire.h"

struct cbor_cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct cbor_cursor cbor_cursor(struct bytes encoded);
/* True only if nothing failed and nothing is left over. */
bool cbor_cursor_done(const struct cbor_cursor *cursor);

/* The number of items of an array of `min` to `max`. */
size_t cbor_take_array(struct cbor_cursor *cursor, size_t min, size_t max);
uint64_t cbor_take_uint(struct cbor_cursor *cursor, uint64_t min, uint64_t max);
bool cbor_take_bool(struct cbor_cursor *cursor);
double cbor_take_double(struct cbor_cursor *cursor);
/* Slices of the input of `min` to `max` bytes; text is checked with text_is_printable(). */
struct bytes cbor_take_bytes(struct cbor_cursor *cursor, size_t min, size_t max);
struct bytes cbor_take_text(struct cbor_cursor *cursor, size_t min, size_t max);
/* Copies a byte string of exactly `size` bytes; zeros on failure. */
void cbor_take_fixed(struct cbor_cursor *cursor, void *space, size_t size);

void cbor_put_array(struct wire_writer *writer, size_t count);
void cbor_put_uint(struct wire_writer *writer, uint64_t value);
void cbor_put_bool(struct wire_writer *writer, bool value);
void cbor_put_double(struct wire_writer *writer, double value);
void cbor_put_bytes(struct wire_writer *writer, const void *data, size_t size);
void cbor_put_text(struct wire_writer *writer, const char *text, size_t size);

#endif
