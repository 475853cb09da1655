#include "store/pg_values.h"

#include "base/wire.h"

#include <assert.h>
#include <string.h>

/* PostgreSQL counts from 2000-01-01. */
#define PG_EPOCH_US INT64_C(946684800000000)
#define PG_NULL     UINT32_MAX /* the length of a field that is NULL */

enum { ARRAY_HEAD = 20, FIELD_MAX = 12 };

int64_t pg_time_of(int64_t time_us)
{
    return time_us - PG_EPOCH_US;
}

int64_t pg_time_back(int64_t pg_time)
{
    return pg_time + PG_EPOCH_US;
}

static size_t size_of(enum pg_type type)
{
    switch (type) {
    case PG_BOOLEAN:
        return 1;
    case PG_SMALLINT:
        return 2;
    case PG_INTEGER:
        return 4;
    case PG_BIGINT:
    case PG_TIMESTAMPTZ:
        return 8;
    case PG_BYTEA:
    case PG_TEXT:
        break;
    }
    assert(false && "a type of one size");
    return 0;
}

/* `size` low bytes of the value. */
static void write_integer(struct wire_writer *writer, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    struct wire_writer whole = wire_writer(bytes, sizeof bytes);
    wire_write_u64(&whole, value);
    wire_write_bytes(writer, bytes + sizeof bytes - size, size);
}

/* ---- parameters ---- */

void pg_values_free(struct pg_values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        buffer_fini(&values->bytes[i]);
    }
    *values = (struct pg_values){0};
}

static void begin(struct pg_values *values, enum pg_type type, bool array)
{
    assert(values->count < PG_VALUES_MAX);
    size_t at = values->count++;
    values->types[at] = type;
    values->arrays[at] = array;
    buffer_init(&values->bytes[at], PG_VALUE_BYTES_MAX);
}

static void append(struct pg_values *values, const void *data, size_t size)
{
    if (values->err == ERR_OK && size > 0) {
        values->err = buffer_append(&values->bytes[values->count - 1], data, size);
    }
}

static void append_integer(struct pg_values *values, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    struct wire_writer writer = wire_writer(bytes, sizeof bytes);
    write_integer(&writer, value, size);
    append(values, bytes, size);
}

void pg_value_i64(struct pg_values *values, int64_t value)
{
    begin(values, PG_BIGINT, false);
    append_integer(values, (uint64_t)value, size_of(PG_BIGINT));
}

void pg_value_time(struct pg_values *values, int64_t time_us)
{
    begin(values, PG_TIMESTAMPTZ, false);
    append_integer(values, (uint64_t)pg_time_of(time_us), size_of(PG_TIMESTAMPTZ));
}

void pg_value_text(struct pg_values *values, const char *text)
{
    begin(values, PG_TEXT, false);
    append(values, text, strlen(text));
}

void pg_value_bytes(struct pg_values *values, const void *data, size_t size)
{
    begin(values, PG_BYTEA, false);
    append(values, data, size);
}

/* One dimension, flags, type of the items, number of items, first index: the number is filled in last. */
void pg_array_begin(struct pg_values *values, enum pg_type type)
{
    begin(values, type, true);
    values->items = 0;
    const uint32_t head[] = {1, 1, type, 0, 1};
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
        append_integer(values, head[i], sizeof head[i]);
    }
}

static void item(struct pg_values *values, uint32_t size)
{
    values->items++;
    append_integer(values, size, sizeof size);
}

void pg_array_i64(struct pg_values *values, int64_t value)
{
    enum pg_type type = values->types[values->count - 1];
    size_t size = size_of(type);
    item(values, (uint32_t)size);
    append_integer(values, (uint64_t)(type == PG_TIMESTAMPTZ ? pg_time_of(value) : value), size);
}

void pg_array_bytes(struct pg_values *values, const void *data, size_t size)
{
    item(values, (uint32_t)size);
    append(values, data, size);
}

void pg_array_text(struct pg_values *values, const char *text)
{
    pg_array_bytes(values, text, strlen(text));
}

void pg_array_null(struct pg_values *values)
{
    item(values, PG_NULL);
}

void pg_array_end(struct pg_values *values)
{
    struct buffer *buffer = &values->bytes[values->count - 1];
    if (values->err == ERR_OK) {
        struct wire_writer writer = wire_writer(buffer->data + buffer->start + 12, sizeof(uint32_t));
        wire_write_u32(&writer, values->items);
    }
}

/* ---- rows ---- */

static void put(struct pg_row_writer *writer, const void *data, size_t size)
{
    if (writer->err == ERR_OK && size > 0) {
        writer->err = buffer_append(writer->out, data, size);
    }
}

static void put_integer(struct pg_row_writer *row, uint64_t value, size_t size)
{
    uint8_t bytes[FIELD_MAX];
    struct wire_writer writer = wire_writer(bytes, sizeof bytes);
    wire_write_u32(&writer, (uint32_t)size);
    write_integer(&writer, value, size);
    put(row, bytes, wire_written(&writer));
}

void pg_rows_begin(struct pg_row_writer *writer)
{
    static const uint8_t head[19] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};
    put(writer, head, sizeof head);
}

void pg_rows_end(struct pg_row_writer *writer)
{
    static const uint8_t end[2] = {0xff, 0xff};
    put(writer, end, sizeof end);
}

void pg_row(struct pg_row_writer *writer, uint16_t fields)
{
    const uint8_t bytes[2] = {(uint8_t)(fields >> 8), (uint8_t)fields};
    put(writer, bytes, sizeof bytes);
}

void pg_field_i16(struct pg_row_writer *writer, int16_t value)
{
    put_integer(writer, (uint64_t)value, sizeof value);
}

void pg_field_i32(struct pg_row_writer *writer, int32_t value)
{
    put_integer(writer, (uint64_t)value, sizeof value);
}

void pg_field_i64(struct pg_row_writer *writer, int64_t value)
{
    put_integer(writer, (uint64_t)value, sizeof value);
}

void pg_field_time(struct pg_row_writer *writer, int64_t time_us)
{
    pg_field_i64(writer, pg_time_of(time_us));
}

void pg_field_double(struct pg_row_writer *writer, double value)
{
    uint64_t bits;
    _Static_assert(sizeof bits == sizeof value, "a double has 64 bits");
    memcpy(&bits, &value, sizeof bits);
    put_integer(writer, bits, sizeof bits);
}

void pg_field_text(struct pg_row_writer *writer, const char *text)
{
    uint8_t size[4];
    struct wire_writer head = wire_writer(size, sizeof size);
    wire_write_u32(&head, (uint32_t)strlen(text));
    put(writer, size, sizeof size);
    put(writer, text, strlen(text));
}

void pg_field_null(struct pg_row_writer *writer)
{
    static const uint8_t null[4] = {0xff, 0xff, 0xff, 0xff};
    put(writer, null, sizeof null);
}
