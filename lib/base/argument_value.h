/* argument_value: values that people give on a command line or in a query. Pure, any thread. */
#ifndef BOURDON_BASE_ARGUMENT_VALUE_H
#define BOURDON_BASE_ARGUMENT_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* A whole number from `min` to `max` and nothing else. */
bool argument_count(const char *text, uint64_t min, uint64_t max, uint64_t *count);

/* A time as clock_parse() takes it, "now", or "-5m": so long before `now_us`. Wall time in µs. */
bool argument_time(const char *text, int64_t now_us, int64_t *wall_us);

#endif
