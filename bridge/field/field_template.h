/*
 * field_template: tag lists of kinds of devices in files of their own, each loaded once however often it is
 * included.
 */
#ifndef BOURDON_FIELD_FIELD_TEMPLATE_H
#define BOURDON_FIELD_FIELD_TEMPLATE_H

#include "field/field_options.h"

/* The content of one file, bound by field_template_file_table. */
struct field_template {
    struct place place;
    struct option_list templates; /* of struct template_options */
    struct option_list tags;      /* of struct tag_options */
    char *path;
    struct field_template *next; /* owned */
    bool loading;                /* its own templates are being loaded: including it now is a circle */
};

extern const struct option field_tag_table[];
extern const struct option field_template_table[];
extern const struct option field_template_file_table[];

/*
 * Loads every template that units and templates name, and sets their `loaded`. Files that do not exist or
 * include themselves are errors with the place of the `file` that names them.
 */
MUST_USE enum err field_template_load_all(struct field_options *options, const char *path,
                                          struct diagnostics *diagnostics);
void field_template_free_all(struct field_template *first);

#endif
