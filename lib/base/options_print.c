#include "base/options.h"

#include "base/options_value.h"
#include "base/utf8.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum { INDENT = 2 };

/* Where the next key goes: behind "- " for the first key of a list item, else on a line of its own. */
struct printer {
    FILE *out;
    int indent;
    bool after_dash;
};

static void print_table(struct printer *printer, const struct option *table, const void *target);

/* Whether a text means the same to every YAML reader without quotes. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    if (!isalpha((unsigned char)text[0]) && text[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return false;
        }
    }
    size_t size = strlen(text);
    return text[size - 1] != ':' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.:+@-") == size;
}

static bool needs_escape(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) || code_point == 0x2028 ||
           code_point == 0x2029 || code_point == 0xfeff;
}

static void print_quoted(FILE *out, const char *text)
{
    size_t left = strlen(text);
    fputc('"', out);
    while (left > 0) {
        uint32_t code_point = 0xfffd;
        size_t length = utf8_next(text, left, &code_point);
        if (length == 0 || needs_escape(code_point)) {
            fprintf(out, "\\u%04" PRIx32, code_point);
        } else if (*text == '"' || *text == '\\') {
            fprintf(out, "\\%c", *text);
        } else {
            fwrite(text, 1, length, out);
        }
        text += length ? length : 1;
        left -= length ? length : 1;
    }
    fputc('"', out);
}

static void print_string(FILE *out, const char *text)
{
    if (is_plain(text)) {
        fputs(text, out);
    } else {
        print_quoted(out, text);
    }
}

static void print_margin(struct printer *printer)
{
    if (!printer->after_dash) {
        fprintf(printer->out, "%*s", printer->indent, "");
    }
    printer->after_dash = false;
}

static void print_key(struct printer *printer, const struct option *option)
{
    print_margin(printer);
    fprintf(printer->out, "%s:", option->name);
}

static bool has_required_key(const struct option *table)
{
    for (; table->name; table++) {
        if (table->required) {
            return true;
        }
    }
    return false;
}

/* What is absent is left out where it could not be read back as written. */
static bool is_shown(const struct option *option, const void *field)
{
    if (option->secret) {
        return false;
    }
    if (option->kind == OPTION_MAP) {
        struct place place;
        memcpy(&place, field, sizeof place);
        return place.line > 0 || !has_required_key(option->table);
    }
    if (option->kind == OPTION_LIST || option->kind == OPTION_STRINGS) {
        return !option->required || ((const struct option_list *)field)->count > 0;
    }
    if (option->kind == OPTION_STRING) {
        return !option->required || **(char *const *)field;
    }
    char number[OPTIONS_NUMBER_MAX];
    options_value_format(option, field, number);
    return *number != '\0';
}

static bool shows_nothing(const struct option *table, const void *target)
{
    for (; table->name; table++) {
        if (is_shown(table, (const char *)target + table->offset)) {
            return false;
        }
    }
    return true;
}

static void print_strings(struct printer *printer, const struct option *option,
                          const struct option_list *list)
{
    print_key(printer, option);
    fputs(" [", printer->out);
    for (size_t i = 0; i < list->count; i++) {
        fputs(i > 0 ? ", " : "", printer->out);
        print_string(printer->out, ((char *const *)list->items)[i]);
    }
    fputs("]\n", printer->out);
}

static void print_list(struct printer *printer, const struct option *option, const struct option_list *list)
{
    print_key(printer, option);
    fputs(list->count == 0 ? " []\n" : "\n", printer->out);
    printer->indent += INDENT;
    for (size_t i = 0; i < list->count; i++) {
        const void *item = (const char *)list->items + i * option->item_size;
        if (shows_nothing(option->table, item)) {
            fprintf(printer->out, "%*s- {}\n", printer->indent, "");
            continue;
        }
        fprintf(printer->out, "%*s- ", printer->indent, "");
        printer->after_dash = true;
        printer->indent += INDENT;
        print_table(printer, option->table, item);
        printer->indent -= INDENT;
    }
    printer->indent -= INDENT;
}

static void print_map(struct printer *printer, const struct option *option, const void *field)
{
    print_key(printer, option);
    fputs(shows_nothing(option->table, field) ? " {}\n" : "\n", printer->out);
    printer->indent += INDENT;
    print_table(printer, option->table, field);
    printer->indent -= INDENT;
}

static void print_scalar(struct printer *printer, const struct option *option, const void *field)
{
    print_key(printer, option);
    fputc(' ', printer->out);
    if (option->kind == OPTION_STRING) {
        print_string(printer->out, *(char *const *)field);
    } else {
        char number[OPTIONS_NUMBER_MAX];
        options_value_format(option, field, number);
        fputs(number, printer->out);
    }
    fputc('\n', printer->out);
}

static void print_option(struct printer *printer, const struct option *option, const void *field)
{
    if (option->secret) {
        print_margin(printer);
        fprintf(printer->out, "# %s: not shown\n", option->name);
    } else if (!is_shown(option, field)) {
        return;
    } else if (option->kind == OPTION_LIST) {
        print_list(printer, option, field);
    } else if (option->kind == OPTION_STRINGS) {
        print_strings(printer, option, field);
    } else if (option->kind == OPTION_MAP) {
        print_map(printer, option, field);
    } else {
        print_scalar(printer, option, field);
    }
}

static void print_table(struct printer *printer, const struct option *table, const void *target)
{
    for (const struct option *option = table; option->name; option++) {
        print_option(printer, option, (const char *)target + option->offset);
    }
}

void options_print(FILE *out, const struct option *table, const void *target)
{
    struct printer printer = {.out = out};
    print_table(&printer, table, target);
}
