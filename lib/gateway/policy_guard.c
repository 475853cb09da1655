#include "gateway/policy_guard.h"

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

static int32_t number(const struct policy_guard *guard, uint16_t value)
{
    return guard->is_signed ? (int16_t)value : value;
}

static bool is_within(const struct policy_guard *guard, uint16_t value)
{
    int32_t judged = number(guard, value);
    return !guard->bounded || (judged >= guard->min && judged <= guard->max);
}

bool policy_guard_needs_old(const struct policy_guard *guard, uint8_t function)
{
    bool judged_by_result = function == MODBUS_MASK_WRITE_REGISTER && guard->bounded;
    return policy_guard_reads_with(function) != 0 && (guard->max_change > 0 || judged_by_result);
}

bool policy_guard_allows(const struct policy_guard *guard, const struct pdu_request *request)
{
    if (!guard->bounded || request->function == MODBUS_MASK_WRITE_REGISTER) {
        return true;
    }
    for (size_t i = 0; i < request->write.quantity; i++) {
        if (!is_within(guard, policy_guard_new_value(request, i, 0))) {
            return false;
        }
    }
    return true;
}

bool policy_guard_allows_change(const struct policy_guard *guard, const struct pdu_request *request,
                                struct bytes old)
{
    if (!is_whole(request, old)) {
        return false;
    }
    for (size_t i = 0; i < request->write.quantity; i++) {
        uint16_t before = item(request->function, old, i);
        uint16_t after = policy_guard_new_value(request, i, before);
        int32_t change = number(guard, after) - number(guard, before);
        bool small = guard->max_change == 0 || (change <= guard->max_change && change >= -guard->max_change);
        if (!small || !is_within(guard, after)) {
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
