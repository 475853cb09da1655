/*
 * policy_guard: what a rule demands of the values that a write leaves behind. Pure, any thread.
 *
 * Values are judged one by one: a coil is 0 or 1, one register or two a number of the rule's type. Where it
 * is two, a rule with limits demands whole values, counted from the start of its addresses: no coils, no
 * single register (06), no mask write (16), no half of a value at either end. What is no finite number is
 * outside of any limits. A mask write of one register is judged by its result, (old AND and_mask) OR (or_mask
 * AND NOT and_mask), for which the register must be read first; so must it for a maximum change.
 */
#ifndef BOURDON_GATEWAY_POLICY_GUARD_H
#define BOURDON_GATEWAY_POLICY_GUARD_H

#include "modbus/pdu.h"
#include "tunnel/catalog.h"

#include <stdbool.h>
#include <stdint.h>

/* All zero = demands nothing. */
struct policy_guard {
    bool bounded;         /* min and max hold */
    bool verify;          /* read back after writing, and compare */
    bool words_swapped;   /* of two registers the first is the low one */
    enum value_type type; /* VALUE_INT16, _UINT32, _INT32 or _FLOAT32; any other = VALUE_UINT16 */
    double min, max;
    double max_change; /* of each value by one write; 0 = any */
};

/* Whether values or changes are limited, and not only read back. */
bool policy_guard_limits(const struct policy_guard *guard);

/* Registers that make a value of the type: 1 or 2. */
unsigned policy_guard_width(enum value_type type);

/* Whether the old values are needed to judge the write. */
bool policy_guard_needs_old(const struct policy_guard *guard, uint8_t function);

/* Judges what the request itself says of the new values; true where only the old ones can tell. `offset`:
 * items from the start of the rule's addresses to where it writes. */
bool policy_guard_allows(const struct policy_guard *guard, const struct pdu_request *request,
                         unsigned offset);

/* Judges the change from `old`, the items that the write will replace, packed as a read gives them, of a
 * request that policy_guard_allows(). */
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
