#include "tunnel/value.h"

#include "base/wire.h"
#include "tunnel/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t value_type_words(enum value_type type)
{
    switch (type) {
    case VALUE_BOOL:
    case VALUE_INT16:
    case VALUE_UINT16:
    case VALUE_BCD16:
        return 1;
    case VALUE_INT32:
    case VALUE_UINT32:
    case VALUE_FLOAT32:
    case VALUE_BCD32:
        return 2;
    case VALUE_INT64:
    case VALUE_UINT64:
    case VALUE_FLOAT64:
        return 4;
    case VALUE_STRING:
        break;
    }
    return 0;
}

static uint16_t in_order(uint8_t order, uint16_t word)
{
    if (order & ORDER_BYTES_SWAPPED) {
        return (uint16_t)(word << 8 | word >> 8);
    }
    return word;
}

uint64_t value_join_words(uint8_t order, const uint16_t *words, size_t count)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = order & ORDER_WORDS_SWAPPED ? count - 1 - i : i;
        bits = bits << 16 | in_order(order, words[at]);
    }
    return bits;
}

void value_split_words(uint8_t order, uint64_t bits, uint16_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = order & ORDER_WORDS_SWAPPED ? i : count - 1 - i;
        words[at] = in_order(order, (uint16_t)bits);
        bits >>= 16;
    }
}

static enum err from_bcd(uint64_t bits, uint64_t *number)
{
    *number = 0;
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint64_t digit = bits >> shift & 0xf;
        if (digit > 9) {
            return ERR_MALFORMED;
        }
        *number = *number * 10 + digit;
    }
    return ERR_OK;
}

static uint64_t to_bcd(uint64_t number)
{
    uint64_t bits = 0;
    for (int shift = 0; shift < 32; shift += 4) {
        bits |= number % 10 << shift;
        number /= 10;
    }
    return bits;
}

