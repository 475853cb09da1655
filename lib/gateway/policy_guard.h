/*
 * policy_guard: what a rule demands of the values that a write leaves behind. Pure, any thread.
 *
 * Values are judged one by one: a coil is 0 or 1, a register a 16-bit number, signed if the rule says so. A
 * mask write (16) is judged by its result, (old AND and_mask) OR (or_mask AND NOT and_mask), for which the
 * register must be read first; so must it for a maximum change.
 */
#ifndef BOURDON_GATEWAY_POLICY_GUARD_H
#define BOURDON_GATEWAY_POLICY_GUARD_H

#include "modbus/pdu.h"

#include <stdbool.h>
#include <stdint.h>

/* All zero = demands nothing. */
struct policy_guard {
    bool bounded; /* min and max hold */
    bool is_signed;
    bool verify; /* read back after writing, and compare */
    int32_t min, max;
    int32_t max_change; /* of each value by one write; 0 = any */
};

/* Whether the old values are needed to judge the write. */
bool policy_guard_needs_old(const struct policy_guard *guard, uint8_t function);

/* Judges what the request itself says of the new values; true where only the old ones can tell. */
bool policy_guard_allows(const struct policy_guard *guard, const struct pdu_request *request);

/* Judges the change from `old`, the items that the write will replace, packed as a read gives them. */
bool policy_guard_allows_change(const struct policy_guard *guard, const struct pdu_request *request,
                                struct bytes old);

/* The function code that reads what a write of `function` replaces: 01 or 03; 0: it replaces none of those.
 */
uint8_t policy_guard_reads_with(uint8_t function);

/* The value that item `index` of the write becomes; `old` is used for 16 only. */
uint16_t policy_guard_new_value(const struct pdu_request *request, size_t index, uint16_t old);

/* Whether `now`, read back after the write, is what was written. */
bool policy_guard_is_written(const struct pdu_request *request, struct bytes old, struct bytes now);

#endif
