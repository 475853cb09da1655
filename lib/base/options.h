/*
 * options: a YAML file bound to a C structure by a table.
 *
 * One table is the parser, the defaults, the ranges, the units, the help, `--print-config` and the man page.
 * options_load() reports every error of the file at once into `diagnostics` (base/diagnostics.h), each with
 * file, line, column and a hint ("did you mean"); unknown keys, duplicate keys, wrong types, values out of
 * range and missing required keys are errors. Rules across fields live with the owner of the table: it walks
 * the loaded structure and calls diagnostics_add() with the place of the offending item.
 *
 *   struct tag_options { struct place place; char *name; int64_t rate_us; ... };
 *   static const struct option tag_table[] = {
 *       {.name = "name", .kind = OPTION_STRING, .offset = offsetof(struct tag_options, name), .required =
 * true, ...},
 *       {.name = "rate", .kind = OPTION_DURATION, .offset = ..., .fallback = "1s", .min = 10000, ...},
 *       OPTIONS_END,
 *   };
 *
 * The C structure is plain memory: strings are owned by it and never NULL once loaded (an absent optional
 * string is ""), lists are struct option_list. options_free() releases what options_load() allocated. Every
 * structure described by a table begins with a `struct place`; that of an OPTION_MAP that the file does not
 * have is all zero, and its required keys are then not asked for.
 *
 * A file is one YAML document in UTF-8 without anchors, aliases and tags.
 */
#ifndef BOURDON_BASE_OPTIONS_H
#define BOURDON_BASE_OPTIONS_H

#include "base/diagnostics.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
    OPTION_STRING,   /* char *                                                                         */
    OPTION_BOOL,     /* bool: true/false, yes/no, on/off                                               */
    OPTION_INT,      /* int64_t                                                                        */
    OPTION_FLOAT,    /* double, finite                                                                 */
    OPTION_DURATION, /* int64_t microseconds: "250ms", "1s", "1.5h", "2d"; a bare number is an error   */
    OPTION_SIZE,     /* int64_t bytes: "4096", "64KiB", "1GB"                                          */
    OPTION_CHOICE,   /* int: one of `choices`                                                          */
    OPTION_STRINGS,  /* struct option_list of char *; a single scalar counts as a list of one          */
    OPTION_MAP,      /* a nested structure at `offset`, described by `table`                           */
    OPTION_LIST,     /* struct option_list of structures of `item_size`, described by `table`          */
};

struct option_choice {
    const char *name;
    int value;
};

struct option_list {
    void *items; /* owned; NULL when count is 0 */
    size_t count;
};

struct option {
    const char *name; /* NULL ends a table */
    enum option_kind kind;
    size_t offset;
    bool required;        /* must be there, and not empty */
    const char *fallback; /* default, as it would be written in the file (OPTION_STRINGS: one string); NULL =
                             zero, "" or empty */
    double min, max;      /* inclusive range of numbers, durations (µs) and sizes; both 0 = no range, max
                             below min = no upper limit */
    const struct option_choice *choices; /* ends with name NULL */
    const struct option *table;          /* OPTION_MAP, OPTION_LIST */
    size_t item_size;                    /* OPTION_LIST */
    size_t max_items;                    /* OPTION_LIST, OPTION_STRINGS: 0 = OPTIONS_ITEMS_MAX */
    bool secret;                         /* never printed */
    const char *placeholder;             /* how help names the value: "HOST:PORT" */
    const char *help;                    /* one or two sentences for people */
};

#define OPTIONS_END                                                                                          \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

enum {
    OPTIONS_FILE_MAX = 64 * 1024 * 1024, /* bytes of one file */
    OPTIONS_ITEMS_MAX = 1000000,
    OPTIONS_DEPTH_MAX = 32,
    OPTIONS_KEYS_MAX = 64, /* rows of one table */
};

/*
 * The place of a key of a loaded structure, for rules across fields: of its value, or of the key itself where
 * the value is a list or mapping; of the whole structure if the key is absent.
 */
struct place option_place(const struct diagnostics *diagnostics, const void *structure, const char *key);

/*
 * Reads `path` into `*target` (a structure of the table; fields that are not in the table are left alone,
 * in items of lists they are zero). Errors go to `diagnostics`: ERR_CONFIG if values are wrong, and then
 * `target` still is well-formed for the cross-field rules (fields in error hold their defaults);
 * ERR_MALFORMED if the file cannot be read to its end, so that such rules would complain of what was not
 * seen. Either way, and after ERR_NO_MEMORY, it must be freed all the same.
 */
MUST_USE enum err options_load(const char *path, const struct option *table, void *target,
                               struct diagnostics *diagnostics);

/* The same from memory; `name` stands for the path in messages. */
MUST_USE enum err options_load_text(const char *name, const char *text, size_t size,
                                    const struct option *table, void *target,
                                    struct diagnostics *diagnostics);

/* Sets every field to its default, without a file; nothing is required then. */
MUST_USE enum err options_defaults(const struct option *table, void *target);

void options_free(const struct option *table, void *target);

/* Writes the effective configuration as YAML that options_load() reads back to the same; secrets as a
 * comment. */
void options_print(FILE *out, const struct option *table, const void *target);

/* Writes every key with type, default, range and help: as text for --help-config, as roff for the man page.
 */
void options_document(FILE *out, const struct option *table);
void options_document_roff(FILE *out, const struct option *table);

/* Reads "250ms" / "64KiB" as the tables do. False if the text is not one. */
bool option_parse_duration(const char *text, int64_t *us);
bool option_parse_size(const char *text, int64_t *bytes);

#endif
