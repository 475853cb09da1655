#include "tunnel/cbor.h"

#include "tunnel/text.h"

#include <cbor.h>
#include <string.h>

enum item_kind { ITEM_OTHER, ITEM_UINT, ITEM_BYTES, ITEM_TEXT, ITEM_ARRAY, ITEM_BOOL, ITEM_DOUBLE };

struct item {
    enum item_kind kind;
    uint64_t number; /* of a UINT, ARRAY, BOOL; the size of BYTES and TEXT */
    double real;
    const uint8_t *data;
};

static void set_number(void *context, enum item_kind kind, uint64_t number)
{
    struct item *item = context;
    item->kind = kind;
    item->number = number;
}

static void on_uint8(void *context, uint8_t value)
{
    set_number(context, ITEM_UINT, value);
}

static void on_uint16(void *context, uint16_t value)
{
    set_number(context, ITEM_UINT, value);
}

static void on_uint32(void *context, uint32_t value)
{
    set_number(context, ITEM_UINT, value);
}

static void on_uint64(void *context, uint64_t value)
{
    set_number(context, ITEM_UINT, value);
}

static void on_array(void *context, size_t count)
{
    set_number(context, ITEM_ARRAY, count);
}

static void on_bool(void *context, bool value)
{
    set_number(context, ITEM_BOOL, value);
}

static void on_bytes(void *context, cbor_data data, size_t size)
{
    set_number(context, ITEM_BYTES, size);
    ((struct item *)context)->data = data;
}

static void on_text(void *context, cbor_data data, size_t size)
{
    set_number(context, ITEM_TEXT, size);
    ((struct item *)context)->data = data;
}

static void on_double(void *context, double value)
{
    struct item *item = context;
    item->kind = ITEM_DOUBLE;
    item->real = value;
}

/* What the protocol does not use goes to libcbor's callbacks that do nothing: ITEM_OTHER. */
static const struct cbor_callbacks callbacks = {
    .uint8 = on_uint8,
    .uint16 = on_uint16,
    .uint32 = on_uint32,
    .uint64 = on_uint64,
    .negint64 = cbor_null_negint64_callback,
    .negint32 = cbor_null_negint32_callback,
    .negint16 = cbor_null_negint16_callback,
    .negint8 = cbor_null_negint8_callback,
    .byte_string_start = cbor_null_byte_string_start_callback,
    .byte_string = on_bytes,
    .string = on_text,
    .string_start = cbor_null_string_start_callback,
    .indef_array_start = cbor_null_indef_array_start_callback,
    .array_start = on_array,
    .indef_map_start = cbor_null_indef_map_start_callback,
    .map_start = cbor_null_map_start_callback,
    .tag = cbor_null_tag_callback,
    .float2 = cbor_null_float2_callback,
    .float4 = cbor_null_float4_callback,
    .float8 = on_double,
    .undefined = cbor_null_undefined_callback,
    .null = cbor_null_null_callback,
    .boolean = on_bool,
    .indef_break = cbor_null_indef_break_callback,
};

static size_t shortest_head(uint64_t number)
{
    if (number < 24) {
        return 1;
    }
    if (number <= UINT8_MAX) {
        return 2;
    }
    if (number <= UINT16_MAX) {
        return 3;
    }
    return number <= UINT32_MAX ? 5 : 9;
}

/* RFC 8949 section 4.2.1: the argument is as short as it can be. */
static bool is_shortest(const struct item *item, size_t read)
{
    switch (item->kind) {
    case ITEM_UINT:
    case ITEM_ARRAY:
        return read == shortest_head(item->number);
    case ITEM_BYTES:
    case ITEM_TEXT:
        return read - item->number == shortest_head(item->number);
    case ITEM_BOOL:
    case ITEM_DOUBLE:
        return true;
    case ITEM_OTHER:
        break;
    }
    return false;
}

struct cbor_cursor cbor_cursor(struct bytes encoded)
{
    return (struct cbor_cursor){.at = encoded.data,
                                .end = encoded.size ? encoded.data + encoded.size : encoded.data};
}

bool cbor_cursor_done(const struct cbor_cursor *cursor)
{
    return !cursor->failed && cursor->at == cursor->end;
}