static double bits_to_float64(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static double bits_to_float32(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float number;
    memcpy(&number, &low, sizeof number);
    return (double)number;
}

static bool is_ascii(char character)
{
    return character >= ' ' && character <= '~';
}

/* What a PLC keeps in a text is not always text: what cannot be shown becomes a question mark. */
static void decode_string(const struct catalog_tag *tag, const uint16_t *words, struct value *value)
{
    char *text = value->as.text;
    struct wire_writer writer = wire_writer(text, VALUE_STRING_MAX);
    for (size_t i = 0; i < tag->words; i++) {
        wire_write_u16(&writer, in_order(tag->order, words[i]));
    }
    text[wire_written(&writer)] = '\0';
    size_t size = strlen(text);
    bool printable = text_is_printable(text, size);
    for (size_t i = 0; i < size && !printable; i++) {
        if (!is_ascii(text[i])) {
            text[i] = '?';
        }
    }
    value->form = VALUE_FORM_TEXT;
}

static bool is_register(const struct catalog_tag *tag)
{
    return tag->table == TABLE_INPUT || tag->table == TABLE_HOLDING;
}

bool value_words_fit(const struct catalog_tag *tag, const uint16_t *words, size_t count)
{
    return tag->type != VALUE_BOOL || is_register(tag) || count == 0 || words[0] <= 1;
}

static enum err decode_number(const struct catalog_tag *tag, uint64_t bits, struct value *value)
{
    switch (tag->type) {
    case VALUE_BOOL:
        value->form = VALUE_FORM_BOOL;
        value->as.flag = is_register(tag) ? bits >> tag->bit & 1 : bits != 0;
        return ERR_OK;
    case VALUE_INT16:
        value->form = VALUE_FORM_INT;
        value->as.i64 = (int16_t)bits;
        return ERR_OK;
    case VALUE_INT32:
        value->form = VALUE_FORM_INT;
        value->as.i64 = (int32_t)bits;
        return ERR_OK;
    case VALUE_INT64:
        value->form = VALUE_FORM_INT;
        value->as.i64 = (int64_t)bits;
        return ERR_OK;
    case VALUE_UINT16:
    case VALUE_UINT32:
    case VALUE_UINT64:
        value->form = VALUE_FORM_UINT;
        value->as.u64 = bits;
        return ERR_OK;
    case VALUE_BCD16:
    case VALUE_BCD32:
        value->form = VALUE_FORM_UINT;
        return from_bcd(bits, &value->as.u64);
    case VALUE_FLOAT32:
        value->form = VALUE_FORM_FLOAT;
        value->single = true;
        value->as.f64 = bits_to_float32(bits);
        return ERR_OK;
    case VALUE_FLOAT64:
        value->form = VALUE_FORM_FLOAT;
        value->as.f64 = bits_to_float64(bits);
        return ERR_OK;
    case VALUE_STRING:
        break;
    }
    return ERR_MALFORMED;
}

/* 0.1 has no exact binary form, 10 has: dividing rounds once, multiplying twice. */
static double scaled(double raw, double scale)
{
    double divisor = round(1 / scale);
    return fabs(divisor) > 1 && 1 / divisor == scale ? raw / divisor : raw * scale;
}

static void apply_scale(const struct catalog_tag *tag, struct value *value)
{
    if (value->form == VALUE_FORM_BOOL || (tag->scale == 1 && tag->offset == 0)) {
        return;
    }
    value->as.f64 = scaled(value_number(value), tag->scale) + tag->offset;
    value->form = VALUE_FORM_FLOAT;
    value->single = false;
}

enum err value_decode(const struct catalog_tag *tag, const uint16_t *words, size_t count, struct value *value)
{
    value->form = VALUE_FORM_NONE;
    value->single = false;
    if (count != tag->words) {
        return ERR_MALFORMED;
    }
    if (tag->type == VALUE_STRING) {
        decode_string(tag, words, value);
        return ERR_OK;
    }
    enum err err = decode_number(tag, value_join_words(tag->order, words, count), value);
    if (err != ERR_OK) {
        value->form = VALUE_FORM_NONE;
        return err;
    }
    apply_scale(tag, value);
    return ERR_OK;
}

static enum err encode_string(const struct catalog_tag *tag, const struct value *value, uint16_t *words)
{
    size_t size = strlen(value->as.text);
    if (size > (size_t)tag->words * 2) {
        return ERR_LIMIT;
    }
    memset(words, 0, tag->words * sizeof *words);
    for (size_t i = 0; i < size; i++) {
        unsigned character = (uint8_t)value->as.text[i];
        words[i / 2] |= (uint16_t)(i % 2 ? character : character << 8);
    }
    for (size_t i = 0; i < tag->words; i++) {
        words[i] = in_order(tag->order, words[i]);
    }
    return ERR_OK;
}

struct whole {
    bool negative;
    uint64_t magnitude;
};

/* 2^64 as a double: the first that no 64-bit integer holds. */
#define TWO_TO_64 18446744073709551616.0

static enum err whole_number(const struct value *value, struct whole *whole)
{
    switch (value->form) {
    case VALUE_FORM_BOOL:
        *whole = (struct whole){.magnitude = value->as.flag};
        return ERR_OK;
    case VALUE_FORM_UINT:
        *whole = (struct whole){.magnitude = value->as.u64};
        return ERR_OK;
    case VALUE_FORM_INT:
        whole->negative = value->as.i64 < 0;
        whole->magnitude = whole->negative ? 0 - (uint64_t)value->as.i64 : (uint64_t)value->as.i64;
        return ERR_OK;
    case VALUE_FORM_FLOAT:
        if (!(fabs(value->as.f64) < TWO_TO_64) || trunc(value->as.f64) != value->as.f64) {
            return ERR_LIMIT;
        }
        whole->negative = value->as.f64 < 0;
        whole->magnitude = (uint64_t)fabs(value->as.f64);
        return ERR_OK;
    case VALUE_FORM_NONE:
    case VALUE_FORM_TEXT:
        break;
    }
    return ERR_MALFORMED;
}

static enum err encode_whole(const struct value *value, uint64_t least_magnitude, uint64_t greatest,
                             uint64_t *bits)
{
    struct whole whole = {0};
    enum err err = whole_number(value, &whole);
    if (err != ERR_OK) {
        return err;
    }
    if (whole.magnitude > (whole.negative ? least_magnitude : greatest)) {
        return ERR_LIMIT;
    }
    *bits = whole.negative ? 0 - whole.magnitude : whole.magnitude;
    return ERR_OK;
}

static enum err encode_bcd(const struct value *value, uint64_t greatest, uint64_t *bits)
{
    uint64_t number = 0;
    enum err err = encode_whole(value, 0, greatest, &number);
    *bits = to_bcd(number);
    return err;
}

static enum err encode_float(const struct catalog_tag *tag, const struct value *value, uint64_t *bits)
{
    if (value->form == VALUE_FORM_NONE || value->form == VALUE_FORM_TEXT) {
        return ERR_MALFORMED;
    }
    double number = value_number(value);
    if (tag->type == VALUE_FLOAT64) {
        memcpy(bits, &number, sizeof number);
        return ERR_OK;
    }
    float single = (float)number;
    if (isinf(single) && !isinf(number)) {
        return ERR_LIMIT;
    }
    uint32_t low;
    memcpy(&low, &single, sizeof low);
    *bits = low;
    return ERR_OK;
}

static enum err encode_bool(const struct catalog_tag *tag, const struct value *value, uint64_t *bits)
{
    enum err err = encode_whole(value, 0, 1, bits);
    *bits <<= is_register(tag) ? tag->bit : 0;
    return err;
}

static enum err encode_number(const struct catalog_tag *tag, const struct value *value, uint64_t *bits)
{
    switch (tag->type) {
    case VALUE_BOOL:
        return encode_bool(tag, value, bits);
    case VALUE_INT16:
        return encode_whole(value, (uint64_t)INT16_MAX + 1, INT16_MAX, bits);
    case VALUE_INT32:
        return encode_whole(value, (uint64_t)INT32_MAX + 1, INT32_MAX, bits);
    case VALUE_INT64:
        return encode_whole(value, (uint64_t)INT64_MAX + 1, INT64_MAX, bits);
    case VALUE_UINT16:
        return encode_whole(value, 0, UINT16_MAX, bits);
    case VALUE_UINT32:
        return encode_whole(value, 0, UINT32_MAX, bits);
    case VALUE_UINT64:
        return encode_whole(value, 0, UINT64_MAX, bits);
    case VALUE_BCD16:
        return encode_bcd(value, 9999, bits);
    case VALUE_BCD32:
        return encode_bcd(value, 99999999, bits);
    case VALUE_FLOAT32:
    case VALUE_FLOAT64:
        return encode_float(tag, value, bits);
    case VALUE_STRING:
        break;
    }
    return ERR_MALFORMED;
}

enum err value_encode(const struct catalog_tag *tag, const struct value *value, uint16_t *words)
{
    if (tag->type == VALUE_STRING) {
        return value->form == VALUE_FORM_TEXT ? encode_string(tag, value, words) : ERR_MALFORMED;
    }
    uint64_t bits = 0;
    enum err err = encode_number(tag, value, &bits);
    if (err != ERR_OK) {
        return err;
    }
    value_split_words(tag->order, bits, words, tag->words);
    return ERR_OK;
}

double value_number(const struct value *value)
{
    switch (value->form) {
    case VALUE_FORM_BOOL:
        return value->as.flag ? 1 : 0;
    case VALUE_FORM_INT:
        return (double)value->as.i64;
    case VALUE_FORM_UINT:
        return (double)value->as.u64;
    case VALUE_FORM_FLOAT:
        return value->as.f64;
    case VALUE_FORM_NONE:
    case VALUE_FORM_TEXT:
        break;
    }
    return (double)NAN;
}

static bool reads_back(const struct value *value, const char *text)
{
    if (value->single) {
        return strtof(text, NULL) == (float)value->as.f64;
    }
    return strtod(text, NULL) == value->as.f64;
}

static void float_text(const struct value *value, char *text)
{
    enum { FEWEST_DIGITS = 6, MOST_DIGITS = 17 };
    for (int digits = FEWEST_DIGITS; digits <= MOST_DIGITS; digits++) {
        snprintf(text, VALUE_TEXT_MAX, "%.*g", digits, value->as.f64);
        if (reads_back(value, text) || isnan(value->as.f64)) {
            return;
        }
    }
}

char *value_text(const struct value *value, char *text)
{
    switch (value->form) {
    case VALUE_FORM_NONE:
        text[0] = '\0';
        break;
    case VALUE_FORM_BOOL:
        snprintf(text, VALUE_TEXT_MAX, "%s", value->as.flag ? "true" : "false");
        break;
    case VALUE_FORM_INT:
        snprintf(text, VALUE_TEXT_MAX, "%" PRId64, value->as.i64);
        break;
    case VALUE_FORM_UINT:
        snprintf(text, VALUE_TEXT_MAX, "%" PRIu64, value->as.u64);
        break;
    case VALUE_FORM_FLOAT:
        float_text(value, text);
        break;
    case VALUE_FORM_TEXT:
        snprintf(text, VALUE_TEXT_MAX, "%s", value->as.text);
        break;
    }
    return text;
}
