#include "gateway/policy_file.h"

#include "gateway/policy_rule.h"

#include <stdlib.h>
#include <string.h>

struct policy_file {
    struct place place;
    struct option_list rules; /* of struct rule_options */
};

const struct option policy_file_table[] = {
    {.name = "rules",
     .kind = OPTION_LIST,
     .offset = offsetof(struct policy_file, rules),
     .required = true,
     .table = policy_rule_table,
     .item_size = sizeof(struct rule_options),
     .max_items = POLICY_RULES_MAX,
     .help = "What is allowed. What no rule allows is denied."},
    OPTIONS_END,
};

static bool is_for(const struct policy_rule *rule, const char *role)
{
    if (!role) {
        return rule->no_role;
    }
    for (size_t i = 0; i < rule->role_count; i++) {
        if (strcmp(rule->roles[i], role) == 0) {
            return true;
        }
    }
    return false;
}

/* Lists the rules of one role, unless that was done already. */
static enum err index_role(struct policy *policy, const char *role)
{
    if (policy_find(policy, role)) {
        return ERR_OK;
    }
    struct policy_role *grown = realloc(policy->roles, (policy->role_count + 1) * sizeof *grown);
    if (!grown) {
        return ERR_NO_MEMORY;
    }
    policy->roles = grown;
    struct policy_role *made = &grown[policy->role_count];
    *made = (struct policy_role){.role = role, .rules = calloc(policy->rule_count, sizeof *made->rules)};
    if (!made->rules) {
        return ERR_NO_MEMORY;
    }
    policy->role_count++;
    for (size_t i = 0; i < policy->rule_count; i++) {
        if (is_for(&policy->rules[i], role)) {
            made->rules[made->count++] = &policy->rules[i];
        }
    }
    return ERR_OK;
}

static enum err index_roles(struct policy *policy)
{
    enum err result = ERR_OK;
    for (size_t i = 0; i < policy->rule_count && result == ERR_OK; i++) {
        const struct policy_rule *rule = &policy->rules[i];
        for (size_t k = 0; k < rule->role_count && result == ERR_OK; k++) {
            result = index_role(policy, rule->roles[k]);
        }
        if (rule->no_role && result == ERR_OK) {
            result = index_role(policy, NULL);
        }
    }
    return result;
}

static enum err make_rules(const struct policy_file *file, struct diagnostics *diagnostics,
                           struct policy *policy)
{
    const struct rule_options *rules = file->rules.items;
    size_t mistakes = diagnostics_count(diagnostics);
    policy->rules = calloc(file->rules.count + 1, sizeof *policy->rules);
    if (!policy->rules) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < file->rules.count; i++) {
        policy->rule_count++; /* what was made of a rule is freed also if it failed */
        enum err result = policy_rule_make(&rules[i], diagnostics, &policy->rules[i]);
        if (result != ERR_OK) {
            return result;
        }
    }
    if (diagnostics_count(diagnostics) > mistakes) {
        return ERR_CONFIG;
    }
    return index_roles(policy);
}

/* Takes over what was loaded. */
static enum err finish(enum err loaded, struct policy_file *file, struct diagnostics *diagnostics,
                       struct policy **out)
{
    struct policy *policy = calloc(1, sizeof *policy);
    enum err result = loaded;
    *out = NULL;
    if (!policy) {
        result = ERR_NO_MEMORY;
    } else {
        atomic_init(&policy->references, 1);
    }
    if (result == ERR_OK || result == ERR_CONFIG) {
        enum err made = make_rules(file, diagnostics, policy);
        result = made != ERR_OK ? made : result;
    }
    options_free(policy_file_table, file);
    if (result != ERR_OK) {
        policy_unref(policy);
        return result;
    }
    *out = policy;
    return ERR_OK;
}

enum err policy_load(const char *path, struct diagnostics *diagnostics, struct policy **policy)
{
    struct policy_file file = {.rules = {0}};
    enum err loaded = options_load(path, policy_file_table, &file, diagnostics);
    return finish(loaded, &file, diagnostics, policy);
}

enum err policy_load_text(const char *name, struct bytes text, struct diagnostics *diagnostics,
                          struct policy **policy)
{
    struct policy_file file = {.rules = {0}};
    enum err loaded =
        options_load_text(name, (const char *)text.data, text.size, policy_file_table, &file, diagnostics);
    return finish(loaded, &file, diagnostics, policy);
}
