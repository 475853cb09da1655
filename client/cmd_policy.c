#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/array.h"
#include "gateway/policy_file.h"
#include "policy_answer.h"
#include "tunnel/tag_words.h"

#include <stdlib.h>
#include <string.h>

static const char epilogue[] =
    "Examples:\n"
    "  bourdon policy check /etc/bourdon/policy.yaml\n"
    "  bourdon policy test policy.yaml --role operator --unit 1 --fc 6 --address 100 --value 55\n"
    "  bourdon policy test policy.yaml --unit 1 --fc 3 --address 0 --count 10      (without a role)\n"
    "  bourdon policy test policy.yaml --role operator --unit 1 --fc 6 --address 100 --value 55 --old 40\n"
    "  bourdon policy test policy.yaml --role operator --unit 1 --fc 16 --address 200 --type float32 --value "
    "12.5\n"
    "\n"
    "Without FILE, test takes /etc/bourdon/policy.yaml.\n"
    "Exit status: 0 good, or allowed; 1 denied; 2 wrong arguments, or mistakes in the file.";

static const char usual_file[] = "/etc/bourdon/policy.yaml";

struct policy_arguments {
    const char *role, *unit, *function, *address, *count, *value, *old;
    const char *write_address, *type, *word_order;
};

static struct policy *load(const char *path)
{
    struct diagnostics *diagnostics = diagnostics_new();
    struct policy *policy = NULL;
    enum err result = diagnostics ? policy_load(path, diagnostics, &policy) : ERR_NO_MEMORY;
    if (result == ERR_NO_MEMORY) {
        fputs("bourdon policy: out of memory\n", stderr);
    }
    if (diagnostics) {
        diagnostics_print(diagnostics, stderr);
    }
    diagnostics_free(diagnostics);
    return policy;
}

static int check(const char *path)
{
    struct policy *policy = load(path);
    if (!policy) {
        return STATUS_USAGE;
    }
    printf("%s: %zu rules, for", path, policy->rule_count);
    for (size_t i = 0; i < policy->role_count; i++) {
        const char *role = policy->roles[i].role;
        printf("%s %s%s%s", i > 0 ? "," : "", role ? "role \"" : "certificates without a role",
               role ? role : "", role ? "\"" : "");
    }
    puts("");
    policy_unref(policy);
    return STATUS_OK;
}

/* One number of the command line; `text` NULL leaves what is there. */
static bool take(const struct command_line *line, const char *name, const char *text, uint64_t max,
                 uint64_t *number)
{
    struct policy_number parsed;
    if (!text) {
        return true;
    }
    if (!policy_number_parse(text, &parsed) || parsed.negative || parsed.value > max) {
        arguments_complain(line, "--%s %s: it is a whole number up to %llu", name, text,
                           (unsigned long long)max);
        return false;
    }
    *number = parsed.value;
    return true;
}

static bool take_values(const struct command_line *line, const char *name, const char *text,
                        const struct policy_encoding *encoding, struct policy_values *values)
{
    if (!text || policy_values_parse(text, encoding, values)) {
        return true;
    }
    arguments_complain(line, "--%s %s: numbers of the type %s, with commas between them", name, text,
                       tag_word_name(policy_value_types, (int)encoding->type));
    return false;
}

/* One word of a rule's; `text` NULL leaves what is there. */
static bool take_word(const struct command_line *line, const char *name, const char *text,
                      const struct option_choice *choices, int *value)
{
    const struct option_choice *found = text ? tag_word_find(choices, text) : NULL;
    if (text && !found) {
        arguments_complain(line, "--%s %s: the words are those of a policy's `type` and `word_order`", name,
                           text);
        return false;
    }
    *value = found ? found->value : *value;
    return true;
}

static bool take_encoding(const struct command_line *line, const struct policy_arguments *given,
                          struct policy_encoding *encoding)
{
    int type = VALUE_UINT16;
    int order = 0;
    if (!take_word(line, "type", given->type, policy_value_types, &type) ||
        !take_word(line, "word-order", given->word_order, policy_word_orders, &order)) {
        return false;
    }
    *encoding = (struct policy_encoding){.type = (enum value_type)type,
                                         .words_swapped = order == ORDER_WORDS_SWAPPED};
    return true;
}

