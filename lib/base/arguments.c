#include "base/arguments.h"

#include "base/did_you_mean.h"
#include "base/manual.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

enum {
    HELP_COLUMN = 28, /* where the help of an option begins */
    OPTIONS_MAX = 64,
};

/* Every program has these; a table that names one of its own with the same name or letter wins. */
static const struct argument common_arguments[] = {
    {.name = "help", .letter = 'h', .help = "Show this help."},
    {.name = "version", .help = "Show the version."},
    {.name = "man", .help = "Print the manual page, as roff."},
    ARGUMENTS_END,
};

static void print_argument(FILE *out, const struct argument *argument)
{
    int column = argument->letter ? fprintf(out, "  -%c, --%s", argument->letter, argument->name)
                                  : fprintf(out, "      --%s", argument->name);
    if (argument->value) {
        column += fprintf(out, " %s", argument->value);
    }
    /* Two spaces at least between an option and its help. */
    size_t used = column + 2 > HELP_COLUMN ? HELP_COLUMN + 1 : (size_t)column;
    manual_paragraph(out, used, HELP_COLUMN, argument->help);
}

static void print_help(FILE *out, const struct command_line *line)
{
    manual_paragraph(out, 0, 0, line->summary);
    fprintf(out, "\nUsage: %s %s\n", line->program, line->usage);
    if (line->positional_help) {
        fputs("\nArguments:\n", out);
        manual_paragraph(out, 0, 2, line->positional_help);
    }
    fputs("\nOptions:\n", out);
    for (const struct argument *argument = line->arguments; argument->name; argument++) {
        print_argument(out, argument);
    }
    for (const struct argument *argument = common_arguments; argument->name; argument++) {
        print_argument(out, argument);
    }
    if (line->epilogue) {
        fputc('\n', out);
        manual_paragraph(out, 0, 0, line->epilogue);
    }
}

PRINTF_LIKE(2, 0)
static void complain(const struct command_line *line, const char *format, va_list args)
{
    fprintf(stderr, "%s: ", line->program);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nUsage: %s %s\nTry \"%s --help\" for the options.\n", line->program, line->usage,
            line->program);
}

void arguments_complain(const struct command_line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(line, format, args);
    va_end(args);
}

PRINTF_LIKE(2, 3)
static enum arguments_result wrong(const struct command_line *line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain(line, format, args);
    va_end(args);
    return ARGUMENTS_WRONG;
}

/* An argument as given: "--name", "--name=value" or "-n". */
struct given {
    const char *text;
    const char *name;
    size_t name_size;
    const char *value; /* behind '='; NULL = none */
};

static struct given take_apart(const char *text)
{
    struct given given = {.text = text, .name = text + 1, .name_size = strlen(text + 1)};
    if (text[1] == '-') {
        given.name = text + 2;
        given.name_size = strcspn(given.name, "=");
        given.value = given.name[given.name_size] ? given.name + given.name_size + 1 : NULL;
    }
    return given;
}

static bool is_named(const struct argument *argument, const struct given *given)
{
    if (given->text[1] != '-') {
        return given->name_size == 1 && argument->letter == *given->name;
    }
    return strlen(argument->name) == given->name_size &&
           strncmp(argument->name, given->name, given->name_size) == 0;
}

static const struct argument *find_argument(const struct argument *table, const struct given *given)
{
    for (; table->name; table++) {
        if (is_named(table, given)) {
            return table;
        }
    }
    return NULL;
}

static enum arguments_result unknown(const struct command_line *line, const struct given *given)
{
    const char *names[OPTIONS_MAX];
    size_t count = 0;
    const struct argument *const tables[] = {line->arguments, common_arguments};
    for (size_t i = 0; i < 2; i++) {
        for (const struct argument *argument = tables[i]; argument->name && count < OPTIONS_MAX; argument++) {
            names[count++] = argument->name;
        }
    }
    char word[OPTIONS_MAX];
    snprintf(word, sizeof word, "%.*s", (int)given->name_size, given->name);
    const char *near = did_you_mean(word, names, count);
    if (near) {
        return wrong(line, "unknown option \"%s\"; did you mean \"--%s\"?", given->text, near);
    }
    return wrong(line, "unknown option \"%s\"", given->text);
}

/* What follows an option. */
struct follower {
    const char *text; /* "--" at the end of the line: no value */
    bool taken;       /* as the option's value */
};

static enum arguments_result store(const struct command_line *line, const struct argument *argument,
                                   const struct given *given, struct follower *next)
{
    if (!argument->value) {
        if (given->value) {
            return wrong(line, "--%s takes no value", argument->name);
        }
        *argument->flag = true;
        return ARGUMENTS_RUN;
    }
    const char *value = given->value;
    if (!value && strncmp(next->text, "--", 2) != 0) {
        value = next->text;
        next->taken = true;
    }
    if (!value) {
        return wrong(line, "--%s needs a value: --%s=%s", argument->name, argument->name, argument->value);
    }
    *argument->text = value;
    return ARGUMENTS_RUN;
}

