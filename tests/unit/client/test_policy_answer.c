#include "base/array.h"
#include "gateway/policy_file.h"
#include "policy_answer.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

static const char text[] =
    "rules:\n"
    "- {name: see, roles: [operator], units: [1], access: read, addresses: [0-99]}\n"
    "- {name: set, roles: [operator], units: [1], access: write, addresses: [100-109], values: [0, 800], "
    "max_change: 50, verify: true}\n"
    "- {name: heat, roles: [operator], units: [1], access: write, addresses: [201-204], values: [0, 80.5], "
    "type: float32, word_order: little}\n"
    "- {name: who, no_role: true, units: [1], access: read, functions: [43]}\n";

static char *ask(const struct policy_question *question, bool *allowed)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct policy *policy;
    struct err_text why = {0};
    char *said = NULL;
    size_t size = 0;
    const struct bytes bytes = {(const uint8_t *)text, sizeof text - 1};
    ck_assert_int_eq(policy_load_text("policy", bytes, diagnostics, &policy), ERR_OK);
    FILE *out = open_memstream(&said, &size);
    if (policy_answer(out, policy, question, allowed, &why) != ERR_OK) {
        fputs(why.text, out);
    }
    fclose(out);
    policy_unref(policy);
    diagnostics_free(diagnostics);
    return said;
}

