#include "terminal_text.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

/* The length of the next character of a text, 1 for a byte that begins none. */
static size_t next_character(const char *text, size_t left, bool *safe)
{
    uint32_t code_point = 0;
    size_t size = utf8_next(text, left, &code_point);
    bool control = code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
    *safe = size > 0 && !control;
    return size > 0 ? size : 1;
}

int terminal_text_width(const char *text)
{
    int width = 0;
    bool safe;
    for (size_t left = strlen(text), size; left > 0; text += size, left -= size, width++) {
        size = next_character(text, left, &safe);
    }
    return width;
}

char *terminal_text_copy(const char *text, char *to, size_t size)
{
    size_t used = 0;
    for (size_t left = strlen(text), length; left > 0; text += length, left -= length) {
        bool safe;
        length = next_character(text, left, &safe);
        size_t shown = safe ? length : 1;
        if (used + shown >= size) {
            break;
        }
        memcpy(to + used, safe ? text : "?", shown);
        used += shown;
    }
    to[used] = '\0';
    return to;
}