static void roff_argument(FILE *out, const struct argument *argument)
{
    fputs(".TP\n", out);
    if (argument->letter) {
        fprintf(out, "\\fB\\-%c\\fR, ", argument->letter);
    }
    fputs("\\fB\\-\\-", out);
    manual_roff(out, argument->name);
    fputs("\\fR", out);
    if (argument->value) {
        fprintf(out, "=\\fI%s\\fR", argument->value);
    }
    fputc('\n', out);
    manual_roff(out, argument->help);
    fputc('\n', out);
}

static void roff_section(FILE *out, const char *heading, const char *text)
{
    fprintf(out, ".SH %s\n", heading);
    manual_roff(out, text);
    fputc('\n', out);
}

static bool has_own(const struct command_line *line, const struct argument *common)
{
    const struct argument *own = line->arguments;
    while (own->name && strcmp(own->name, common->name) != 0) {
        own++;
    }
    return own->name;
}

static void roff_arguments(FILE *out, const struct command_line *line)
{
    for (const struct argument *argument = line->arguments; argument->name; argument++) {
        roff_argument(out, argument);
    }
    for (const struct argument *argument = common_arguments; argument->name; argument++) {
        if (!has_own(line, argument)) {
            roff_argument(out, argument);
        }
    }
}

/* "bourdon acks" is a section of the page of bourdon. */
static void document_verb(FILE *out, const struct command_line *line)
{
    roff_section(out, line->program, line->summary);
    fputs(".PP\n.B ", out);
    manual_roff(out, line->program);
    fputc('\n', out);
    manual_roff(out, line->usage);
    fputc('\n', out);
    if (line->positional_help) {
        fputs(".PP\n", out);
        manual_roff_lines(out, line->positional_help);
    }
    for (const struct argument *argument = line->arguments; argument->name; argument++) {
        roff_argument(out, argument);
    }
    if (line->epilogue) {
        fputs(".PP\n", out);
        manual_roff_lines(out, line->epilogue);
    }
}

static enum arguments_result answer(const struct command_line *line, const struct argument *common)
{
    if (strcmp(common->name, "help") == 0) {
        print_help(stdout, line);
    } else if (strcmp(common->name, "man") == 0) {
        document_verb(stdout, line);
    } else {
        printf("%s %s\n", line->program, BOURDON_VERSION);
    }
    return ARGUMENTS_DONE;
}

static enum arguments_result take_option(const struct command_line *line, const char *text,
                                         struct follower *next)
{
    struct given given = take_apart(text);
    const struct argument *argument = find_argument(line->arguments, &given);
    if (argument) {
        return store(line, argument, &given, next);
    }
    const struct argument *common = find_argument(common_arguments, &given);
    return common ? answer(line, common) : unknown(line, &given);
}

enum arguments_result arguments_parse(const struct command_line *line, int argc, char **argv,
                                      size_t *positional)
{
    bool only_positional = false;
    *positional = 0;
    for (int i = 1; i < argc; i++) {
        bool option = argv[i][0] == '-' && argv[i][1] && !only_positional;
        if (option && strcmp(argv[i], "--") == 0) {
            only_positional = true;
        } else if (option) {
            struct follower next = {.text = i + 1 < argc ? argv[i + 1] : "--"};
            enum arguments_result result = take_option(line, argv[i], &next);
            if (result != ARGUMENTS_RUN) {
                return result;
            }
            i += next.taken;
        } else if (line->positional_help) {
            argv[(*positional)++] = argv[i];
        } else {
            return wrong(line, "unexpected argument \"%s\"", argv[i]);
        }
    }
    return ARGUMENTS_RUN;
}

void arguments_document_roff(FILE *out, const struct command_line *line, int section)
{
    fputs(".TH ", out);
    for (const char *at = line->program; *at; at++) {
        fputc(*at == ' ' ? '-' : toupper((unsigned char)*at), out);
    }
    fprintf(out, " %d \"\" \"Bourdon %s\"\n.SH NAME\n", section, BOURDON_VERSION);
    manual_roff(out, line->program);
    fputs(" \\- ", out);
    manual_roff(out, line->summary);
    fputs("\n.SH SYNOPSIS\n.B ", out);
    manual_roff(out, line->program);
    fputc('\n', out);
    manual_roff(out, line->usage);
    fputs("\n.SH OPTIONS\n", out);
    roff_arguments(out, line);
    if (line->epilogue) {
        fputs(".SH NOTES\n", out);
        manual_roff_lines(out, line->epilogue);
    }
}
