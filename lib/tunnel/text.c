#include "tunnel/text.h"

#include <stdint.h>

/* The first byte gives the length, and the range of the second byte rules out long forms, surrogates and what
 * lies above U+10FFFF (RFC 3629 section 4). */
static size_t character_size(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first, last;
        uint8_t size;
        uint8_t second_low, second_high;
    } rows[] = {
        {0x20, 0x7e, 1, 0, 0},       {0xc2, 0xc2, 2, 0xa0, 0xbf}, {0xc3, 0xdf, 2, 0x80, 0xbf},
        {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f},
        {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf},
        {0xf4, 0xf4, 4, 0x80, 0x8f},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (*at < rows[i].first || *at > rows[i].last) {
            continue;
        }
        if (rows[i].size > left ||
            (rows[i].size > 1 && (at[1] < rows[i].second_low || at[1] > rows[i].second_high))) {
            return 0;
        }
        for (size_t j = 2; j < rows[i].size; j++) {
            if ((at[j] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return rows[i].size;
    }
    return 0;
}

bool text_is_printable(const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        size_t step = character_size(at, size);
        if (step == 0) {
            return false;
        }
        at += step;
        size -= step;
    }
    return true;
}

size_t text_cut(const char *text, size_t size, size_t max)
{
    if (size <= max) {
        return size;
    }
    while (max > 0 && ((uint8_t)text[max] & 0xc0) == 0x80) {
        max--;
    }
    return max;
}
