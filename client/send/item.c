#include "send/item.h"

#include "tunnel/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

static size_t digits(const char *text)
{
    size_t count = 0;
    while (isdigit((unsigned char)text[count])) {
        count++;
    }
    return count;
}

/* The length of the number a text begins with, 0 if it begins with none; `*whole`: no fraction, no exponent.
 */
static size_t number_length(const char *text, bool *whole)
{
    size_t at = *text == '-' || *text == '+';
    size_t before = digits(text + at);
    at += before;
    size_t after = text[at] == '.' ? digits(text + at + 1) : 0;
    *whole = after == 0;
    if (before == 0 && after == 0) {
        return 0;
    }
    at += after > 0 ? after + 1 : 0;
    size_t sign = (text[at] == 'e' || text[at] == 'E') && (text[at + 1] == '-' || text[at + 1] == '+');
    size_t exponent = text[at] == 'e' || text[at] == 'E' ? digits(text + at + 1 + sign) : 0;
    if (exponent > 0) {
        at += 1 + sign + exponent;
        *whole = false;
    }
    return at;
}

/* Whole numbers that fit 64 bits stay exact; false if the number is too large for anything. */
static bool convert_number(const char *text, bool whole, struct value *value)
{
    errno = 0;
    if (whole && *text == '-') {
        *value = (struct value){.form = VALUE_FORM_INT, .as.i64 = strtoll(text, NULL, 10)};
        return errno == 0;
    }
    if (whole) {
        uint64_t number = strtoull(text, NULL, 10);
        *value = number > INT64_MAX ? (struct value){.form = VALUE_FORM_UINT, .as.u64 = number}
                                    : (struct value){.form = VALUE_FORM_INT, .as.i64 = (int64_t)number};
        return errno == 0;
    }
    *value = (struct value){.form = VALUE_FORM_FLOAT, .as.f64 = strtod(text, NULL)};
    return isfinite(value->as.f64);
}

/* Reads the number in front of `length`; what follows may be anything. */
static enum err take_number(const char *text, size_t length, bool whole, struct value *value,
                            struct err_text *why)
{
    char number[512];
    if (length >= sizeof number) {
        return err_set(why, ERR_LIMIT, "a number of %zu digits", length);
    }
    memcpy(number, text, length);
    number[length] = '\0';
    if (!convert_number(number, whole, value)) {
        return err_set(why, ERR_LIMIT, "%s is too large", number);
    }
    return ERR_OK;
}

/* ---- values ---- */

enum err item_text_value(const char *text, struct value *value, struct err_text *why)
{
    size_t size = strlen(text);
    if (size > VALUE_STRING_MAX) {
        return err_set(why, ERR_LIMIT, "a text of %zu bytes, at most %d fit", size, VALUE_STRING_MAX);
    }
    if (!text_is_printable(text, size)) {
        return err_set(why, ERR_MALFORMED, "a text that is not printable UTF-8");
    }
    *value = (struct value){.form = VALUE_FORM_TEXT};
    memcpy(value->as.text, text, size);
    return ERR_OK;
}

/* Understands the beginning of a text; `*length` is what it took. */
static enum err take_value(const char *text, struct value *value, size_t *length, struct err_text *why)
{
    bool whole;
    *length = number_length(text, &whole);
    if (*length > 0) {
        return take_number(text, *length, whole, value, why);
    }
    bool is_true = strcmp(text, "true") == 0;
    if (is_true || strcmp(text, "false") == 0) {
        *value = (struct value){.form = VALUE_FORM_BOOL, .as.flag = is_true};
        *length = strlen(text);
        return ERR_OK;
    }
    size_t size = strlen(text);
    if (size < 2 || text[0] != '"' || text[size - 1] != '"') {
        return err_set(why, ERR_MALFORMED, "\"%.64s\" is no number, not true or false, and no text in quotes",
                       text);
    }
    char inner[VALUE_STRING_MAX + 2];
    snprintf(inner, sizeof inner, "%.*s", (int)size - 2, text + 1);
    *length = size;
    return item_text_value(inner, value, why);
}

enum err item_value(const char *text, struct value *value, struct err_text *why)
{
    size_t length;
    enum err result = take_value(text, value, &length, why);
    if (result == ERR_OK && text[length]) {
        return err_set(why, ERR_MALFORMED, "\"%.64s\" is no number: \"%.64s\" is too much", text,
                       text + length);
    }
    return result;
}

enum err item_from_argument(char *text, struct item *item, struct err_text *why)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        return err_set(why, ERR_MALFORMED, "\"%.64s\" is not NAME=VALUE", text);
    }
    *equals = '\0';
    char *value = equals + 1;
    size_t length;
    *item = (struct item){.tag = text};
    enum err result = take_value(value, &item->value, &length, why);
    if (result != ERR_OK) {
        return err_prefix(why, result, "%s", text);
    }
    const char *rest = value + length;
    if (*rest && strchr(",.+-", *rest)) {
        return err_set(why, ERR_MALFORMED, "%s: \"%.64s\" is no number: \"%.64s\" is too much", text, value,
                       rest);
    }
    item->unit = rest + strspn(rest, " ");
    return ERR_OK;
}

bool item_quality(const char *token, enum quality *quality)
{
    for (int candidate = 0; candidate <= QUALITY_MAX; candidate++) {
        if (quality_is_known((enum quality)candidate) &&
            strcmp(quality_token((enum quality)candidate), token) == 0) {
            *quality = (enum quality)candidate;
            return true;
        }
    }
    return false;
}
