#include "base/utf8.h"

static size_t length_from_lead(uint8_t lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return 0;
    }
    return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
}

size_t utf8_next(const void *text, size_t left, uint32_t *code_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *at = text;
    size_t length = left > 0 ? length_from_lead(at[0]) : 0;
    if (length == 0 || length > left) {
        return 0;
    }
    uint32_t value = length == 1 ? at[0] : at[0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if (!utf8_is_tail(at[i])) {
            return 0;
        }
        value = value << 6 | (at[i] & 0x3fU);
    }
    if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return 0;
    }
    if (code_point) {
        *code_point = value;
    }
    return length;
}
