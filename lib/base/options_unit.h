/* options_unit: durations and sizes as people write them; option_parse_*() are in options.h. Pure. */
#ifndef BOURDON_BASE_OPTIONS_UNIT_H
#define BOURDON_BASE_OPTIONS_UNIT_H

#include <stddef.h>
#include <stdint.h>

/* In the largest unit that needs no fraction: "90s", "64KiB". Not for negative values. */
void options_unit_format_duration(int64_t us, char *text, size_t size);
void options_unit_format_size(int64_t bytes, char *text, size_t size);

#endif