static void fail(struct cbor_cursor *cursor)
{
    cursor->failed = true;
    cursor->at = cursor->end;
}

static bool take(struct cbor_cursor *cursor, enum item_kind kind, struct item *item)
{
    *item = (struct item){0};
    if (cursor->at == cursor->end) {
        fail(cursor);
        return false;
    }
    struct cbor_decoder_result result =
        cbor_stream_decode(cursor->at, (size_t)(cursor->end - cursor->at), &callbacks, item);
    if (result.status != CBOR_DECODER_FINISHED || item->kind != kind || !is_shortest(item, result.read)) {
        fail(cursor);
        return false;
    }
    cursor->at += result.read;
    return true;
}

static uint64_t take_number(struct cbor_cursor *cursor, enum item_kind kind, uint64_t min, uint64_t max)
{
    struct item item;
    if (!take(cursor, kind, &item)) {
        return 0;
    }
    if (item.number < min || item.number > max) {
        fail(cursor);
        return 0;
    }
    return item.number;
}

size_t cbor_take_array(struct cbor_cursor *cursor, size_t min, size_t max)
{
    return take_number(cursor, ITEM_ARRAY, min, max);
}

uint64_t cbor_take_uint(struct cbor_cursor *cursor, uint64_t min, uint64_t max)
{
    return take_number(cursor, ITEM_UINT, min, max);
}

bool cbor_take_bool(struct cbor_cursor *cursor)
{
    return take_number(cursor, ITEM_BOOL, 0, 1) == 1;
}

double cbor_take_double(struct cbor_cursor *cursor)
{
    struct item item;
    return take(cursor, ITEM_DOUBLE, &item) ? item.real : 0;
}

static struct bytes take_slice(struct cbor_cursor *cursor, enum item_kind kind, size_t min, size_t max)
{
    struct item item;
    if (!take(cursor, kind, &item)) {
        return (struct bytes){0};
    }
    if (item.number < min || item.number > max) {
        fail(cursor);
        return (struct bytes){0};
    }
    return (struct bytes){.data = item.data, .size = item.number};
}

struct bytes cbor_take_bytes(struct cbor_cursor *cursor, size_t min, size_t max)
{
    return take_slice(cursor, ITEM_BYTES, min, max);
}

struct bytes cbor_take_text(struct cbor_cursor *cursor, size_t min, size_t max)
{
    struct bytes text = take_slice(cursor, ITEM_TEXT, min, max);
    if (!text_is_printable(text.data, text.size)) {
        fail(cursor);
        return (struct bytes){0};
    }
    return text;
}

void cbor_take_fixed(struct cbor_cursor *cursor, void *space, size_t size)
{
    struct bytes taken = cbor_take_bytes(cursor, size, size);
    memset(space, 0, size);
    if (taken.size > 0) {
        memcpy(space, taken.data, taken.size);
    }
}

static size_t room(const struct wire_writer *writer)
{
    return (size_t)(writer->end - writer->at);
}

/* libcbor's encoders give 0 where the item does not fit. */
static void written(struct wire_writer *writer, size_t size)
{
    if (size == 0 || writer->failed) {
        writer->failed = true;
        return;
    }
    writer->at += size;
}

void cbor_put_array(struct wire_writer *writer, size_t count)
{
    written(writer, cbor_encode_array_start(count, writer->at, room(writer)));
}

void cbor_put_uint(struct wire_writer *writer, uint64_t value)
{
    written(writer, cbor_encode_uint(value, writer->at, room(writer)));
}

void cbor_put_bool(struct wire_writer *writer, bool value)
{
    written(writer, cbor_encode_bool(value, writer->at, room(writer)));
}

void cbor_put_double(struct wire_writer *writer, double value)
{
    written(writer, cbor_encode_double(value, writer->at, room(writer)));
}

void cbor_put_bytes(struct wire_writer *writer, const void *data, size_t size)
{
    written(writer, cbor_encode_bytestring_start(size, writer->at, room(writer)));
    wire_write_bytes(writer, data, size);
}

void cbor_put_text(struct wire_writer *writer, const char *text, size_t size)
{
    written(writer, cbor_encode_string_start(size, writer->at, room(writer)));
    wire_write_bytes(writer, text, size);
}
