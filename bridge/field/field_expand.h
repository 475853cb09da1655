/*
 * field_expand: the field options as if nobody had used templates: each unit has all its tags itself, with
 * their names and addresses as they are in the catalog. For --print-config. One thread.
 */
#ifndef BOURDON_FIELD_FIELD_EXPAND_H
#define BOURDON_FIELD_FIELD_EXPAND_H

#include "field/field_options.h"

struct field_expansion {
    struct option_list links; /* of struct link_options; borrows from the options all that stayed the same */
    /* Owned: what did not. */
    struct unit_options *units; /* of all links */
    struct tag_options *tags;   /* of all units; names are owned, too */
    size_t tag_count;
};

/* ERR_NO_MEMORY. The options are checked already. */
MUST_USE enum err field_expand(const struct field_options *options, struct field_expansion *expansion);
void field_expansion_fini(struct field_expansion *expansion);

#endif
