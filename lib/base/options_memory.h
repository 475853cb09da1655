/* options_memory: the lists of a structure described by an option table; defaults and release are in
 * options.h. Not thread-safe. */
#ifndef BOURDON_BASE_OPTIONS_MEMORY_H
#define BOURDON_BASE_OPTIONS_MEMORY_H

#include "base/options.h"

/* Appends a zeroed item and returns it; NULL: out of memory. Earlier items may move. */
void *options_list_append(const struct option *option, struct option_list *list);

/* Frees the items and empties the list. */
void options_list_clear(const struct option *option, struct option_list *list);

#endif
