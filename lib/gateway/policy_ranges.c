#include "gateway/policy_ranges.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A number up to `max`; `*end` is what follows it. */
static bool parse_number(const char *text, uint16_t max, uint16_t *number, char **end)
{
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    unsigned long value = strtoul(text, end, hexadecimal ? 16 : 10);
    *number = (uint16_t)value;
    return value <= max;
}

bool policy_range_parse(const char *text, uint16_t max, struct policy_range *range)
{
    char *end;
    if (strcmp(text, "all") == 0) {
        *range = (struct policy_range){.first = 0, .last = max};
        return true;
    }
    if (!parse_number(text, max, &range->first, &end)) {
        return false;
    }
    range->last = range->first;
    if (*end == '-' && !parse_number(end + 1, max, &range->last, &end)) {
        return false;
    }
    return *end == '\0' && range->first <= range->last;
}

static int by_first(const void *a, const void *b)
{
    const struct policy_range *left = a;
    const struct policy_range *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

size_t policy_ranges_join(struct policy_range *ranges, size_t count)
{
    size_t kept = 0;
    qsort(ranges, count, sizeof *ranges, by_first);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && ranges[i].first <= ranges[kept - 1].last + 1) {
            uint16_t last = ranges[i].last;
            ranges[kept - 1].last = last > ranges[kept - 1].last ? last : ranges[kept - 1].last;
        } else {
            ranges[kept++] = ranges[i];
        }
    }
    return kept;
}
