#include "alarm/alarm_rules.h"
#include "base/array.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct alarm_rule_options rule(const char *tag, const char *bridge, enum alarm_level level,
                                      double limit)
{
    return (struct alarm_rule_options){
        .tag = strdup(tag), .bridge = strdup(bridge), .level = (int)level, .limit = limit};
}

static void free_rules(struct alarm_rule_options *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(items[i].tag);
        free(items[i].bridge);
    }
}

START_TEST(of_each_level_the_first_rule_counts_whether_it_names_the_tag_or_a_pattern)
{
    struct alarm_rule_options items[] = {
        rule("a/exact", "*", ALARM_HIGH, 1),      rule("a/*", "*", ALARM_HIGH, 2),
        rule("a/other", "*", ALARM_HIGH, 3),      rule("a/exact", "*", ALARM_LOW, 4),
        rule("a/other", "cell-4", ALARM_LOW, 5),  rule("*", "cell-3", ALARM_LOW, 6),
        rule("a/[o]ther", "*", ALARM_LOW_LOW, 7), rule("a\\/exact", "*", ALARM_LOW_LOW, 8),
    };
    static const struct {
        const char *bridge, *tag;
        double limits[ALARM_LEVELS]; /* 0 = none; by level */
    } rows[] = {
        {"cell-3", "a/exact", {0, 1, 4, 8}}, {"cell-3", "a/other", {0, 2, 6, 7}},
        {"cell-4", "a/other", {0, 2, 5, 7}}, {"cell-3", "b", {0, 0, 6, 0}},
        {"cell-4", "b", {0, 0, 0, 0}},       {"cell-4", "a/exac", {0, 2, 0, 0}},
    };
    const struct option_list list = {.items = items, .count = ARRAY_LENGTH(items)};
    struct alarm_rules *rules = alarm_rules_new(&list);
    ck_assert_ptr_nonnull(rules);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct alarm_plan plan;
        bool any = false;
        bool planned = alarm_rules_plan(rules, rows[i].bridge, rows[i].tag, &plan);
        for (size_t level = 0; level < ALARM_LEVELS; level++) {
            bool wanted = rows[i].limits[level] > 0;
            any = any || wanted;
            ck_assert_msg(plan.watched[level] == wanted, "row %zu, level %zu", i, level);
            ck_assert_msg(!wanted || (plan.settings[level].limit == rows[i].limits[level] &&
                                      plan.settings[level].level == (enum alarm_level)level),
                          "row %zu, level %zu: %g", i, level, plan.settings[level].limit);
        }
        ck_assert_msg(planned == any, "row %zu", i);
    }
    ck_assert(alarm_rules_watch(rules, "b")); // of whatever bridge
    alarm_rules_free(rules);
    free_rules(items, ARRAY_LENGTH(items));
}
END_TEST

START_TEST(as_many_rules_as_may_be_are_each_found)
{
    char name[32];
    struct alarm_rule_options *items = calloc(ALARM_RULES_MAX, sizeof *items);
    ck_assert_ptr_nonnull(items);
    for (int i = 0; i < ALARM_RULES_MAX; i++) {
        snprintf(name, sizeof name, "unit/%d", i / ALARM_LEVELS);
        items[i] = rule(name, "*", (enum alarm_level)(i % ALARM_LEVELS), i);
    }
    const struct option_list list = {.items = items, .count = ALARM_RULES_MAX};
    struct alarm_rules *rules = alarm_rules_new(&list);
    for (int i = 0; i < ALARM_RULES_MAX; i++) {
        struct alarm_plan plan;
        snprintf(name, sizeof name, "unit/%d", i / ALARM_LEVELS);
        ck_assert(alarm_rules_plan(rules, "cell-3", name, &plan));
        ck_assert(plan.settings[i % ALARM_LEVELS].limit == i);
    }
    alarm_rules_free(rules);
    free_rules(items, ALARM_RULES_MAX);
    free(items);
}
END_TEST

START_TEST(no_rule_watches_nothing)
{
    const struct option_list list = {0};
    struct alarm_plan plan;
    struct alarm_rules *rules = alarm_rules_new(&list);
    ck_assert(!alarm_rules_watch(rules, "a"));
    ck_assert(!alarm_rules_plan(rules, "cell-3", "a", &plan));
    alarm_rules_free(rules);
}
END_TEST

int main(void)
{
    return suite_run("alarm_rules",
                     (const TTest *[]){
                         of_each_level_the_first_rule_counts_whether_it_names_the_tag_or_a_pattern,
                         as_many_rules_as_may_be_are_each_found,
                         no_rule_watches_nothing,
                         NULL,
                     });
}
