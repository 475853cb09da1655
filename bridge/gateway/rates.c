#include "gateway/rates.h"

#include "base/clock.h"

/* A request is a million millionths, so that a rate of n a second is n millionths a microsecond. */
static const int64_t one_request = CLOCK_US_PER_S;

void rates_reset(struct rates *rates, const struct policy *policy, int64_t now_us)
{
    for (size_t i = 0; i < policy->rule_count; i++) {
        rates->items[i] =
            (struct rate){.filled_us = now_us, .millionths = policy->rules[i].rate * one_request};
    }
}

bool rates_take(struct rates *rates, const struct policy *policy, const struct policy_rule *rule,
                int64_t now_us)
{
    if (!rule || rule->rate == 0) {
        return true;
    }
    struct rate *rate = &rates->items[rule - policy->rules];
    int64_t full = rule->rate * one_request;
    int64_t since_us = now_us - rate->filled_us;
    since_us = since_us > CLOCK_US_PER_S ? CLOCK_US_PER_S : since_us;
    rate->filled_us = now_us;
    rate->millionths += since_us * rule->rate;
    rate->millionths = rate->millionths > full ? full : rate->millionths;
    if (rate->millionths < one_request) {
        return false;
    }
    rate->millionths -= one_request;
    return true;
}
