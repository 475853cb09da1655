#include "base/array.h"
#include "gateway/policy_file.h"
#include "support/suite.h"

#include <string.h>

static const char text[] =
    "rules:\n"
    "- {name: see, roles: [Operator, 'Night shift, east'], units: [1, 10-20], access: read, addresses: "
    "[0-99]}\n"
    "- {name: next, roles: [Operator], units: [1], access: read, addresses: [100-199]}\n"
    "- {name: set, roles: [Operator], units: [1], access: write, functions: [6, 16, 22, 23], "
    "addresses: [100-109, 110-119], values: [10, 800]}\n"
    "- {name: trim, roles: [Operator], units: [1], access: write, functions: [6], addresses: [100-104], "
    "values: [0, 5]}\n"
    "- {name: heat, roles: [Operator], units: [1], access: write, functions: [16], addresses: [201-202, "
    "203-204, 301-302], values: [0, 80], type: float32}\n"
    "- {name: pumps, roles: [Operator], units: [1], access: write, functions: [5, 15], addresses: [7-8]}\n"
    "- {name: who, roles: [Operator], units: [1], access: read, functions: [43]}\n"
    "- {name: all of 5, roles: [Engineer], units: [5], access: read-write, addresses: [all]}\n"
    "- {name: reset, roles: [Engineer], units: [all], access: write, functions: [8]}\n"
    "- {name: guests, no_role: true, units: [1], access: read, functions: [4], addresses: [0-9]}\n";

static struct policy *load(void)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct policy *policy;
    enum err result = policy_load_text("policy.yaml", (struct bytes){(const uint8_t *)text, sizeof text - 1},
                                       diagnostics, &policy);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    ck_assert_int_eq(result, ERR_OK);
    return policy;
}

struct row {
    const char *name;
    const char *role;
    uint8_t unit, function;
    struct pdu_span read, write;
    uint8_t data[4]; /* the rest is zero */
    enum policy_verdict verdict;
    const char *rule; /* that allows, or the closest */
};

static void check(const struct policy *policy, const struct row *row)
{
    uint8_t data[PDU_SIZE_MAX] = {0};
    memcpy(data, row->data, sizeof row->data);
    const struct pdu_request request = {
        .function = row->function, .read = row->read, .write = row->write, .data = {data, sizeof data}};
    struct policy_decision decision = policy_decide(policy_find(policy, row->role), row->unit, &request);
    ck_assert_msg(decision.verdict == row->verdict, "%s: %s", row->name,
                  policy_verdict_text(decision.verdict));
    const struct policy_rule *rule = decision.verdict != POLICY_ALLOWED ? decision.closest
                                     : decision.write_rule              ? decision.write_rule
                                                                        : decision.read_rule;
    ck_assert_msg((rule != NULL) == (row->rule != NULL), "%s", row->name);
    if (rule) {
        ck_assert_msg(strcmp(rule->name, row->rule) == 0, "%s: %s", row->name, rule->name);
    }
}

static void check_all(const struct row *rows, size_t count)
{
    struct policy *policy = load();
    for (size_t i = 0; i < count; i++) {
        check(policy, &rows[i]);
    }
    policy_unref(policy);
}

