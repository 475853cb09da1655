#include "base/options_unit.h"

#include "base/array.h"
#include "base/options.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: a value is printed in the first that divides it. */
static const struct unit duration_units[] = {
    {"d", INT64_C(86400000000)}, {"h", INT64_C(3600000000)}, {"min", INT64_C(60000000)},
    {"s", INT64_C(1000000)},     {"ms", INT64_C(1000)},      {"us", INT64_C(1)},
    {"m", INT64_C(60000000)},
};

static const struct unit size_units[] = {
    {"TiB", INT64_C(1) << 40},
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"TB", INT64_C(1000000000000)},
    {"GB", INT64_C(1000000000)},
    {"MB", INT64_C(1000000)},
    {"kB", INT64_C(1000)},
    {"KB", INT64_C(1000)},
    {"B", INT64_C(1)},
    {"", INT64_C(1)},
};

/* Wide enough for any int64_t times any factor. */
__extension__ typedef __int128 wide;

/* Exact: "1.5h" is 5 400 000 000 µs, and what is no whole number of µs or does not fit is refused. */
static bool parse_scaled(const char *text, const struct unit *units, size_t count, int64_t *result)
{
    wide value = 0;
    wide denominator = 1;
    const char *at = text;
    bool fraction = false;
    for (; isdigit((unsigned char)*at) || (*at == '.' && !fraction && at > text); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        value = value * 10 + (*at - '0');
        denominator *= fraction ? 10 : 1;
        if (value > INT64_MAX || denominator > INT64_MAX) {
            return false;
        }
    }
    if (at == text || at[-1] == '.') {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(at, units[i].name) != 0) {
            continue;
        }
        wide scaled = value * units[i].factor;
        if (scaled % denominator != 0 || scaled / denominator > INT64_MAX) {
            return false;
        }
        *result = (int64_t)(scaled / denominator);
        return true;
    }
    return false;
}

bool option_parse_duration(const char *text, int64_t *us)
{
    return parse_scaled(text, duration_units, ARRAY_LENGTH(duration_units), us);
}

bool option_parse_size(const char *text, int64_t *bytes)
{
    return parse_scaled(text, size_units, ARRAY_LENGTH(size_units), bytes);
}

static void format_scaled(int64_t value, const struct unit *units, char *text, size_t size)
{
    while (value % units->factor != 0) {
        units++;
    }
    snprintf(text, size, "%" PRId64 "%s", value / units->factor, units->name);
}

void options_unit_format_duration(int64_t us, char *text, size_t size)
{
    if (us == 0) {
        snprintf(text, size, "0s");
        return;
    }
    format_scaled(us, duration_units, text, size);
}

void options_unit_format_size(int64_t bytes, char *text, size_t size)
{
    if (bytes == 0) {
        snprintf(text, size, "0");
        return;
    }
    format_scaled(bytes, size_units, text, size);
}
