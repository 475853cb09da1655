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
        {HEAD "units: [1], access: write, addresses: [0], values: [-32768, 32767], type: int16", NULL},
        {HEAD "units: [1], access: write, addresses: [0], values: [-1, 32768], type: int16",
         "values: two whole"},
        {HEAD "units: [1], access: write, addresses: [0], values: [2, 1]", "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0], values: [2]", "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0], values: [0, 4294967295], type: uint32",
         "addresses: \"0\" has an odd number of registers"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [0, 4294967295], type: uint32", NULL},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [0, 4294967296], type: uint32",
         "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [-1, 1], type: uint32",
         "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [-2147483648, 2147483647], type: int32",
         NULL},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [-2147483649, 0], type: int32",
         "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [0, 2147483648], type: int32",
         "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [0, 1.5], type: int32",
         "values: two whole numbers"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [-0.5, 1.5e3], type: float32", NULL},
        {HEAD
         "units: [1], access: write, addresses: [0-1], values: [-3.4028234e38, 3.4028234e38], type: float32",
         NULL},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [0, 3.41e38], type: float32",
         "values: two numbers that the type can hold"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [0, nan], type: float32",
         "values: two numbers that the type can hold"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [inf, 0], type: float32",
         "values: two numbers that the type can hold"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [1, 1e], type: float32",
         "values: two numbers that the type can hold"},
        {HEAD "units: [1], access: write, addresses: [0-1], values: [1.5, 1.4], type: float32",
         "values: two numbers that the type can hold"},
        {HEAD "units: [1], access: write, addresses: [0], max_change: 65535", NULL},
        {HEAD "units: [1], access: write, addresses: [0], max_change: 65536",
         "max_change: no difference between two values"},
        {HEAD "units: [1], access: write, addresses: [0], max_change: 0.5",
         "max_change: no difference between two values"},
        {HEAD "units: [1], access: write, addresses: [0], max_change: 65536, type: int16",
         "max_change: no difference between two values"},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 4294967295, type: int32", NULL},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 4294967296, type: int32",
         "max_change: no difference between two values"},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 0.5, type: float32", NULL},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: -1, type: float32", "max_change"},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 1, type: float64", "type"},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 1, type: uint32, word_order: little",
         NULL},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 1, type: uint32, word_order: CDAB",
         "word_order"},
        {HEAD "units: [1], access: write, addresses: [0], max_change: 1, word_order: little",
         "word_order: a value of one register has no order"},
        {HEAD "units: [1], access: write, addresses: [all], max_change: 1, type: uint32", NULL},
        {HEAD "units: [1], access: write, addresses: [0-3, 4-5, 10-11], max_change: 1, type: uint32", NULL},
        {HEAD "units: [1], access: write, addresses: [0-3, 2-5], max_change: 1, type: uint32", NULL},
        {HEAD "units: [1], access: write, addresses: [0-3, 1-4], max_change: 1, type: uint32",
         "addresses: \"1-4\" begins in the middle of a value"},
        {HEAD "units: [1], access: write, addresses: [0-3, 1-2], max_change: 1, type: uint32",
         "addresses: \"1-2\" begins in the middle of a value"},
        {HEAD "units: [1], access: write, addresses: [1-2, 4-5], max_change: 1, type: uint32", NULL},
        {HEAD "units: [1], access: write, addresses: [1-2, 4-6], max_change: 1, type: uint32",
         "addresses: \"4-6\" has an odd number"},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 1, type: uint32, functions: [16, 23]",
         NULL},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 1, type: uint32, functions: [5-23]",
         NULL},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 1, type: uint32, functions: [5]",
         "functions: a value of two registers"},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 1, type: uint32, functions: [6]",
         "functions: a value of two registers"},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 1, type: uint32, functions: [15]",
         "functions: a value of two registers"},
        {HEAD "units: [1], access: write, addresses: [0-1], max_change: 1, type: uint32, functions: [22]",
         "functions: a value of two registers"},
        {HEAD "units: [1], access: write, addresses: [0-1], verify: true, type: uint32, functions: [6]",
         NULL},
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

/* The value of a mistake is shown with a caret under it. */
START_TEST(a_mistake_is_shown_where_it_stands)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct policy *policy;
    char *said = NULL;
    size_t size = 0;
    ck_assert_int_eq(load(HEAD "units: [1], access: write, addresses: [0-2], values: [0, 1], type: float32",
                          diagnostics, &policy),
                     ERR_CONFIG);
    FILE *out = open_memstream(&said, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    ck_assert_msg(strstr(said, "policy.yaml:2:") && strchr(said, '^') && strstr(said, "100-101"), "%s", said);
    free(said);
    diagnostics_free(diagnostics);
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
                                        a_mistake_is_shown_where_it_stands,
                                        ranges_that_touch_or_overlap_become_one,
                                        without_functions_a_rule_has_those_with_addresses_that_fit_its_access,
                                        NULL,
                                    });
}