START_TEST(what_no_rule_allows_is_denied)
{
    static const struct row rows[] = {
        {"allowed", "Operator", 1, 3, .read = {0, 1}, .verdict = POLICY_ALLOWED, .rule = "see"},
        {"a second role of the rule", "Night shift, east", 20, 3, .read = {0, 1}, .verdict = POLICY_ALLOWED,
         .rule = "see"},
        {"R-29: another case", "operator", 1, 3, .read = {0, 1}, .verdict = POLICY_NO_RULES},
        {"R-29: a space behind", "Operator ", 1, 3, .read = {0, 1}, .verdict = POLICY_NO_RULES},
        {"R-65: half of a role with a comma", "Night shift", 10, 3, .read = {0, 1},
         .verdict = POLICY_NO_RULES},
        {"R-23: no role where a rule says so", NULL, 1, 4, .read = {9, 1}, .verdict = POLICY_ALLOWED,
         .rule = "guests"},
        {"no role, another function", NULL, 1, 3, .read = {9, 1}, .verdict = POLICY_FUNCTION,
         .rule = "guests"},
        {"an empty role is no role", "", 1, 4, .read = {9, 1}, .verdict = POLICY_ALLOWED, .rule = "guests"},
        {"another unit", "Operator", 2, 3, .read = {0, 1}, .verdict = POLICY_UNIT, .rule = "see"},
        {"the last unit of a range", "Operator", 20, 3, .read = {0, 1}, .verdict = POLICY_ALLOWED,
         .rule = "see"},
        {"one past it", "Operator", 21, 3, .read = {0, 1}, .verdict = POLICY_UNIT, .rule = "see"},
        {"another rule's unit with this rule's addresses", "Operator", 10, 3, .read = {100, 1},
         .verdict = POLICY_ADDRESS, .rule = "see"},
        {"a function that must be listed", "Operator", 1, 43, .verdict = POLICY_ALLOWED, .rule = "who"},
        {"one that is not", "Operator", 1, 17, .verdict = POLICY_FUNCTION, .rule = "see"},
        {"one nobody knows", "Engineer", 5, 99, .verdict = POLICY_FUNCTION, .rule = NULL},
        {"unit 255 of all", "Engineer", 255, 8, .verdict = POLICY_ALLOWED, .rule = "reset"},
    };
    check_all(rows, ARRAY_LENGTH(rows));
}
END_TEST

START_TEST(a_range_that_straddles_a_boundary_is_denied_as_a_whole)
{
    static const struct row rows[] = {
        {"up to the end", "Operator", 10, 3, .read = {90, 10}, .verdict = POLICY_ALLOWED, .rule = "see"},
        {"one past the end", "Operator", 10, 3, .read = {90, 11}, .verdict = POLICY_ADDRESS, .rule = "see"},
        {"from one rule into the next", "Operator", 1, 3, .read = {99, 2}, .verdict = POLICY_ADDRESS,
         .rule = "see"},
        {"two ranges of one rule that touch", "Operator", 1, 16, .write = {108, 4}, .data = {0, 10, 0, 10},
         .verdict = POLICY_VALUE, .rule = "set"},
        {"the last address of all", "Engineer", 5, 3, .read = {65535, 1}, .verdict = POLICY_ALLOWED,
         .rule = "all of 5"},
        {"a write one past the end", "Operator", 1, 16, .write = {119, 2}, .verdict = POLICY_ADDRESS,
         .rule = "set"},
    };
    check_all(rows, ARRAY_LENGTH(rows));
}
END_TEST

START_TEST(values_of_two_registers_count_from_the_start_of_their_range)
{
    static const struct row rows[] = {
        {"the first", "Operator", 1, 16, .write = {201, 2}, .verdict = POLICY_ALLOWED, .rule = "heat"},
        {"ranges that touch are one", "Operator", 1, 16, .write = {201, 4}, .verdict = POLICY_ALLOWED,
         .rule = "heat"},
        {"the second", "Operator", 1, 16, .write = {203, 2}, .verdict = POLICY_ALLOWED, .rule = "heat"},
        {"two halves", "Operator", 1, 16, .write = {202, 2}, .verdict = POLICY_VALUE, .rule = "heat"},
        {"one and a half", "Operator", 1, 16, .write = {201, 3}, .verdict = POLICY_VALUE, .rule = "heat"},
        {"another range", "Operator", 1, 16, .write = {301, 2}, .verdict = POLICY_ALLOWED, .rule = "heat"},
        {"past it", "Operator", 1, 16, .write = {302, 2}, .verdict = POLICY_ADDRESS, .rule = "set"},
        {"80", "Operator", 1, 16, .write = {301, 2}, .data = {0x42, 0xa0}, .verdict = POLICY_ALLOWED,
         .rule = "heat"},
        {"more", "Operator", 1, 16, .write = {301, 2}, .data = {0x42, 0xa0, 0, 1}, .verdict = POLICY_VALUE,
         .rule = "heat"},
    };
    check_all(rows, ARRAY_LENGTH(rows));
}
END_TEST

