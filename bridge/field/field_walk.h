/*
 * field_walk: the tags of the field options with everything resolved: templates applied, references turned
 * into addresses. In the order of appearance, which gives the tag indices of the catalog. Pure.
 */
#ifndef BOURDON_FIELD_FIELD_WALK_H
#define BOURDON_FIELD_FIELD_WALK_H

#include "field/field_options.h"

/* One tag with everything resolved. */
struct field_tag {
    const struct link_options *link;
    const struct unit_options *unit;
    const struct tag_options *options;
    size_t link_index;
    size_t unit_index;            /* within the link */
    struct catalog_tag described; /* strings valid during the call */
    struct place place;
};

/*
 * Calls each(owner, tag) in the order of appearance, the index of the call being the tag's index in the
 * catalog. A result other than ERR_OK ends the walk and is returned. Tags that cannot be resolved (possible
 * only while checking) are visited with described.words = 0.
 */
MUST_USE enum err field_walk(const struct field_options *options,
                             enum err (*each)(void *owner, const struct field_tag *tag), void *owner);

#endif
