#include "alarm/alarm_rules.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 16384, NONE = -1 };

struct alarm_rules {
    const struct alarm_rule_options *rules;
    int *next;            /* by rule: the next one of its chain, in the order of the configuration */
    int buckets[BUCKETS]; /* chains of rules for one tag, by its name */
    int patterns;         /* the chain of the others */
};

static bool is_pattern(const char *text)
{
    return strpbrk(text, "*?[\\") != NULL;
}

static void index_all(struct alarm_rules *rules, size_t count)
{
    rules->patterns = NONE;
    for (size_t i = 0; i < BUCKETS; i++) {
        rules->buckets[i] = NONE;
    }
    for (size_t i = count; i-- > 0;) { // backwards, so that the first one leads its chain
        const char *tag = rules->rules[i].tag;
        int *chain =
            is_pattern(tag) ? &rules->patterns : &rules->buckets[alarm_hash(ALARM_HASH_START, tag) % BUCKETS];
        rules->next[i] = *chain;
        *chain = (int)i;
    }
}

struct alarm_rules *alarm_rules_new(const struct option_list *list)
{
    struct alarm_rules *rules = malloc(sizeof *rules);
    int *next = malloc((list->count + 1) * sizeof *next);
    if (!rules || !next) {
        free(rules);
        free(next);
        return NULL;
    }
    rules->rules = list->items;
    rules->next = next;
    index_all(rules, list->count);
    return rules;
}

void alarm_rules_free(struct alarm_rules *rules)
{
    if (rules) {
        free(rules->next);
        free(rules);
    }
}

/* ---- asking ---- */

/* Both chains, merged in the order of the configuration. */
struct walk {
    const struct alarm_rules *rules;
    const char *tag;
    int named, pattern;
};

static struct walk start(const struct alarm_rules *rules, const char *tag)
{
    int named = rules->buckets[alarm_hash(ALARM_HASH_START, tag) % BUCKETS];
    return (struct walk){.rules = rules, .tag = tag, .named = named, .pattern = rules->patterns};
}

/* NULL: the end. */
static const struct alarm_rule_options *next_rule(struct walk *walk)
{
    const struct alarm_rules *rules = walk->rules;
    while (walk->named != NONE || walk->pattern != NONE) {
        bool named = walk->pattern == NONE || (walk->named != NONE && walk->named < walk->pattern);
        int *place = named ? &walk->named : &walk->pattern;
        const struct alarm_rule_options *rule = &rules->rules[*place];
        *place = rules->next[*place];
        if (named ? strcmp(rule->tag, walk->tag) == 0 : fnmatch(rule->tag, walk->tag, 0) == 0) {
            return rule;
        }
    }
    return NULL;
}

bool alarm_rules_watch(const struct alarm_rules *rules, const char *tag)
{
    struct walk walk = start(rules, tag);
    return next_rule(&walk) != NULL;
}

bool alarm_rules_plan(const struct alarm_rules *rules, const char *bridge, const char *tag,
                      struct alarm_plan *plan)
{
    struct walk walk = start(rules, tag);
    const struct alarm_rule_options *rule;
    bool any = false;
    *plan = (struct alarm_plan){0};
    while ((rule = next_rule(&walk))) {
        if (plan->watched[rule->level] || fnmatch(rule->bridge, bridge, 0) != 0) {
            continue;
        }
        any = true;
        plan->watched[rule->level] = true;
        plan->settings[rule->level] = (struct alarm_setting){
            .level = (enum alarm_level)rule->level,
            .limit = rule->limit,
            .deadband = rule->deadband,
            .on_delay_us = rule->on_delay_us,
            .off_delay_us = rule->off_delay_us,
        };
    }
    return any;
}
