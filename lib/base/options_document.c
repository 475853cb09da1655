#include "base/options.h"

#include "base/manual.h"
#include "base/options_value.h"

#include <stdio.h>
#include <string.h>

enum {
    INDENT = 2,
    HELP_INDENT = 4, /* of help below its key */
    FACTS_MAX = 512,
};

static const char *placeholder(const struct option *option)
{
    static const char *const names[] = {
        [OPTION_STRING] = "TEXT",   [OPTION_BOOL] = "true|false",   [OPTION_INT] = "NUMBER",
        [OPTION_FLOAT] = "NUMBER",  [OPTION_DURATION] = "DURATION", [OPTION_SIZE] = "SIZE",
        [OPTION_CHOICE] = "CHOICE", [OPTION_STRINGS] = "TEXT",      [OPTION_MAP] = "",
        [OPTION_LIST] = "",
    };
    return option->placeholder ? option->placeholder : names[option->kind];
}

/* "required; 1 to 255", "default 1s; at least 10ms", "list; at most 16 items" or "". */
static void describe(const struct option *option, char facts[FACTS_MAX])
{
    char range[256];
    options_value_range(option, range, sizeof range);
    const char *const parts[][2] = {
        {"", option->required ? "required" : NULL},
        {"", option->kind == OPTION_LIST || option->kind == OPTION_STRINGS ? "list" : NULL},
        {"default ", option->secret ? NULL : option->fallback},
        {option->kind == OPTION_CHOICE ? "one of " : "", *range ? range : NULL},
    };
    size_t used = 0;
    facts[0] = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && used < FACTS_MAX; i++) {
        if (parts[i][1]) {
            used += (size_t)snprintf(facts + used, FACTS_MAX - used, "%s%s%s", used > 0 ? "; " : "",
                                     parts[i][0], parts[i][1]);
        }
    }
}

/* The key and what is known of it; the first key of a list's item is behind a dash. */
static void document_key(FILE *out, const struct option *option, int indent, bool dash)
{
    const char *value = placeholder(option);
    int column =
        fprintf(out, "%*s%s%s:%s%s", indent, "", dash ? "- " : "", option->name, *value ? " " : "", value);
    char facts[FACTS_MAX];
    describe(option, facts);
    if (!*facts) {
        fputc('\n', out);
    } else if ((size_t)column + strlen(facts) + 4 <= MANUAL_WIDTH) {
        fprintf(out, "  (%s)\n", facts);
    } else {
        fputc('\n', out);
        manual_paragraph(out, 0, (size_t)(dash ? indent + INDENT : indent) + HELP_INDENT, facts);
    }
}

static void document_table(FILE *out, const struct option *table, int indent, bool dash)
{
    for (const struct option *option = table; option->name; option++) {
        bool first_of_item = dash && option == table;
        document_key(out, option, first_of_item ? indent - INDENT : indent, first_of_item);
        if (option->help) {
            manual_paragraph(out, 0, (size_t)indent + HELP_INDENT, option->help);
        }
        if (option->kind == OPTION_MAP) {
            document_table(out, option->table, indent + INDENT, false);
        } else if (option->kind == OPTION_LIST) {
            document_table(out, option->table, indent + 2 * INDENT, true);
        }
    }
}

void options_document(FILE *out, const struct option *table)
{
    document_table(out, table, 0, false);
}

void options_document_roff(FILE *out, const struct option *table)
{
    for (const struct option *option = table; option->name; option++) {
        char facts[FACTS_MAX];
        describe(option, facts);
        fputs(".TP\n\\fB", out);
        manual_roff(out, option->name);
        fputs(":\\fR \\fI", out);
        manual_roff(out, placeholder(option));
        fputs("\\fR", out);
        if (*facts) {
            fputs(" (", out);
            manual_roff(out, facts);
            fputc(')', out);
        }
        fputc('\n', out);
        if (option->help) {
            manual_roff(out, option->help);
            fputc('\n', out);
        }
        if (option->table) {
            fputs(".RS\n", out);
            options_document_roff(out, option->table);
            fputs(".RE\n", out);
        }
    }
}
