#include "gateway/policy_guard.h"

#include <math.h>
#include <string.h>

static bool writes_coils(uint8_t function)
{
    return function == MODBUS_WRITE_SINGLE_COIL || function == MODBUS_WRITE_MULTIPLE_COILS;
}

uint8_t policy_guard_reads_with(uint8_t function)
{
    switch (function) {
    case MODBUS_WRITE_SINGLE_COIL:
    case MODBUS_WRITE_MULTIPLE_COILS:
        return MODBUS_READ_COILS;
    case MODBUS_WRITE_SINGLE_REGISTER:
    case MODBUS_WRITE_MULTIPLE_REGISTERS:
    case MODBUS_MASK_WRITE_REGISTER:
    case MODBUS_READ_WRITE_MULTIPLE_REGISTERS:
        return MODBUS_READ_HOLDING_REGISTERS;
    default:
        return 0;
    }
}

static uint16_t item(uint8_t function, struct bytes packed, size_t index)
{
    return writes_coils(function) ? pdu_bit(packed, index) : pdu_register(packed, index);
}

/* Whether `packed` has all the items of the write. */
static bool is_whole(const struct pdu_request *request, struct bytes packed)
{
    size_t count = request->write.quantity;
    return packed.size == (writes_coils(request->function) ? pdu_bits_size(count) : 2 * count);
}

uint16_t policy_guard_new_value(const struct pdu_request *request, size_t index, uint16_t old)
{
    switch (request->function) {
    case MODBUS_WRITE_SINGLE_COIL:
        return pdu_register(request->data, 0) != 0;
    case MODBUS_MASK_WRITE_REGISTER:
        return (uint16_t)((old & request->and_mask) | (request->or_mask & ~request->and_mask));
    default:
        return item(request->function, request->data, index);
    }
}

bool policy_guard_limits(const struct policy_guard *guard)
{
    return guard->bounded || guard->max_change > 0;
}

unsigned policy_guard_width(enum value_type type)
{
    return type == VALUE_UINT32 || type == VALUE_INT32 || type == VALUE_FLOAT32 ? 2 : 1;
}

static double wide_number(const struct policy_guard *guard, uint16_t first, uint16_t second)
{
    uint32_t high = guard->words_swapped ? second : first;
    uint32_t bits = high << 16 | (guard->words_swapped ? first : second);
    if (guard->type == VALUE_FLOAT32) {
        float number;
        memcpy(&number, &bits, sizeof number);
        return (double)number;
    }
    return guard->type == VALUE_INT32 ? (double)(int32_t)bits : (double)bits;
}

/* The number in the registers (one or two by the type), or the coil. */
static double number(const struct policy_guard *guard, const uint16_t *items)
{
    if (policy_guard_width(guard->type) == 2) {
        return wide_number(guard, items[0], items[1]);
    }
    return guard->type == VALUE_INT16 ? (int16_t)items[0] : items[0];
}

static bool is_within(const struct policy_guard *guard, double value)
{
    return isfinite(value) && (!guard->bounded || (value >= guard->min && value <= guard->max));
}

bool policy_guard_needs_old(const struct policy_guard *guard, uint8_t function)
{
    bool judged_by_result = function == MODBUS_MASK_WRITE_REGISTER && guard->bounded;
    return policy_guard_reads_with(function) != 0 && (guard->max_change > 0 || judged_by_result);
}

static bool has_whole_values(const struct policy_guard *guard, const struct pdu_request *request,
                             unsigned offset)
{
    unsigned width = policy_guard_width(guard->type);
    return width == 1 ||
           (!writes_coils(request->function) && offset % width == 0 && request->write.quantity % width == 0);
}

bool policy_guard_allows(const struct policy_guard *guard, const struct pdu_request *request, unsigned offset)
{
    if (!policy_guard_limits(guard)) {
        return true;
    }
    if (!has_whole_values(guard, request, offset)) {
        return false;
    }
    unsigned width = policy_guard_width(guard->type);
    bool by_result = request->function == MODBUS_MASK_WRITE_REGISTER;
    for (size_t i = 0; !by_result && i < request->write.quantity; i += width) {
        const uint16_t items[] = {policy_guard_new_value(request, i, 0),
                                  width == 2 ? policy_guard_new_value(request, i + 1, 0) : 0};
        if (!is_within(guard, number(guard, items))) {
            return false;
        }
    }
    return true;
}

/* Item `index` of the old values, and what it becomes. */
static void item_change(const struct pdu_request *request, struct bytes old, size_t index, uint16_t *before,
                        uint16_t *after)
{
    *before = item(request->function, old, index);
    *after = policy_guard_new_value(request, index, *before);
}

bool policy_guard_allows_change(const struct policy_guard *guard, const struct pdu_request *request,
                                struct bytes old)
{
    unsigned width = policy_guard_width(guard->type);
    if (!is_whole(request, old) || !has_whole_values(guard, request, 0)) {
        return false;
    }
    for (size_t i = 0; i < request->write.quantity; i += width) {
        uint16_t before[2];
        uint16_t after[2];
        for (size_t k = 0; k < width; k++) {
            item_change(request, old, i + k, &before[k], &after[k]);
        }
        double change = fabs(number(guard, after) - number(guard, before));
        bool small = guard->max_change == 0 || change <= guard->max_change; /* what is no number is not */
        if (!small || !is_within(guard, number(guard, after))) {
            return false;
        }
    }
    return true;
}

bool policy_guard_is_written(const struct pdu_request *request, struct bytes old, struct bytes now)
{
    bool needs_old = request->function == MODBUS_MASK_WRITE_REGISTER;
    if (!is_whole(request, now) || (needs_old && !is_whole(request, old))) {
        return false;
    }
    for (size_t i = 0; i < request->write.quantity; i++) {
        uint16_t before = needs_old ? item(request->function, old, i) : 0;
        if (item(request->function, now, i) != policy_guard_new_value(request, i, before)) {
            return false;
        }
    }
    return true;
}
