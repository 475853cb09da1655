/*
 * field_rules: what must hold between the keys of the field options, and between tags. Every violation goes
 * to the diagnostics with its place. Pure but for memory.
 */
#ifndef BOURDON_FIELD_FIELD_RULES_H
#define BOURDON_FIELD_FIELD_RULES_H

#include "field/field_options.h"

/* Templates are loaded already. ERR_NO_MEMORY only; violations are counted by the diagnostics. */
MUST_USE enum err field_rules_check(const struct field_options *options, struct diagnostics *diagnostics);

#endif
