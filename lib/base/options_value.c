#include "base/options_value.h"

#include "base/array.h"
#include "base/decimal.h"
#include "base/did_you_mean.h"
#include "base/options_unit.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    QUOTED_MAX = 60, /* bytes of a wrong value that a message repeats */
    CHOICES_MAX = 64,
};

const char *options_kind_name(enum option_kind kind)
{
    static const char *const names[] = {
        [OPTION_STRING] = "text",           [OPTION_BOOL] = "yes or no",        [OPTION_INT] = "whole number",
        [OPTION_FLOAT] = "number",          [OPTION_DURATION] = "duration",     [OPTION_SIZE] = "size",
        [OPTION_CHOICE] = "choice",         [OPTION_STRINGS] = "list of texts", [OPTION_MAP] = "mapping",
        [OPTION_LIST] = "list of mappings",
    };
    return names[kind];
}

PRINTF_LIKE(3, 4)
static enum err complain(struct options_complaint *complaint, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(complaint->message, sizeof complaint->message, format, args);
    va_end(args);
    snprintf(complaint->hint, sizeof complaint->hint, "%s", hint);
    return ERR_CONFIG;
}

/* `"text" <what>`, with the text cut where it is long and left out where it is secret. */
static enum err complain_of(struct options_complaint *complaint, const struct option *option,
                            const char *text, const char *hint, const char *what)
{
    if (option->secret) {
        return complain(complaint, hint, "the value %s", what);
    }
    const char *cut = strlen(text) > QUOTED_MAX ? "..." : "";
    return complain(complaint, hint, "\"%.*s%s\" %s", (int)QUOTED_MAX, text, cut, what);
}

static double upper_bound(const struct option *option)
{
    return option->max >= option->min ? option->max : HUGE_VAL;
}

static bool has_range(const struct option *option)
{
    return option->min != 0 || option->max != 0;
}

static void format_number(const struct option *option, double value, char *text)
{
    if (option->kind == OPTION_DURATION) {
        options_unit_format_duration((int64_t)value, text, OPTIONS_NUMBER_MAX);
    } else if (option->kind == OPTION_SIZE) {
        options_unit_format_size((int64_t)value, text, OPTIONS_NUMBER_MAX);
    } else {
        decimal_format(value, text);
    }
}

static void range_of_choices(const struct option *option, char *text, size_t size)
{
    size_t used = 0;
    for (const struct option_choice *choice = option->choices; choice->name && used < size; choice++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", choice->name);
    }
}

void options_value_range(const struct option *option, char *text, size_t size)
{
    text[0] = '\0';
    if (option->kind == OPTION_CHOICE) {
        range_of_choices(option, text, size);
        return;
    }
    if (!has_range(option)) {
        return;
    }
    char low[OPTIONS_NUMBER_MAX];
    char high[OPTIONS_NUMBER_MAX];
    format_number(option, option->min, low);
    if (isinf(upper_bound(option))) {
        snprintf(text, size, "at least %s", low);
        return;
    }
    format_number(option, option->max, high);
    snprintf(text, size, "%s to %s", low, high);
}

static bool in_range(const struct option *option, double value)
{
    return !has_range(option) || (value >= option->min && value <= upper_bound(option));
}

static enum err check_range(const struct option *option, const char *text, double value,
                            struct options_complaint *complaint)
{
    if (in_range(option, value)) {
        return ERR_OK;
    }
    bool below = value < option->min;
    char limit[OPTIONS_NUMBER_MAX];
    format_number(option, below ? option->min : option->max, limit);
    char range[128];
    options_value_range(option, range, sizeof range);
    char hint[160];
    snprintf(hint, sizeof hint, "accepted: %s", range);
    return complain(complaint, hint, "%.*s is %s of %s", (int)QUOTED_MAX, option->secret ? "the value" : text,
                    below ? "below the minimum" : "above the maximum", limit);
}

static enum err complain_of_nul(struct options_complaint *complaint)
{
    return complain(complaint, "", "has a NUL character in it");
}

enum err options_value_copy(const char *text, size_t size, char **string, struct options_complaint *complaint)
{
    if (memchr(text, '\0', size)) {
        return complain_of_nul(complaint);
    }
    char *copy = strndup(text, size);
    if (!copy) {
        return ERR_NO_MEMORY;
    }
    free(*string);
    *string = copy;
    return ERR_OK;
}

static enum err parse_string(const struct option *option, const char *text, size_t size, void *field,
                             struct options_complaint *complaint)
{
    if (option->required && size == 0) {
        return complain(complaint, "", "must not be empty");
    }
    return options_value_copy(text, size, field, complaint);
}

static enum err parse_bool(const struct option *option, const char *text, void *field,
                           struct options_complaint *complaint)
{
    static const struct {
        const char *name;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true},
                 {"no", false},  {"on", true},     {"off", false}};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (strcasecmp(text, words[i].name) == 0) {
            *(bool *)field = words[i].value;
            return ERR_OK;
        }
    }
    return complain_of(complaint, option, text, "accepted: true, false, yes, no, on, off",
                       "is neither true nor false");
}

/* Decimal without leading zeros, which other YAML readers take for octal, or 0x hexadecimal. */
static bool read_int(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-');
    bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    if (!isdigit((unsigned char)*digits) || (digits[0] == '0' && digits[1] && !hexadecimal)) {
        return false;
    }
    char *end;
    errno = 0;
    *value = strtoll(text, &end, hexadecimal ? 16 : 10);
    return errno == 0 && *end == '\0' && isxdigit((unsigned char)end[-1]);
}

