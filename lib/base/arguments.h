/*
 * arguments: a program's command line, from a table.
 *
 * Gives --help and --version, `--name value`, `--name=value`, `-n value`, `--` and positional arguments; an
 * unknown or incomplete one prints the error with a "did you mean" and how to get help to stderr: exit
 * status 2.
 */
#ifndef BOURDON_BASE_ARGUMENTS_H
#define BOURDON_BASE_ARGUMENTS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { EXIT_USAGE = 2 };

struct argument {
    const char *name;  /* long name without dashes; NULL ends the table */
    char letter;       /* 0 = no short form */
    const char *value; /* placeholder in the help ("FILE"); NULL = a flag */
    const char *help;
    const char **text; /* where a value goes; repeated: the last one wins */
    bool *flag;        /* where a flag goes */
};

#define ARGUMENTS_END                                                                                        \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

struct command_line {
    const char *program; /* as a person calls it: "bourdon-bridge", "bourdon acks" */
    const char *summary; /* one sentence */
    const char *usage;   /* what follows the program's name: "-c FILE [options]" */
    const struct argument *arguments;
    const char *positional_help; /* NULL = positional arguments are an error */
    const char *epilogue;        /* examples, exit status; may be NULL */
};

enum arguments_result {
    ARGUMENTS_RUN,   /* go on */
    ARGUMENTS_DONE,  /* --help or --version was answered: exit 0 */
    ARGUMENTS_WRONG, /* said so on stderr: exit EXIT_USAGE */
};

/*
 * Parses argv[1..argc). The positional arguments are moved to the front of argv (argv[0] = the first), and
 * `*positional` counts them.
 */
enum arguments_result arguments_parse(const struct command_line *line, int argc, char **argv,
                                      size_t *positional);

/* Says on stderr what is wrong with a value, and how to get help; exit EXIT_USAGE then. */
void arguments_complain(const struct command_line *line, const char *format, ...) PRINTF_LIKE(2, 3);

/* Writes the head of the program's manual page as roff: name, synopsis, options. Further sections may follow.
 */
void arguments_document_roff(FILE *out, const struct command_line *line, int section);

#endif
