/*
 * field_layout: the tags of the options gathered by unit, as the plans want them.
 */
#ifndef BOURDON_FIELD_FIELD_LAYOUT_H
#define BOURDON_FIELD_FIELD_LAYOUT_H

#include "field/field_options.h"
#include "field/unit.h"

enum { FIELD_RULES_MAX = 65535 }; /* of one unit: different limits, deadbands and ages */

struct layout_unit {
    const struct link_options *link;
    const struct unit_options *options;
    struct plan_point *points; /* owned until taken */
    size_t point_count;
    struct report_rule *rules; /* owned until taken */
    size_t rule_count;
};

struct field_layout {
    struct layout_unit *units; /* in the order of the options, all units of a link together */
    size_t unit_count;
};

/* ERR_NO_MEMORY, ERR_LIMIT. The options are checked already. */
MUST_USE enum err field_layout_make(const struct field_options *options, struct field_layout *layout,
                                    struct err_text *why);
void field_layout_fini(struct field_layout *layout);

/* The unit's setup; takes points and rules out of the layout. */
struct unit_setup field_layout_take(struct layout_unit *unit);

#endif
