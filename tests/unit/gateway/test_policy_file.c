#include "base/array.h"
#include "gateway/policy_file.h"
#include "gateway/policy_ranges.h"
#include "support/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err load(const char *rule, struct diagnostics *diagnostics, struct policy **policy)
{
    char text[1024];
    int size = snprintf(text, sizeof text, "rules:\n- {%s}\n", rule);
    const struct bytes bytes = {(const uint8_t *)text, (size_t)size};
    return policy_load_text("policy.yaml", bytes, diagnostics, policy);
}

#define HEAD "name: a, roles: [x], "

START_TEST(a_mistake_is_told_with_its_key)
{
    static const struct {
        const char *rule;
        const char *said; /* NULL: it is good */
    } rows[] = {
        {HEAD "units: [1], access: read, addresses: [0-9]", NULL},
        {HEAD "units: [0-255], access: read-write, addresses: [0x10-0xffff]", NULL},
        {HEAD "units: [256], access: read, addresses: [0]", "units: \"256\" is no range of 0 to 255"},
        {HEAD "units: [1], access: read, addresses: [65536]", "addresses: \"65536\" is no range"},
        {HEAD "units: [1], access: read, addresses: [9-0]", "addresses: \"9-0\" is no range"},
        {HEAD "units: [1], access: read, addresses: ['-5']", "addresses: \"-5\" is no range"},
        {HEAD "units: [1], access: read", "addresses: without any, the rule allows nothing"},
        {HEAD "units: [1], access: read, functions: [43]", NULL},
        {HEAD "units: [1], access: read, functions: [6], addresses: [0]",
         "functions: the rule's access does not"},
        {HEAD "units: [1], access: write, functions: [9], addresses: [0]", "functions: no function code"},
        {HEAD "units: [1], access: write, addresses: [0], values: [0, 65535]", NULL},
        {HEAD "units: [1], access: write, addresses: [0], values: [0, 65536]", "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0], values: [-1, 1]", "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0], values: [-32768, 32767], signed: true", NULL},
        {HEAD "units: [1], access: write, addresses: [0], values: [-1, 32768], signed: true",
         "values: two whole"},
        {HEAD "units: [1], access: write, addresses: [0], values: [2, 1]", "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0], values: [2]", "values: two whole numbers"},
        {HEAD "units: [1], access: read, addresses: [0], verify: true",
         "access: a rule that allows no write"},
        {"name: a, units: [1], access: read, addresses: [0]", "roles: the rule is for nobody"},
        {"name: a, no_role: true, units: [1], access: read, addresses: [0]", NULL},
        {"name: a, roles: [''], units: [1], access: read, addresses: [0]", "roles: a role is 1 to 255 bytes"},
        {HEAD "access: read, addresses: [0]", "units"},
        {HEAD "units: [1], access: all, addresses: [0]", "access"},
        {HEAD "units: [1], access: read, adresses: [0]", "adresses"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct diagnostics *diagnostics = diagnostics_new();
        struct policy *policy;
        enum err result = load(rows[i].rule, diagnostics, &policy);
        char *said = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&said, &size);
        diagnostics_print(diagnostics, out);
        fclose(out);
        ck_assert_msg((result == ERR_OK) == (rows[i].said == NULL), "%s: %s", rows[i].rule, said);
        ck_assert_msg(!rows[i].said || strstr(said, rows[i].said), "%s: %s", rows[i].rule, said);
        ck_assert((policy != NULL) == (result == ERR_OK));
        free(said);
        policy_unref(policy);
        diagnostics_free(diagnostics);
    }
}
END_TEST

START_TEST(ranges_that_touch_or_overlap_become_one)
{
    struct policy_range ranges[] = {{20, 29}, {0, 9},         {10, 19},      {25, 40},
                                    {42, 42}, {65535, 65535}, {65000, 65535}};
    ck_assert_uint_eq(policy_ranges_join(ranges, ARRAY_LENGTH(ranges)), 3);
    ck_assert(ranges[0].first == 0 && ranges[0].last == 40);
    ck_assert(ranges[1].first == 42 && ranges[1].last == 42);
    ck_assert(ranges[2].first == 65000 && ranges[2].last == 65535);
}
END_TEST

START_TEST(without_functions_a_rule_has_those_with_addresses_that_fit_its_access)
{
    static const struct {
        const char *access;
        uint64_t functions;
    } rows[] = {
        {"read", 0x1e | 1U << 23 | 1U << 24},
        {"write", 0x60 | 1U << 15 | 1U << 16 | 1U << 22 | 1U << 23},
        {"read-write", 0x7e | 1U << 15 | 1U << 16 | 1U << 22 | 1U << 23 | 1U << 24},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char rule[200];
        struct diagnostics *diagnostics = diagnostics_new();
        struct policy *policy;
        snprintf(rule, sizeof rule, HEAD "units: [1], addresses: [all], access: %s", rows[i].access);
        ck_assert_int_eq(load(rule, diagnostics, &policy), ERR_OK);
        ck_assert_uint_eq(policy->rules[0].functions[0], rows[i].functions);
        ck_assert_uint_eq(policy->rules[0].functions[1], 0);
        policy_unref(policy);
        diagnostics_free(diagnostics);
    }
}
END_TEST

int main(void)
{
    return suite_run("policy_file", (const TTest *[]){
                                        a_mistake_is_told_with_its_key,
                                        ranges_that_touch_or_overlap_become_one,
                                        without_functions_a_rule_has_those_with_addresses_that_fit_its_access,
                                        NULL,
                                    });
}
