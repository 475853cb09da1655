/*
 * rates: how many requests a second each rule of a policy still allows: a bucket a rule that holds a second's
 * worth and fills evenly. Pure, the time comes from outside. One thread.
 */
#ifndef BOURDON_BRIDGE_GATEWAY_RATES_H
#define BOURDON_BRIDGE_GATEWAY_RATES_H

#include "gateway/policy.h"

struct rate {
    int64_t filled_us;
    int64_t millionths; /* of a request */
};

struct rates {
    struct rate items[POLICY_RULES_MAX];
};

/* All buckets are full. */
void rates_reset(struct rates *rates, const struct policy *policy, int64_t now_us);
/* Takes one request of a rule of this policy (NULL: of none). False: there is none left. */
bool rates_take(struct rates *rates, const struct policy *policy, const struct policy_rule *rule,
                int64_t now_us);

#endif