static enum err parse_float(const struct option *option, const char *text, void *field,
                            struct options_complaint *complaint)
{
    char *end = NULL;
    bool decimal = *text && strspn(text, "0123456789+-.eE") == strlen(text);
    double value = decimal ? strtod(text, &end) : 0;
    if (!decimal || *end || end == text || !isfinite(value)) {
        return complain_of(complaint, option, text, "such as 5, -0.25 or 1e6", "is not a finite number");
    }
    enum err err = check_range(option, text, value, complaint);
    if (err == ERR_OK) {
        *(double *)field = value;
    }
    return err;
}

static bool read_whole(enum option_kind kind, const char *text, int64_t *value)
{
    if (kind == OPTION_DURATION) {
        return option_parse_duration(text, value);
    }
    return kind == OPTION_SIZE ? option_parse_size(text, value) : read_int(text, value);
}

/* OPTION_INT, OPTION_DURATION and OPTION_SIZE: an int64_t each. */
static enum err parse_whole(const struct option *option, const char *text, void *field,
                            struct options_complaint *complaint)
{
    static const struct {
        const char *what;
        const char *hint;
    } words[] = {
        [OPTION_INT] = {"is not a whole number", "digits only, or 0x and hexadecimal digits"},
        [OPTION_DURATION] = {"is not a duration",
                             "a number and its unit: us, ms, s, min, h or d, such as 250ms"},
        [OPTION_SIZE] = {"is not a size",
                         "bytes, or a number and its unit: kB, MB, GB, KiB, MiB or GiB, such as 64MiB"},
    };
    int64_t value;
    if (!read_whole(option->kind, text, &value)) {
        return complain_of(complaint, option, text, words[option->kind].hint, words[option->kind].what);
    }
    enum err err = check_range(option, text, (double)value, complaint);
    if (err == ERR_OK) {
        *(int64_t *)field = value;
    }
    return err;
}

static enum err parse_choice(const struct option *option, const char *text, void *field,
                             struct options_complaint *complaint)
{
    const char *names[CHOICES_MAX];
    size_t count = 0;
    for (const struct option_choice *choice = option->choices; choice->name; choice++) {
        if (strcmp(choice->name, text) == 0) {
            *(int *)field = choice->value;
            return ERR_OK;
        }
        if (count < CHOICES_MAX) {
            names[count++] = choice->name;
        }
    }
    char range[256];
    options_value_range(option, range, sizeof range);
    char hint[sizeof complaint->hint];
    const char *near = did_you_mean(text, names, count);
    if (near) {
        snprintf(hint, sizeof hint, "did you mean \"%s\"? accepted: %s", near, range);
    } else {
        snprintf(hint, sizeof hint, "accepted: %s", range);
    }
    return complain_of(complaint, option, text, hint, "is not one of the choices");
}

enum err options_value_parse(const struct option *option, const char *text, size_t size, void *field,
                             struct options_complaint *complaint)
{
    if (memchr(text, '\0', size)) {
        return complain_of_nul(complaint);
    }
    switch (option->kind) {
    case OPTION_STRING:
        return parse_string(option, text, size, field, complaint);
    case OPTION_BOOL:
        return parse_bool(option, text, field, complaint);
    case OPTION_FLOAT:
        return parse_float(option, text, field, complaint);
    case OPTION_INT:
    case OPTION_DURATION:
    case OPTION_SIZE:
        return parse_whole(option, text, field, complaint);
    case OPTION_CHOICE:
        return parse_choice(option, text, field, complaint);
    case OPTION_STRINGS:
    case OPTION_MAP:
    case OPTION_LIST:
        break;
    }
    return complain(complaint, "", "is no single value");
}

static void format_choice(const struct option *option, int value, char *text)
{
    for (const struct option_choice *choice = option->choices; choice->name; choice++) {
        if (choice->value == value) {
            snprintf(text, OPTIONS_NUMBER_MAX, "%s", choice->name);
            return;
        }
    }
}

void options_value_format(const struct option *option, const void *field, char text[OPTIONS_NUMBER_MAX])
{
    text[0] = '\0';
    if (option->kind == OPTION_BOOL) {
        snprintf(text, OPTIONS_NUMBER_MAX, "%s", *(const bool *)field ? "true" : "false");
    } else if (option->kind == OPTION_CHOICE) {
        format_choice(option, *(const int *)field, text);
    } else if (option->kind == OPTION_FLOAT && in_range(option, *(const double *)field)) {
        decimal_format(*(const double *)field, text);
    } else if (option->kind == OPTION_INT && in_range(option, (double)*(const int64_t *)field)) {
        snprintf(text, OPTIONS_NUMBER_MAX, "%" PRId64, *(const int64_t *)field);
    } else if (option->kind == OPTION_DURATION && in_range(option, (double)*(const int64_t *)field)) {
        options_unit_format_duration(*(const int64_t *)field, text, OPTIONS_NUMBER_MAX);
    } else if (option->kind == OPTION_SIZE && in_range(option, (double)*(const int64_t *)field)) {
        options_unit_format_size(*(const int64_t *)field, text, OPTIONS_NUMBER_MAX);
    }
}