START_TEST(an_answer_names_the_rule_that_decided)
{
    static const struct {
        const char *name;
        struct policy_question question;
        bool allowed;
        const char *said;
    } rows[] = {
        {"a read",
         {.role = "operator", .unit = 1, .function = 3, .address = 90, .count = 10},
         true,
         "by rule \"see\""},
        {"too far",
         {.role = "operator", .unit = 1, .function = 3, .address = 90, .count = 11},
         false,
         "closest rule: \"see\""},
        {"a write",
         {.role = "operator", .unit = 1, .function = 6, .address = 100, .values = {1, {55}}},
         true,
         "read first"},
        {"a small change",
         {.role = "operator",
          .unit = 1,
          .function = 6,
          .address = 100,
          .values = {1, {55}},
          .old = {1, {40}}},
         true,
         "by rule \"set\""},
        {"a large one",
         {.role = "operator",
          .unit = 1,
          .function = 6,
          .address = 100,
          .values = {1, {91}},
          .old = {1, {40}}},
         false,
         "change is larger"},
        {"a value beyond",
         {.role = "operator", .unit = 1, .function = 6, .address = 100, .values = {1, {801}}},
         false,
         "outside of the rule's limits"},
        {"a coil",
         {.role = "operator", .unit = 1, .function = 5, .address = 100, .values = {1, {1}}},
         true,
         "\"set\""},
        {"a float as large as allowed",
         {.role = "operator", .unit = 1, .function = 16, .address = 203, .values = {2, {0, 0x42a1}}},
         true,
         "by rule \"heat\""},
        {"a float beyond",
         {.role = "operator", .unit = 1, .function = 16, .address = 203, .values = {2, {1, 0x42a1}}},
         false,
         "float32, two registers each, low word first"},
        {"two halves of floats",
         {.role = "operator", .unit = 1, .function = 16, .address = 202, .values = {2, {0, 0}}},
         false,
         "counted from the start"},
        {"half a float",
         {.role = "operator", .unit = 1, .function = 6, .address = 201, .values = {1, {0}}},
         false,
         "or not whole"},
        {"both halves",
         {.role = "operator",
          .unit = 1,
          .function = 23,
          .address = 0,
          .write_address = 100,
          .values = {2, {1, 2}}},
         true,
         "\"see\" and, to write, by rule \"set\""},
        {"nobody", {.role = "guest", .unit = 1, .function = 3}, false, "no rule for this role"},
        {"no role", {.unit = 1, .function = 43}, true, "\"who\""},
        {"no value", {.role = "operator", .unit = 1, .function = 6}, false, "needs --value"},
        {"nothing of the kind",
         {.role = "operator", .unit = 1, .function = 3, .count = 126},
         false,
         "no such request"},
        {"no function",
         {.role = "operator", .unit = 1, .function = 9},
         false,
         "none that the gateway speaks"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        bool allowed = false;
        char *said = ask(&rows[i].question, &allowed);
        ck_assert_msg(allowed == rows[i].allowed && strstr(said, rows[i].said), "%s: %s", rows[i].name, said);
        free(said);
    }
}
END_TEST

START_TEST(values_are_numbers_of_16_bits)
{
    static const struct {
        const char *text;
        bool good;
        uint16_t last;
    } rows[] = {
        {"55", true, 55},        {"0xff", true, 255},
        {"-1", true, 0xffff},    {"1,2,-32768", true, 0x8000},
        {"65535", true, 0xffff}, {"65536", false, 0},
        {"-32769", false, 0},    {"", false, 0},
        {"1,", false, 0},        {"1,,2", false, 0},
        {"5x", false, 0},        {"99999999999999999999", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct policy_values values;
        bool good =
            policy_values_parse(rows[i].text, &(struct policy_encoding){.type = VALUE_UINT16}, &values);
        ck_assert_msg(good == rows[i].good, "%s", rows[i].text);
        ck_assert_msg(!good || values.items[values.count - 1] == rows[i].last, "%s", rows[i].text);
    }
}
END_TEST

START_TEST(values_of_other_types_are_registers)
{
    static const struct {
        const char *text;
        struct policy_encoding encoding;
        size_t count; /* 0: it is none */
        uint16_t first, last;
    } rows[] = {
        {"80.5", {VALUE_FLOAT32, false}, 2, 0x42a1, 0},
        {"80.5", {VALUE_FLOAT32, true}, 2, 0, 0x42a1},
        {"1,-2e1", {VALUE_FLOAT32, false}, 4, 0x3f80, 0},
        {"nan", {VALUE_FLOAT32, false}, 2, 0x7fc0, 0},
        {"80.5", {VALUE_UINT32, false}, 0, 0, 0},
        {"80,5x", {VALUE_FLOAT32, false}, 0, 0, 0},
        {"", {VALUE_FLOAT32, false}, 0, 0, 0},
        {"65536", {VALUE_UINT32, false}, 2, 1, 0},
        {"65536", {VALUE_UINT32, true}, 2, 0, 1},
        {"4294967295", {VALUE_UINT32, false}, 2, 0xffff, 0xffff},
        {"4294967296", {VALUE_UINT32, false}, 0, 0, 0},
        {"-2", {VALUE_INT32, false}, 2, 0xffff, 0xfffe},
        {"-2147483648", {VALUE_INT32, false}, 2, 0x8000, 0},
        {"-2147483649", {VALUE_INT32, false}, 0, 0, 0},
        {"-2", {VALUE_INT16, false}, 1, 0xfffe, 0xfffe},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct policy_values values;
        bool good = policy_values_parse(rows[i].text, &rows[i].encoding, &values);
        ck_assert_msg(good == (rows[i].count > 0), "%s", rows[i].text);
        if (good) {
            ck_assert_msg(values.count == rows[i].count && values.items[0] == rows[i].first, "%s",
                          rows[i].text);
            ck_assert_msg(values.count == 4 || values.items[values.count - 1] == rows[i].last, "%s",
                          rows[i].text);
        }
    }
}
END_TEST

START_TEST(as_many_values_as_a_write_has)
{
    char many[2 * PDU_WRITE_REGISTERS_MAX];
    const struct policy_encoding encoding = {.type = VALUE_FLOAT32};
    struct policy_values values;
    memset(many, '1', sizeof many);
    for (size_t i = 1; i < sizeof many; i += 2) {
        many[i] = ',';
    }
    many[PDU_WRITE_REGISTERS_MAX] = '\0'; /* one value more than there is room for */
    ck_assert(!policy_values_parse(many, &encoding, &values));
    many[PDU_WRITE_REGISTERS_MAX - 2] = '\0';
    ck_assert(policy_values_parse(many, &encoding, &values));
    ck_assert_uint_eq(values.count, PDU_WRITE_REGISTERS_MAX - 1);
}
END_TEST

int main(void)
{
    return suite_run("policy_answer", (const TTest *[]){
                                          an_answer_names_the_rule_that_decided,
                                          values_are_numbers_of_16_bits,
                                          values_of_other_types_are_registers,
                                          as_many_values_as_a_write_has,
                                          NULL,
                                      });
}