START_TEST(values_of_writes_are_limited)
{
    static const struct row rows[] = {
        {"the lowest", "Operator", 1, 6, .write = {110, 1}, .data = {0, 10}, .verdict = POLICY_ALLOWED,
         .rule = "set"},
        {"one below", "Operator", 1, 6, .write = {110, 1}, .data = {0, 9}, .verdict = POLICY_VALUE,
         .rule = "set"},
        {"the highest", "Operator", 1, 6, .write = {110, 1}, .data = {3, 0x20}, .verdict = POLICY_ALLOWED,
         .rule = "set"},
        {"one above", "Operator", 1, 6, .write = {110, 1}, .data = {3, 0x21}, .verdict = POLICY_VALUE,
         .rule = "set"},
        {"another rule has room for it", "Operator", 1, 6, .write = {104, 1}, .data = {0, 5},
         .verdict = POLICY_ALLOWED, .rule = "trim"},
        {"the first rule that allows decides", "Operator", 1, 6, .write = {104, 1}, .data = {0, 10},
         .verdict = POLICY_ALLOWED, .rule = "set"},
        {"one of two is wrong", "Operator", 1, 16, .write = {100, 2}, .data = {0, 10, 0, 9},
         .verdict = POLICY_VALUE, .rule = "set"},
        {"both are right", "Operator", 1, 16, .write = {100, 2}, .data = {0, 10, 0, 11},
         .verdict = POLICY_ALLOWED, .rule = "set"},
        {"16: a mask write is judged by its result, later", "Operator", 1, 22, .write = {100, 1},
         .verdict = POLICY_ALLOWED, .rule = "set"},
        {"a coil", "Operator", 1, 5, .write = {8, 1}, .data = {0xff, 0}, .verdict = POLICY_ALLOWED,
         .rule = "pumps"},
        {"the coil behind it", "Operator", 1, 5, .write = {9, 1}, .data = {0xff, 0},
         .verdict = POLICY_ADDRESS, .rule = "pumps"},
    };
    check_all(rows, ARRAY_LENGTH(rows));
}
END_TEST

START_TEST(a_request_that_reads_and_writes_must_pass_both_rules)
{
    static const struct row rows[] = {
        {"reading is not allowed by its rules", "Operator", 1, 23, .read = {200, 1}, .write = {100, 1},
         .data = {0, 10}, .verdict = POLICY_ADDRESS, .rule = "see"},
        {"both are", "Operator", 1, 23, .read = {0, 1}, .write = {100, 1}, .data = {0, 10},
         .verdict = POLICY_ALLOWED, .rule = "set"},
        {"only reading is", "Operator", 1, 23, .read = {0, 1}, .write = {120, 1}, .data = {0, 10},
         .verdict = POLICY_ADDRESS, .rule = "set"},
        {"reading is, writing this value is not", "Operator", 1, 23, .read = {0, 1}, .write = {100, 1},
         .data = {0, 9}, .verdict = POLICY_VALUE, .rule = "set"},
        {"one rule for both", "Engineer", 5, 23, .read = {0, 1}, .write = {9, 1}, .verdict = POLICY_ALLOWED,
         .rule = "all of 5"},
    };
    check_all(rows, ARRAY_LENGTH(rows));
}
END_TEST

START_TEST(a_request_is_looked_at_only_where_a_rule_has_its_function)
{
    struct policy *policy = load();
    const struct policy_role *operators = policy_find(policy, "Operator");
    ck_assert(policy_may(operators, 1, 6));
    ck_assert(!policy_may(operators, 10, 6));
    ck_assert(!policy_may(operators, 1, 8));
    ck_assert(!policy_may(operators, 1, 0));
    ck_assert(!policy_may(operators, 1, 0x83));
    ck_assert(!policy_may(NULL, 1, 3));
    policy_unref(policy);
}
END_TEST

int main(void)
{
    return suite_run("policy", (const TTest *[]){
                                   what_no_rule_allows_is_denied,
                                   a_range_that_straddles_a_boundary_is_denied_as_a_whole,
                                   values_of_writes_are_limited,
                                   values_of_two_registers_count_from_the_start_of_their_range,
                                   a_request_that_reads_and_writes_must_pass_both_rules,
                                   a_request_is_looked_at_only_where_a_rule_has_its_function,
                                   NULL,
                               });
}
