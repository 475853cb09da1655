/* policy_answer: what a policy says to a request that a person describes, and why. One thread. */
#ifndef BOURDON_CLIENT_POLICY_ANSWER_H
#define BOURDON_CLIENT_POLICY_ANSWER_H

#include "gateway/policy.h"

#include <stdio.h>

struct policy_number {
    uint64_t value; /* without its sign */
    bool negative;
};

struct policy_values {
    size_t count;
    uint16_t items[PDU_WRITE_REGISTERS_MAX];
};

struct policy_question {
    const char *role; /* NULL = none */
    uint8_t unit, function;
    uint16_t address, count; /* 0 = as many as values, or 1 */
    uint16_t write_address;  /* 23 only */
    struct policy_values values;
    struct policy_values old; /* what the device holds; none = unknown */
};

/* A whole number, decimal or hexadecimal. */
bool policy_number_parse(const char *text, struct policy_number *number);
/* What numbers on the command line are in registers. */
struct policy_encoding {
    enum value_type type; /* of policy_value_types */
    bool words_swapped;
};
/* Numbers with commas between them. Those of one register may be -32768 to 65535 whatever the type. */
bool policy_values_parse(const char *text, const struct policy_encoding *encoding,
                         struct policy_values *values);

/* Writes "allowed by rule …" or "denied: …". ERR_CONFIG: no such request exists, and why. */
MUST_USE enum err policy_answer(FILE *out, const struct policy *policy,
                                const struct policy_question *question, bool *allowed, struct err_text *why);

#endif
