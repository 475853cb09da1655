/*
 * Any bytes as a policy, and any request against it: a mistake is always told; what is allowed lies within
 * the rule that is said to allow it.
 */
#include "gateway/policy_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool lies_within(const struct policy_rule *rule, struct pdu_span span)
{
    for (uint32_t at = span.address; at < span.address + (uint32_t)span.quantity; at++) {
        bool found = false;
        for (size_t i = 0; i < rule->range_count; i++) {
            found |= at >= rule->ranges[i].first && at <= rule->ranges[i].last;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* Where values of two registers are limited, a write has whole ones. */
static bool is_whole(const struct policy_rule *rule, struct pdu_span span)
{
    if (policy_guard_width(rule->guard.type) == 1 || !policy_guard_limits(&rule->guard)) {
        return true;
    }
    for (size_t i = 0; i < rule->range_count; i++) {
        const struct policy_range *range = &rule->ranges[i];
        check((range->last - range->first) % 2 == 1);
        if (span.address >= range->first && span.address <= range->last) {
            return (span.address - range->first) % 2 == 0 && span.quantity % 2 == 0;
        }
    }
    return false;
}

static void decide(const struct policy *policy, uint8_t unit, struct bytes pdu)
{
    struct pdu_request request;
    if (pdu_request_decode(pdu, &request) != MODBUS_NO_EXCEPTION) {
        return;
    }
    for (size_t i = 0; i < policy->role_count; i++) {
        struct policy_decision decision = policy_decide(&policy->roles[i], unit, &request);
        struct policy_function function;
        bool allowed = decision.verdict == POLICY_ALLOWED;
        check(policy_function(request.function, &function) || !allowed);
        check(!allowed || policy_may(&policy->roles[i], unit, request.function));
        check(!allowed || !function.reads || (decision.read_rule && decision.read_rule->read));
        check(!allowed || !function.writes || (decision.write_rule && decision.write_rule->write));
        if (allowed && function.addressed) {
            check(!function.reads || lies_within(decision.read_rule, request.read));
            check(!function.writes || lies_within(decision.write_rule, request.write));
            check(!function.writes || is_whole(decision.write_rule, request.write));
        }
    }
}

/* The first byte says how long the request is that follows it: unit and PDU; the rest is the policy. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || data[0] < 2 || (size_t)data[0] + 1 > size) {
        return 0;
    }
    struct diagnostics *diagnostics = diagnostics_new();
    struct policy *policy = NULL;
    const struct bytes text = {.data = data + 1 + data[0], .size = size - 1 - data[0]};
    enum err result = policy_load_text("policy", text, diagnostics, &policy);
    check((result == ERR_OK) == (policy != NULL));
    check(result == ERR_OK || result == ERR_NO_MEMORY || diagnostics_count(diagnostics) > 0);
    if (policy) {
        decide(policy, data[1], (struct bytes){.data = data + 2, .size = data[0] - 1U});
    }
    policy_unref(policy);
    diagnostics_free(diagnostics);
    return 0;
}
