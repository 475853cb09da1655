/*
 * status_view: shows any JSON value to people: objects as aligned "key value" lines, objects within by
 * indentation, lists of alike flat objects as tables. Numbers whose keys end in _us or _s are
 * durations.
 */
#ifndef BOURDON_CLIENT_STATUS_VIEW_H
#define BOURDON_CLIENT_STATUS_VIEW_H

#include "json_tree.h"

#include <stdio.h>

enum { STATUS_VIEW_COLUMNS_MAX = 64 }; /* of a table; further ones are not shown */

void status_view_show(FILE *out, const struct json_tree *tree);

#endif
