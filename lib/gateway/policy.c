#include "gateway/policy.h"

#include "base/array.h"

#include <stdlib.h>
#include <string.h>

struct policy *policy_ref(struct policy *policy)
{
    atomic_fetch_add(&policy->references, 1);
    return policy;
}

static void rule_fini(struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->role_count; i++) {
        free(rule->roles[i]);
    }
    free(rule->roles);
    free(rule->name);
}

void policy_unref(struct policy *policy)
{
    if (!policy || atomic_fetch_sub(&policy->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        rule_fini(&policy->rules[i]);
    }
    for (size_t i = 0; i < policy->role_count; i++) {
        free(policy->roles[i].rules);
    }
    free(policy->roles);
    free(policy->rules);
    free(policy);
}

const struct policy_role *policy_find(const struct policy *policy, const char *role)
{
    const char *wanted = role && role[0] != '\0' ? role : NULL;
    for (size_t i = 0; i < policy->role_count; i++) {
        const char *known = policy->roles[i].role;
        if (known == wanted || (known && wanted && strcmp(known, wanted) == 0)) {
            return &policy->roles[i];
        }
    }
    return NULL;
}

bool policy_function(uint8_t code, struct policy_function *function)
{
    static const struct {
        uint8_t code;
        struct policy_function function;
    } known[] = {
        {0x01, {.reads = true, .addressed = true}},                 /* coils */
        {0x02, {.reads = true, .addressed = true}},                 /* discrete inputs */
        {0x03, {.reads = true, .addressed = true}},                 /* holding registers */
        {0x04, {.reads = true, .addressed = true}},                 /* input registers */
        {0x05, {.writes = true, .addressed = true}},                /* one coil */
        {0x06, {.writes = true, .addressed = true}},                /* one register */
        {0x07, {.reads = true}},                                    /* exception status */
        {0x08, {.writes = true}},                                   /* diagnostics: may restart the device */
        {0x0b, {.reads = true}},                                    /* event counter */
        {0x0c, {.reads = true}},                                    /* event log */
        {0x0f, {.writes = true, .addressed = true}},                /* coils */
        {0x10, {.writes = true, .addressed = true}},                /* registers */
        {0x11, {.reads = true}},                                    /* server identifier */
        {0x14, {.reads = true}},                                    /* file records */
        {0x15, {.writes = true}},                                   /* file records */
        {0x16, {.writes = true, .addressed = true}},                /* mask write */
        {0x17, {.reads = true, .writes = true, .addressed = true}}, /* read and write registers */
        {0x18, {.reads = true, .addressed = true}},                 /* FIFO queue, by its pointer's address */
        {0x2b, {.reads = true}},                                    /* device identification */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
        if (known[i].code == code) {
            *function = known[i].function;
            return true;
        }
    }
    *function = (struct policy_function){.reads = false};
    return false;
}

static bool has_bit(const uint64_t *bits, unsigned number)
{
    return bits[number / 64] >> (number % 64) & 1;
}

/* The range of the rule in which the span lies; NULL: none. */
static const struct policy_range *find_range(const struct policy_rule *rule, struct pdu_span span)
{
    uint32_t last = span.address + (span.quantity > 0 ? span.quantity - 1U : 0U);
    for (size_t i = 0; i < rule->range_count; i++) {
        if (span.address >= rule->ranges[i].first && last <= rule->ranges[i].last) {
            return &rule->ranges[i];
        }
    }
    return NULL;
}

/* One half of a request: what it reads, or what it writes. */
struct half {
    bool write;
    bool addressed;
    uint8_t unit;
    const struct pdu_request *request;
};

/* The check at which a rule stops. */
static enum policy_verdict judge(const struct policy_rule *rule, const struct half *half)
{
    if (!has_bit(rule->units, half->unit)) {
        return POLICY_UNIT;
    }
    if (!has_bit(rule->functions, half->request->function)) {
        return POLICY_FUNCTION;
    }
    if (half->write ? !rule->write : !rule->read) {
        return POLICY_ACCESS;
    }
    if (!half->addressed) {
        return POLICY_ALLOWED;
    }
    struct pdu_span span = half->write ? half->request->write : half->request->read;
    const struct policy_range *range = find_range(rule, span);
    if (!range) {
        return POLICY_ADDRESS;
    }
    unsigned offset = (unsigned)span.address - range->first;
    bool values_fit = !half->write || policy_guard_allows(&rule->guard, half->request, offset);
    return values_fit ? POLICY_ALLOWED : POLICY_VALUE;
}

/* The first rule that allows; NULL, and the decision says why, if there is none. */
static const struct policy_rule *find_rule(const struct policy_role *role, const struct half *half,
                                           struct policy_decision *decision)
{
    decision->verdict = POLICY_NO_RULES;
    decision->closest = NULL;
    decision->write = half->write;
    for (size_t i = 0; role && i < role->count; i++) {
        enum policy_verdict verdict = judge(role->rules[i], half);
        if (verdict == POLICY_ALLOWED) {
            decision->verdict = POLICY_ALLOWED;
            decision->closest = NULL;
            return role->rules[i];
        }
        if (verdict > decision->verdict) {
            decision->verdict = verdict;
            decision->closest = role->rules[i];
        }
    }
    return NULL;
}

struct policy_decision policy_decide(const struct policy_role *role, uint8_t unit,
                                     const struct pdu_request *request)
{
    struct policy_decision decision = {.verdict = POLICY_FUNCTION};
    struct policy_function function;
    if (!policy_function(request->function, &function)) {
        return decision;
    }
    struct half half = {.unit = unit, .addressed = function.addressed, .request = request};
    if (function.reads) {
        decision.read_rule = find_rule(role, &half, &decision);
    }
    if (function.writes && (!function.reads || decision.read_rule)) {
        half.write = true;
        decision.write_rule = find_rule(role, &half, &decision);
    }
    return decision;
}

bool policy_may(const struct policy_role *role, uint8_t unit, uint8_t function)
{
    if (function >= 128) {
        return false; /* no such function code: it is the mark of an exception */
    }
    for (size_t i = 0; role && i < role->count; i++) {
        if (has_bit(role->rules[i]->units, unit) && has_bit(role->rules[i]->functions, function)) {
            return true;
        }
    }
    return false;
}

const char *policy_verdict_text(enum policy_verdict verdict)
{
    static const char *const texts[] = {
        [POLICY_ALLOWED] = "allowed",   [POLICY_NO_RULES] = "role", [POLICY_UNIT] = "unit",
        [POLICY_FUNCTION] = "function", [POLICY_ACCESS] = "access", [POLICY_ADDRESS] = "address",
        [POLICY_VALUE] = "value",       [POLICY_CHANGE] = "change", [POLICY_RATE] = "rate",
    };
    return texts[verdict];
}
