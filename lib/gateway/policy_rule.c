#include "gateway/policy_rule.h"

#include "gateway/policy_file.h"
#include "gateway/policy_ranges.h"
#include "tunnel/tag_words.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNIT_MAX = 255, FUNCTION_MAX = 127, ADDRESS_MAX = 65535 };

static const struct option_choice accesses[] = {
    {"read", POLICY_READ}, {"write", POLICY_WRITE}, {"read-write", POLICY_READ_WRITE}, {NULL, 0}};

const struct option_choice policy_value_types[] = {
    {"uint16", VALUE_UINT16}, {"int16", VALUE_INT16},     {"uint32", VALUE_UINT32},
    {"int32", VALUE_INT32},   {"float32", VALUE_FLOAT32}, {NULL, 0},
};

const struct option_choice policy_word_orders[] = {{"big", 0}, {"little", ORDER_WORDS_SWAPPED}, {NULL, 0}};

const struct option policy_rule_table[] = {
    {.name = "name",
     .kind = OPTION_STRING,
     .offset = offsetof(struct rule_options, name),
     .required = true,
     .help = "What the rule is for; logs and the audit file name the rule that decided."},
    {.name = "roles",
     .kind = OPTION_STRINGS,
     .offset = offsetof(struct rule_options, roles),
     .max_items = POLICY_ROLES_MAX,
     .placeholder = "ROLE",
     .help = "Roles of client certificates that the rule is for, compared byte by byte: Operator is not "
             "operator."},
    {.name = "no_role",
     .kind = OPTION_BOOL,
     .offset = offsetof(struct rule_options, no_role),
     .fallback = "false",
     .help = "The rule is for certificates without a role too, or with one that is malformed or not alone."},
    {.name = "units",
     .kind = OPTION_STRINGS,
     .offset = offsetof(struct rule_options, units),
     .required = true,
     .max_items = POLICY_RANGES_MAX,
     .placeholder = "RANGE",
     .help = "Unit identifiers as clients ask for them: 1, 10-20 or all."},
    {.name = "access",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct rule_options, access),
     .required = true,
     .choices = accesses,
     .help = "What may be done. A request that does both (function 23) needs a rule for each half, or one "
             "for both."},
    {.name = "functions",
     .kind = OPTION_STRINGS,
     .offset = offsetof(struct rule_options, functions),
     .max_items = POLICY_RANGES_MAX,
     .placeholder = "RANGE",
     .help = "Function codes, decimal or 0x10. Without them, those of coils, inputs and registers that the "
             "access allows; others (7, 8, 11, 12, 17, 20, 21, 43) must be listed. 8 and 21 count as "
             "writing."},
    {.name = "addresses",
     .kind = OPTION_STRINGS,
     .offset = offsetof(struct rule_options, addresses),
     .max_items = POLICY_RANGES_MAX,
     .placeholder = "RANGE",
     .help = "Zero-based addresses: 100, 100-109 or all. A request must lie within them as a whole."},
    {.name = "values",
     .kind = OPTION_STRINGS,
     .offset = offsetof(struct rule_options, values),
     .max_items = 2,
     .placeholder = "NUMBER",
     .help = "Lowest and highest value that a write may leave; coils count as 0 and 1."},
    {.name = "type",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct rule_options, type),
     .fallback = "uint16",
     .choices = policy_value_types,
     .help = "What `values` and `max_change` are about: one register, or two that make a number. Two count "
             "from the start of each range of addresses, and a write must have whole ones; NaN and infinity "
             "are outside of any limits."},
    {.name = "word_order",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct rule_options, word_order),
     .fallback = "big",
     .choices = policy_word_orders,
     .help = "Order of the two registers of a number: big = high word first."},
    {.name = "max_change",
     .kind = OPTION_FLOAT,
     .offset = offsetof(struct rule_options, max_change),
     .fallback = "0",
     .min = 0,
     .max = (double)FLT_MAX,
     .help = "By how much one write may change a value; it is read first. 0 = by any amount."},
    {.name = "verify",
     .kind = OPTION_BOOL,
     .offset = offsetof(struct rule_options, verify),
     .fallback = "false",
     .help = "Read back what was written; if it differs, the client gets exception 04."},
    {.name = "rate",
     .kind = OPTION_INT,
     .offset = offsetof(struct rule_options, rate),
     .fallback = "0",
     .min = 0,
     .max = POLICY_RATE_MAX,
     .help = "Requests a second that the rule allows, of all sessions together. 0 = any number."},
    OPTIONS_END,
};

struct maker {
    const struct rule_options *options;
    struct diagnostics *diagnostics;
};

static void complain(const struct maker *maker, const char *key, const char *hint, const char *text)
{
    struct place place = option_place(maker->diagnostics, maker->options, key);
    diagnostics_add(maker->diagnostics, place, hint, "%s: %s", key, text);
}

