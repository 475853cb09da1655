#include "query_string.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    char lower = (char)(character | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes in place; the decoded text is never longer. False: a broken escape. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from == '%') {
            int high = hex_digit(from[1]);
            int low = high < 0 ? -1 : hex_digit(from[2]);
            if (low < 0) {
                return false;
            }
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = *from == '+' ? ' ' : *from;
        }
    }
    *to = '\0';
    return true;
}

static bool is_plain_text(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t code_point;
        size_t size = utf8_next(text, left, &code_point);
        if (size == 0 || code_point < 0x20 || code_point == 0x7f) {
            return false;
        }
        text += size;
        left -= size;
    }
    return true;
}

static enum err add(struct query_string *query, char *item, struct err_text *why)
{
    char *value = strchr(item, '=');
    if (value) {
        *value++ = '\0';
    } else {
        value = item + strlen(item);
    }
    // A NUL that was escaped would end the text early: what it hides must not pass.
    bool hidden = strstr(item, "%00") != NULL || strstr(value, "%00") != NULL;
    if (hidden || !decode(item) || !decode(value) || !is_plain_text(item) || !is_plain_text(value)) {
        return err_set(why, ERR_MALFORMED, "a parameter is not percent-encoded UTF-8 text");
    }
    if (*item == '\0') {
        return err_set(why, ERR_MALFORMED, "a parameter has no name");
    }
    if (query_string_get(query, item)) {
        return err_set(why, ERR_MALFORMED, "%.64s: given twice", item);
    }
    if (query->count == QUERY_PARAMETERS_MAX) {
        return err_set(why, ERR_LIMIT, "more than %d parameters", QUERY_PARAMETERS_MAX);
    }
    query->items[query->count++] = (struct query_parameter){.name = item, .value = value};
    return ERR_OK;
}

enum err query_string_read(const char *raw, struct query_string *query, struct err_text *why)
{
    size_t size = strlen(raw);
    query->count = 0;
    if (size > QUERY_SIZE_MAX) {
        return err_set(why, ERR_LIMIT, "the parameters have more than %d bytes", QUERY_SIZE_MAX);
    }
    memcpy(query->text, raw, size + 1);
    enum err result = ERR_OK;
    char *rest = query->text;
    char *item;
    while (result == ERR_OK && (item = strsep(&rest, "&"))) {
        result = *item ? add(query, item, why) : ERR_OK;
    }
    return result;
}

const char *query_string_get(const struct query_string *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->items[i].name, name) == 0) {
            return query->items[i].value;
        }
    }
    return NULL;
}
