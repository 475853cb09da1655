#include "base/argument_value.h"

#include "base/clock.h"
#include "base/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool argument_count(const char *text, uint64_t min, uint64_t max, uint64_t *count)
{
    if (!isdigit((unsigned char)*text)) {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end || value < min || value > max) {
        return false;
    }
    *count = value;
    return true;
}

bool argument_time(const char *text, int64_t now_us, int64_t *wall_us)
{
    if (strcmp(text, "now") == 0) {
        *wall_us = now_us;
        return true;
    }
    if (*text != '-') {
        return clock_parse(text, wall_us);
    }
    int64_t before_us;
    if (!option_parse_duration(text + 1, &before_us) || before_us > now_us) {
        return false;
    }
    *wall_us = now_us - before_us;
    return true;
}
