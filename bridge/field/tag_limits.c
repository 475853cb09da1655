#include "field/tag_limits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool parse_finite(const char *text, size_t size, double *value)
{
    char copy[64];
    if (size == 0 || size >= sizeof copy || strspn(text, "+-.0123456789eE") < size) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    char *end;
    *value = strtod(copy, &end);
    return *end == '\0' && isfinite(*value);
}

static bool parse_bounds(const struct option_list *list, struct tag_limits *limits)
{
    char *const *texts = list->items;
    limits->bounded = list->count > 0;
    if (!limits->bounded) {
        return true;
    }
    return list->count == 2 && parse_finite(texts[0], strlen(texts[0]), &limits->low) &&
           parse_finite(texts[1], strlen(texts[1]), &limits->high) && limits->low < limits->high;
}

bool tag_limits_parse(const struct tag_options *tag, struct tag_limits *limits, const char **key,
                      const char **hint)
{
    *limits = (struct tag_limits){.deadband = -1};
    *key = "limits";
    *hint = "two numbers, the lower one first: [0, 16]";
    if (!parse_bounds(&tag->limits, limits)) {
        return false;
    }
    size_t size = strlen(tag->deadband);
    if (size == 0) {
        return true;
    }
    bool percent = tag->deadband[size - 1] == '%';
    *key = "deadband";
    *hint = percent ? "a percentage of the span of limits, 0% to 100%, and needs limits"
                    : "a number in engineering units, not negative, or a percentage such as 2%";
    if (!parse_finite(tag->deadband, percent ? size - 1 : size, &limits->deadband) || limits->deadband < 0) {
        return false;
    }
    if (percent) {
        bool meaningful = limits->bounded && limits->deadband <= 100;
        limits->deadband *= (limits->high - limits->low) / 100;
        return meaningful;
    }
    return true;
}
