/* policy_rule: one rule as it is written, and how it becomes a struct policy_rule. Inside lib/gateway only.
 */
#ifndef BOURDON_GATEWAY_POLICY_RULE_H
#define BOURDON_GATEWAY_POLICY_RULE_H

#include "base/diagnostics.h"
#include "base/options.h"
#include "gateway/policy.h"

enum policy_access { POLICY_READ = 1, POLICY_WRITE = 2, POLICY_READ_WRITE = 3 };

struct rule_options {
    struct place place;
    char *name;
    struct option_list roles;
    bool no_role;
    struct option_list units;     /* ranges */
    int access;                   /* enum policy_access */
    struct option_list functions; /* ranges; empty = those with addresses that fit the access */
    struct option_list addresses; /* ranges */
    struct option_list values;    /* two numbers, or none */
    int type;                     /* enum value_type, of those two */
    int word_order;               /* ORDER_WORDS_SWAPPED or not */
    double max_change;
    bool verify;
    int64_t rate;
};

extern const struct option policy_rule_table[];

/* Fills a zeroed rule; mistakes go to the diagnostics. ERR_NO_MEMORY only. */
MUST_USE enum err policy_rule_make(const struct rule_options *options, struct diagnostics *diagnostics,
                                   struct policy_rule *rule);

#endif
