/* policy_ranges: numbers as an operator writes them in a policy: "1", "10-20" or "all". Pure, any thread. */
#ifndef BOURDON_GATEWAY_POLICY_RANGES_H
#define BOURDON_GATEWAY_POLICY_RANGES_H

#include "gateway/policy.h"

/* Reads one item of a list of ranges of 0 to `max`. Decimal, or hexadecimal with 0x. */
bool policy_range_parse(const char *text, uint16_t max, struct policy_range *range);

/* Sorts ranges and joins those that overlap or touch; returns how many are left. */
size_t policy_ranges_join(struct policy_range *ranges, size_t count);

#endif