/* Reads a list of ranges; how many, none if there is a mistake. */
static size_t read_ranges(const struct maker *maker, const char *key, const struct option_list *list,
                          uint16_t max, struct policy_range *ranges)
{
    const char *const *texts = list->items;
    for (size_t i = 0; i < list->count; i++) {
        if (!policy_range_parse(texts[i], max, &ranges[i])) {
            struct place place = option_place(maker->diagnostics, maker->options, key);
            diagnostics_add(maker->diagnostics, place, "a number, two with a dash (10-20), or all",
                            "%s: \"%s\" is no range of 0 to %u", key, texts[i], max);
            return 0;
        }
    }
    return policy_ranges_join(ranges, list->count);
}

static void set_bits(uint64_t *bits, const struct policy_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (unsigned number = ranges[i].first; number <= ranges[i].last; number++) {
            bits[number / 64] |= UINT64_C(1) << (number % 64);
        }
    }
}

static bool fits_access(const struct policy_rule *rule, const struct policy_function *function)
{
    return (function->reads && rule->read) || (function->writes && rule->write);
}

static void set_usual_functions(struct policy_rule *rule)
{
    for (unsigned code = 1; code <= FUNCTION_MAX; code++) {
        struct policy_function function;
        if (policy_function((uint8_t)code, &function) && function.addressed && fits_access(rule, &function)) {
            rule->functions[code / 64] |= UINT64_C(1) << (code % 64);
        }
    }
}

/* What is listed must be known and must fit the access; whether one of it has addresses. */
static bool check_functions(const struct maker *maker, const struct policy_rule *rule,
                            const struct policy_range *ranges, size_t count)
{
    bool addressed = false;
    for (size_t i = 0; i < count; i++) {
        for (unsigned code = ranges[i].first; code <= ranges[i].last; code++) {
            struct policy_function function;
            bool single = ranges[i].first == ranges[i].last;
            if (!policy_function((uint8_t)code, &function)) {
                if (single) {
                    complain(maker, "functions", "1-8, 11, 12, 15-17, 20-24 and 43",
                             "no function code that the gateway speaks");
                }
            } else if (single && !fits_access(rule, &function)) {
                complain(maker, "functions", "8 and 21 count as writing, 7, 11, 12, 17, 20 and 43 as reading",
                         "the rule's access does not allow what this function does");
            }
            addressed |= function.addressed;
        }
    }
    return addressed;
}

static void fill_functions(const struct maker *maker, struct policy_rule *rule)
{
    struct policy_range ranges[POLICY_RANGES_MAX];
    const struct option_list *list = &maker->options->functions;
    size_t count = read_ranges(maker, "functions", list, FUNCTION_MAX, ranges);
    bool addressed = list->count == 0;
    if (addressed) {
        set_usual_functions(rule);
    } else {
        set_bits(rule->functions, ranges, count);
        addressed = check_functions(maker, rule, ranges, count);
    }
    if (addressed && maker->options->addresses.count == 0) {
        complain(maker, "addresses", "100-109, or all", "without any, the rule allows nothing");
    }
}

/* What a type can hold. */
struct type_span {
    double min, max;
    const char *hint;
};

static struct type_span span_of(enum value_type type)
{
    static const struct type_span spans[] = {
        [VALUE_UINT16] = {0, UINT16_MAX, "[0, 800]; below 0 only with type: int16"},
        [VALUE_INT16] = {INT16_MIN, INT16_MAX, "[-50, 800]; int16 is -32768 to 32767"},
        [VALUE_UINT32] = {0, UINT32_MAX, "[0, 100000]; uint32 is 0 to 4294967295"},
        [VALUE_INT32] = {INT32_MIN, INT32_MAX, "[-5, 100000]; int32 is -2147483648 to 2147483647"},
        [VALUE_FLOAT32] = {(double)-FLT_MAX, (double)FLT_MAX, "[-1.5, 80]; float32 is up to 3.4e38"},
    };
    return spans[type];
}

/* A limit is what the type can hold next to it, so that the very number written in a policy may be sent. */
static bool parse_value(const char *text, enum value_type type, double *value)
{
    bool is_float = type == VALUE_FLOAT32;
    struct type_span span = span_of(type);
    char *end;
    if (strspn(text, is_float ? "+-.0123456789eE" : "-0123456789") != strlen(text)) {
        return false;
    }
    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !(*value >= span.min && *value <= span.max)) {
        return false;
    }
    *value = is_float ? (double)(float)*value : *value;
    return true;
}

static void fill_limits(const struct maker *maker, struct policy_guard *guard)
{
    const struct option_list *values = &maker->options->values;
    const char *const *texts = values->items;
    struct type_span span = span_of(guard->type);
    if (guard->bounded && (values->count != 2 || !parse_value(texts[0], guard->type, &guard->min) ||
                           !parse_value(texts[1], guard->type, &guard->max) || guard->min > guard->max)) {
        complain(maker, "values", span.hint,
                 guard->type == VALUE_FLOAT32
                     ? "two numbers that the type can hold, the lower one first"
                     : "two whole numbers that the type can hold, the lower one first");
    }
    bool whole = guard->type == VALUE_FLOAT32 || guard->max_change == floor(guard->max_change);
    if (!whole || guard->max_change > span.max - span.min) {
        complain(maker, "max_change", span.hint, "no difference between two values of the type");
    }
}

