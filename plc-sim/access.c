#include "access.h"

#include <stddef.h>
#include <string.h>

#define RULE(member) .offset = offsetof(struct access_rule, member)

const struct option access_table[] = {
    {.name = "role",
     .kind = OPTION_STRING,
     RULE(role),
     .help = "The role in the client's certificate, byte by byte; \"\" is none, or no valid one."},
    {.name = "read", .kind = OPTION_BOOL, RULE(read), .fallback = "yes", .help = "It may read."},
    {.name = "write", .kind = OPTION_BOOL, RULE(write), .fallback = "no", .help = "It may write."},
    {.name = "first",
     .kind = OPTION_INT,
     RULE(first),
     .fallback = "0",
     .min = 0,
     .max = PDU_ADDRESSES - 1,
     .help = "From this address on, of any table."},
    {.name = "last",
     .kind = OPTION_INT,
     RULE(last),
     .fallback = "65535",
     .min = 0,
     .max = PDU_ADDRESSES - 1,
     .help = "Up to this address."},
    OPTIONS_END,
};

static const struct access_rule without_role = {.role = "", .read = true, .last = PDU_ADDRESSES - 1};

static bool holds(const struct access_rule *rule, const char *role, bool write, const struct pdu_span *span)
{
    bool right = strcmp(rule->role, role) == 0 && (write ? rule->write : rule->read);
    return right && (!span || (span->address >= rule->first &&
                               (int64_t)span->address + span->quantity - 1 <= rule->last));
}

/* `span` NULL: of any address. */
static bool any_holds(const struct access_rule *rules, size_t count, const char *role, bool write,
                      const struct pdu_span *span)
{
    bool spoken_of = role[0] != '\0';
    for (size_t i = 0; i < count; i++) {
        if (holds(&rules[i], role, write, span)) {
            return true;
        }
        spoken_of = spoken_of || rules[i].role[0] == '\0';
    }
    return !spoken_of && holds(&without_role, role, write, span);
}

/* What changes the device: all of 08 but the question whether somebody is there. */
static bool writes(const struct pdu_request *request)
{
    switch ((enum modbus_function)request->function) {
    case MODBUS_WRITE_SINGLE_COIL:
    case MODBUS_WRITE_SINGLE_REGISTER:
    case MODBUS_WRITE_MULTIPLE_COILS:
    case MODBUS_WRITE_MULTIPLE_REGISTERS:
    case MODBUS_MASK_WRITE_REGISTER:
    case MODBUS_READ_WRITE_MULTIPLE_REGISTERS:
    case MODBUS_WRITE_FILE_RECORD:
        return true;
    case MODBUS_DIAGNOSTICS:
        return request->sub_function != MODBUS_RETURN_QUERY_DATA;
    case MODBUS_READ_COILS:
    case MODBUS_READ_DISCRETE_INPUTS:
    case MODBUS_READ_HOLDING_REGISTERS:
    case MODBUS_READ_INPUT_REGISTERS:
    case MODBUS_READ_EXCEPTION_STATUS:
    case MODBUS_GET_EVENT_COUNTER:
    case MODBUS_GET_EVENT_LOG:
    case MODBUS_REPORT_SERVER_ID:
    case MODBUS_READ_FILE_RECORD:
    case MODBUS_READ_FIFO_QUEUE:
    case MODBUS_ENCAPSULATED_INTERFACE:
        break;
    }
    return false;
}

bool access_allows(const struct access_rule *rules, size_t count, const char *role, struct bytes pdu)
{
    struct pdu_request request;
    if (pdu_request_decode(pdu, &request) != MODBUS_NO_EXCEPTION ||
        (request.read.quantity == 0 && request.write.quantity == 0)) {
        return any_holds(rules, count, role, writes(&request), NULL);
    }
    return (request.read.quantity == 0 || any_holds(rules, count, role, false, &request.read)) &&
           (request.write.quantity == 0 || any_holds(rules, count, role, true, &request.write));
}
