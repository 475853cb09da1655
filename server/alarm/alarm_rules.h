/*
 * alarm_rules: the rules of a configuration, found by the name of a tag. A plant has a rule or four for each
 * tag, and a bridge thousands of tags: those that name one tag are found by its name, only patterns are
 * tried. Pure but for memory; any thread, once made.
 */
#ifndef BOURDON_SERVER_ALARM_ALARM_RULES_H
#define BOURDON_SERVER_ALARM_ALARM_RULES_H

#include "alarm/alarm.h"
#include "alarm/alarm_options.h"
#include "base/err.h"

/* The alarms of one tag. */
struct alarm_plan {
    bool watched[ALARM_LEVELS];
    struct alarm_setting settings[ALARM_LEVELS];
};

/* FNV-1a, of names one after the other. */
#define ALARM_HASH_START UINT32_C(2166136261)
static inline uint32_t alarm_hash(uint32_t hash, const char *name)
{
    for (; *name; name++) {
        hash = (hash ^ (uint8_t)*name) * UINT32_C(16777619);
    }
    return hash;
}

struct alarm_rules;

/* `rules` (of struct alarm_rule_options) is borrowed. NULL: out of memory. */
MUST_USE struct alarm_rules *alarm_rules_new(const struct option_list *rules);
void alarm_rules_free(struct alarm_rules *rules); /* NULL is fine */

/* Whether some rule watches tags of this name, of whatever bridge. */
bool alarm_rules_watch(const struct alarm_rules *rules, const char *tag);
/* Of each level the first rule that matches; false: none does. */
bool alarm_rules_plan(const struct alarm_rules *rules, const char *bridge, const char *tag,
                      struct alarm_plan *plan);

#endif