/* Ranges as they are written; those of the rule are joined. */
static void check_ranges(const struct maker *maker, const struct policy_rule *rule)
{
    const struct option_list *list = &maker->options->addresses;
    const char *const *texts = list->items;
    unsigned width = policy_guard_width(rule->guard.type);
    for (size_t i = 0; i < list->count && rule->range_count > 0; i++) {
        struct policy_range range;
        (void)policy_range_parse(texts[i], ADDRESS_MAX, &range); /* it was read before */
        const struct policy_range *joined = rule->ranges;
        while (range.first > joined->last) {
            joined++;
        }
        struct place place = option_place(maker->diagnostics, maker->options, "addresses");
        if ((range.last - range.first + 1U) % width != 0) {
            diagnostics_add(maker->diagnostics, place, "two registers a value: 100-101, 100-109",
                            "addresses: \"%s\" has an odd number of registers, and the type takes two",
                            texts[i]);
        } else if ((range.first - joined->first) % width != 0) {
            diagnostics_add(maker->diagnostics, place, "ranges that overlap or touch are one",
                            "addresses: \"%s\" begins in the middle of a value of another range", texts[i]);
        }
    }
}

static bool writes_whole_values(uint8_t function)
{
    return function == MODBUS_WRITE_MULTIPLE_REGISTERS || function == MODBUS_READ_WRITE_MULTIPLE_REGISTERS;
}

/* Functions listed one by one that could never pass the limits. */
static void check_wide_functions(const struct maker *maker)
{
    struct policy_range ranges[POLICY_RANGES_MAX];
    const struct option_list *list = &maker->options->functions;
    const char *const *texts = list->items;
    for (size_t i = 0; i < list->count; i++) {
        struct policy_function function;
        bool single =
            policy_range_parse(texts[i], FUNCTION_MAX, &ranges[i]) && ranges[i].first == ranges[i].last;
        if (single && policy_function((uint8_t)ranges[i].first, &function) && function.writes &&
            function.addressed && !writes_whole_values((uint8_t)ranges[i].first)) {
            complain(maker, "functions", "16 or 23",
                     "a value of two registers, and a function that writes one");
        }
    }
}

static void fill_guard(const struct maker *maker, struct policy_rule *rule)
{
    const struct rule_options *options = maker->options;
    struct policy_guard *guard = &rule->guard;
    *guard = (struct policy_guard){
        .type = (enum value_type)options->type,
        .words_swapped = options->word_order == ORDER_WORDS_SWAPPED,
        .verify = options->verify,
        .max_change = options->max_change,
        .bounded = options->values.count > 0,
    };
    fill_limits(maker, guard);
    check_ranges(maker, rule);
    if (policy_guard_width(guard->type) == 1 && guard->words_swapped) {
        complain(maker, "word_order", "type: uint32, int32 or float32",
                 "a value of one register has no order");
    } else if (policy_guard_width(guard->type) == 2 && policy_guard_limits(guard)) {
        check_wide_functions(maker);
    }
    if ((policy_guard_limits(guard) || guard->verify) && !rule->write) {
        complain(maker, "access", "values, max_change and verify are about writes",
                 "a rule that allows no write demands something of writes");
    }
}

static enum err fill_roles(const struct maker *maker, struct policy_rule *rule)
{
    const struct option_list *list = &maker->options->roles;
    const char *const *texts = list->items;
    rule->roles = calloc(list->count + 1, sizeof *rule->roles);
    if (!rule->roles) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < list->count; i++) {
        size_t size = strlen(texts[i]);
        if (size == 0 || size > POLICY_ROLE_SIZE) {
            complain(maker, "roles", "for certificates without a role: no_role: true",
                     "a role is 1 to 255 bytes of text");
        }
        rule->roles[i] = strdup(texts[i]);
        if (!rule->roles[i]) {
            return ERR_NO_MEMORY;
        }
        rule->role_count++;
    }
    if (list->count == 0 && !rule->no_role) {
        complain(maker, "roles", "roles: [operator], or no_role: true", "the rule is for nobody");
    }
    return ERR_OK;
}

enum err policy_rule_make(const struct rule_options *options, struct diagnostics *diagnostics,
                          struct policy_rule *rule)
{
    const struct maker maker = {.options = options, .diagnostics = diagnostics};
    struct policy_range units[POLICY_RANGES_MAX];
    rule->no_role = options->no_role;
    rule->read = options->access & POLICY_READ;
    rule->write = options->access & POLICY_WRITE;
    rule->rate = (uint32_t)options->rate;
    set_bits(rule->units, units, read_ranges(&maker, "units", &options->units, UNIT_MAX, units));
    rule->range_count = read_ranges(&maker, "addresses", &options->addresses, ADDRESS_MAX, rule->ranges);
    fill_functions(&maker, rule);
    fill_guard(&maker, rule);
    rule->name = strdup(options->name);
    return rule->name ? fill_roles(&maker, rule) : ERR_NO_MEMORY;
}
