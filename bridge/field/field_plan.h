/*
 * field_plan: the plans of all links without a field that runs them: printed for people, and held against the
 * time of the line. The options are checked already.
 */
#ifndef BOURDON_FIELD_FIELD_PLAN_H
#define BOURDON_FIELD_FIELD_PLAN_H

#include "field/field_options.h"

#include <stdio.h>

/* Writes each request of each link, its registers, and its share of the line's time. ERR_NO_MEMORY. */
MUST_USE enum err field_plan_print(const struct field_options *options, FILE *out);

/* Warns, with numbers, of each link whose requests take longer than their rates allow. ERR_NO_MEMORY. */
MUST_USE enum err field_plan_check(const struct field_options *options, struct diagnostics *diagnostics);

#endif
