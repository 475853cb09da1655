#include "policy_answer.h"

#include "gateway/policy_file.h"
#include "tunnel/tag_words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool policy_number_parse(const char *text, struct policy_number *number)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    char *end;
    if (!isxdigit((unsigned char)digits[hexadecimal ? 2 : 0]) || strlen(digits) > 15) {
        return false;
    }
    number->negative = text[0] == '-';
    number->value = strtoull(digits, &end, hexadecimal ? 16 : 10);
    return *end == '\0';
}

/* The bits of a number of 16 or 32 bits. */
static bool parse_whole(const char *text, unsigned bits, uint32_t *value)
{
    struct policy_number number;
    uint64_t most = UINT64_C(1) << bits;
    if (!policy_number_parse(text, &number) || number.value > (number.negative ? most / 2 : most - 1)) {
        return false;
    }
    *value = (uint32_t)(number.negative ? most - number.value : number.value);
    return true;
}

static bool parse_float(const char *text, uint32_t *value)
{
    char *end;
    float number = strtof(text, &end);
    memcpy(value, &number, sizeof number);
    return end != text && *end == '\0';
}

static bool parse_value(const char *text, size_t size, const struct policy_encoding *encoding,
                        uint32_t *value)
{
    char copy[32];
    if (size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    return encoding->type == VALUE_FLOAT32
               ? parse_float(copy, value)
               : parse_whole(copy, 16 * policy_guard_width(encoding->type), value);
}

static void append(struct policy_values *values, uint32_t value, const struct policy_encoding *encoding)
{
    uint16_t high = (uint16_t)(value >> 16);
    uint16_t low = (uint16_t)value;
    if (policy_guard_width(encoding->type) == 2) {
        values->items[values->count++] = encoding->words_swapped ? low : high;
        values->items[values->count++] = encoding->words_swapped ? high : low;
    } else {
        values->items[values->count++] = low;
    }
}

bool policy_values_parse(const char *text, const struct policy_encoding *encoding,
                         struct policy_values *values)
{
    values->count = 0;
    for (const char *at = text;; at++) {
        size_t size = strcspn(at, ",");
        uint32_t value;
        if (values->count + policy_guard_width(encoding->type) > PDU_WRITE_REGISTERS_MAX ||
            !parse_value(at, size, encoding, &value)) {
            return false;
        }
        append(values, value, encoding);
        at += size;
        if (*at == '\0') {
            return true;
        }
    }
}

/* ---- the request ---- */

struct request_space {
    struct pdu_request request;
    uint8_t data[2 * PDU_WRITE_REGISTERS_MAX];
    uint8_t old[2 * PDU_WRITE_REGISTERS_MAX];
};

static bool is_coils(uint8_t function)
{
    return function == MODBUS_WRITE_SINGLE_COIL || function == MODBUS_WRITE_MULTIPLE_COILS;
}

static struct bytes pack(const struct policy_values *values, bool bits, uint8_t *space)
{
    size_t size = bits ? pdu_bits_size(values->count) : 2 * values->count;
    memset(space, 0, size);
    for (size_t i = 0; i < values->count; i++) {
        if (bits) {
            space[i / 8] |= (uint8_t)((values->items[i] != 0) << (i % 8));
        } else {
            space[2 * i] = (uint8_t)(values->items[i] >> 8);
            space[2 * i + 1] = (uint8_t)values->items[i];
        }
    }
    return (struct bytes){.data = space, .size = size};
}

static void fill_write(const struct policy_question *question, struct request_space *space)
{
    struct pdu_request *request = &space->request;
    const struct policy_values *values = &question->values;
    bool both = question->function == MODBUS_READ_WRITE_MULTIPLE_REGISTERS;
    request->write.address = both ? question->write_address : question->address;
    request->write.quantity = (uint16_t)(values->count > 0 ? values->count : 1);
    if (question->function == MODBUS_MASK_WRITE_REGISTER) {
        request->write.quantity = 1;
        request->and_mask = values->count > 0 ? values->items[0] : 0xffff;
        request->or_mask = values->count > 1 ? values->items[1] : 0;
        return;
    }
    struct policy_values given = *values;
    given.count = request->write.quantity;
    if (question->function == MODBUS_WRITE_SINGLE_COIL) {
        given.items[0] = given.items[0] != 0 ? 0xff00 : 0;
        request->data = pack(&given, false, space->data);
        return;
    }
    request->data = pack(&given, is_coils(question->function), space->data);
}

static enum err make_request(const struct policy_question *question, const struct policy_function *function,
                             struct request_space *space, struct err_text *why)
{
    uint16_t count = question->count > 0 ? question->count : 1;
    space->request.function = question->function;
    bool needs_values = function->writes && function->addressed;
    if (function->reads && function->addressed) {
        space->request.read = (struct pdu_span){.address = question->address, .quantity = count};
    }
    if (needs_values && question->values.count == 0) {
        return err_set(why, ERR_CONFIG, "function %u writes: it needs --value", question->function);
    }
    if (needs_values) {
        fill_write(question, space);
    }
    uint8_t pdu[PDU_SIZE_MAX];
    struct wire_writer writer = wire_writer(pdu, sizeof pdu);
    pdu_request_encode(&writer, &space->request);
    if (function->addressed && writer.failed) {
        return err_set(why, ERR_CONFIG, "no such request exists: too many items, or addresses past 65535");
    }
    return ERR_OK;
}

/* ---- the answer ---- */

static void say_type(FILE *out, const struct policy_guard *guard)
{
    if (policy_guard_width(guard->type) == 2) {
        fprintf(
            out,
            "  its values are %s, two registers each, %s word first: a write must have whole ones, counted "
            "from the start of a range\n  of its addresses, by function 16 or 23\n",
            tag_word_name(policy_value_types, (int)guard->type), guard->words_swapped ? "low" : "high");
    }
}

static void say_denied(FILE *out, const struct policy_decision *decision)
{
    static const char *const sentences[] = {
        [POLICY_ALLOWED] = "",
        [POLICY_NO_RULES] = "there is no rule for this role",
        [POLICY_UNIT] = "no rule of this role is for this unit",
        [POLICY_FUNCTION] = "no rule of this role has this function of this unit",
        [POLICY_ACCESS] = "the rule does not allow this access",
        [POLICY_ADDRESS] = "not all of the addresses lie within the rule",
        [POLICY_VALUE] = "a value is outside of the rule's limits, or not whole",
        [POLICY_CHANGE] = "the change is larger than the rule allows, or ends outside of its limits",
        [POLICY_RATE] = "too many requests in this second",
    };
    bool nearly = decision->closest && decision->verdict > POLICY_FUNCTION;
    fprintf(out, "denied (exception 01) %s: %s\n", decision->write ? "to write" : "to read",
            sentences[decision->verdict]);
    if (nearly) {
        fprintf(out, "  closest rule: \"%s\"\n", decision->closest->name);
        if (decision->verdict >= POLICY_VALUE) {
            say_type(out, &decision->closest->guard);
        }
    }
}

static void say_demands(FILE *out, const struct policy_guard *guard, const struct pdu_request *request)
{
    if (policy_guard_needs_old(guard, request->function)) {
        fputs("  if the change is within its limits: the device is read first (--old says what it holds)\n",
              out);
    }
    if (guard->verify) {
        fputs("  and read back: exception 04 if it does not hold what was written\n", out);
    }
}

static void say_allowed(FILE *out, const struct policy_decision *decision, const struct request_space *space,
                        bool old_known)
{
    const struct policy_rule *read = decision->read_rule;
    const struct policy_rule *write = decision->write_rule;
    const struct policy_rule *first = read ? read : write;
    fprintf(out, "allowed by rule \"%s\"", first ? first->name : "");
    if (read && write && read != write) {
        fprintf(out, " and, to write, by rule \"%s\"", write->name);
    }
    fputc('\n', out);
    if (write) {
        struct policy_guard guard = write->guard;
        guard.max_change = old_known ? 0 : guard.max_change;
        guard.bounded = guard.bounded && !old_known;
        say_demands(out, &guard, &space->request);
    }
}

enum err policy_answer(FILE *out, const struct policy *policy, const struct policy_question *question,
                       bool *allowed, struct err_text *why)
{
    struct request_space space = {.request = {.function = 0}};
    struct policy_function function;
    if (!policy_function(question->function, &function)) {
        return err_set(why, ERR_CONFIG, "function %u is none that the gateway speaks", question->function);
    }
    enum err result = make_request(question, &function, &space, why);
    if (result != ERR_OK) {
        return result;
    }
    struct policy_decision decision =
        policy_decide(policy_find(policy, question->role), question->unit, &space.request);
    bool old_known = question->old.count > 0;
    struct bytes old = pack(&question->old, is_coils(question->function), space.old);
    if (decision.verdict == POLICY_ALLOWED && decision.write_rule && old_known &&
        policy_guard_needs_old(&decision.write_rule->guard, question->function) &&
        !policy_guard_allows_change(&decision.write_rule->guard, &space.request, old)) {
        decision.closest = decision.write_rule;
        decision.verdict = POLICY_CHANGE;
    }
    *allowed = decision.verdict == POLICY_ALLOWED;
    if (*allowed) {
        say_allowed(out, &decision, &space, old_known);
    } else {
        say_denied(out, &decision);
    }
    return ERR_OK;
}
