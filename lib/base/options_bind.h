/* options_bind: walks a configuration's nodes and a table side by side. One thread. */
#ifndef BOURDON_BASE_OPTIONS_BIND_H
#define BOURDON_BASE_OPTIONS_BIND_H

#include "base/options.h"
#include "base/options_reader.h"

/*
 * Reads the whole document into `target`, which holds its defaults. What is wrong goes to the diagnostics;
 * ERR_NO_MEMORY is the only error returned.
 */
MUST_USE enum err options_bind(struct options_reader *reader, struct diagnostics *diagnostics,
                               const struct option *table, void *target);

#endif