static bool understand(const struct command_line *line, const struct policy_arguments *given,
                       struct policy_question *question)
{
    uint64_t unit = 0;
    uint64_t function = 0;
    uint64_t address = 0;
    uint64_t count = 0;
    uint64_t write_address = 0;
    struct policy_encoding encoding;
    bool good = take(line, "unit", given->unit, 255, &unit) &&
                take(line, "fc", given->function, 127, &function) &&
                take(line, "address", given->address, 65535, &address) &&
                take(line, "count", given->count, 65535, &count) &&
                take(line, "write-address", given->write_address, 65535, &write_address) &&
                take_encoding(line, given, &encoding) &&
                take_values(line, "value", given->value, &encoding, &question->values) &&
                take_values(line, "old", given->old, &encoding, &question->old);
    if (!good) {
        return false;
    }
    if (!given->unit || !given->function) {
        arguments_complain(line, "test needs --unit and --fc");
        return false;
    }
    question->role = given->role;
    question->unit = (uint8_t)unit;
    question->function = (uint8_t)function;
    question->address = (uint16_t)address;
    question->count = (uint16_t)count;
    question->write_address = given->write_address ? (uint16_t)write_address : (uint16_t)address;
    return true;
}

static int test(const char *path, const struct policy_question *question)
{
    struct policy *policy = load(path);
    if (!policy) {
        return STATUS_USAGE;
    }
    struct err_text why = {0};
    bool allowed = false;
    enum err result = policy_answer(stdout, policy, question, &allowed, &why);
    policy_unref(policy);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon policy test: %s\n", why.text);
        return STATUS_USAGE;
    }
    return allowed ? STATUS_OK : STATUS_FAILED;
}

int cmd_policy(int argc, char **argv)
{
    struct policy_arguments given = {0};
    struct policy_question question = {0};
    const struct argument table[] = {
        {"role", 'r', "ROLE", "The role in the certificate. Default: a certificate without one.", &given.role,
         NULL},
        {"unit", 'u', "UNIT", "Unit identifier, 0 to 255.", &given.unit, NULL},
        {"fc", 'f', "CODE", "Function code, decimal or 0x10.", &given.function, NULL},
        {"address", 'a', "ADDRESS", "First address, zero-based. Default: 0.", &given.address, NULL},
        {"count", 'n', "N", "Items to read, or to write. Default: as many as values, or 1.", &given.count,
         NULL},
        {"value", 'v', "VALUES", "What is written: 55, -3 or 1,2,3. For 22: the AND and the OR mask.",
         &given.value, NULL},
        {"old", 0, "VALUES", "What the device holds now, for max_change and for function 22.", &given.old,
         NULL},
        {"type", 0, "TYPE", "Of --value and --old: uint16, int16, uint32, int32 or float32.", &given.type,
         NULL},
        {"word-order", 0, "ORDER", "Of two registers: big (high word first) or little.", &given.word_order,
         NULL},
        {"write-address", 0, "ADDRESS", "Function 23: where it writes. Default: where it reads.",
         &given.write_address, NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon policy",
        .summary =
            "Checks a gateway's policy, and tells what it would answer to a request, and by which rule.",
        .usage = "check FILE | test [FILE] [options]",
        .arguments = table,
        .positional_help = "check: every mistake in the file.\n"
                           "test: one request of one role. Rates are not considered.",
        .epilogue = epilogue,
    };
    size_t words;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &words);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    if (words == 2 && strcmp(argv[0], "check") == 0) {
        return check(argv[1]);
    }
    if (words < 1 || words > 2 || strcmp(argv[0], "test") != 0) {
        arguments_complain(&line, "it takes check and a FILE, or test");
        return STATUS_USAGE;
    }
    return understand(&line, &given, &question) ? test(words == 2 ? argv[1] : usual_file, &question)
                                                : STATUS_USAGE;
}
