#include "probe/target.h"

#include "base/array.h"
#include "support/suite.h"

#include <string.h>

enum { WORDS_MAX = 4 };

struct row {
    const char *name;
    const char *words[WORDS_MAX];
    const char *as;
    enum table table; /* TABLE_NONE: refused, … */
    uint32_t address, quantity;
    const char *why; /* … with this in the reason */
};

static const struct row rows[] = {
    {"table and address", {"holding", "100", "10"}, NULL, TABLE_HOLDING, 100, 10, NULL},
    {"quantity of one", {"coil", "0"}, NULL, TABLE_COIL, 0, 1, NULL},
    {"quantity of a type", {"input", "7"}, "float64", TABLE_INPUT, 7, 4, NULL},
    {"reference", {"40101", "2"}, NULL, TABLE_HOLDING, 100, 2, NULL},
    {"long reference", {"465536"}, NULL, TABLE_HOLDING, 65535, 1, NULL},
    {"all of a table", {"discrete", "0", "65536"}, NULL, TABLE_DISCRETE, 0, 65536, NULL},
    {"one order", {"holding", "0", "2"}, "float32:CDAB", TABLE_HOLDING, 0, 2, NULL},
    {"swapped bytes", {"holding", "0", "2"}, "int16:BA", TABLE_HOLDING, 0, 2, NULL},
    {"swapped text", {"holding", "0", "64"}, "string:BA", TABLE_HOLDING, 0, 64, NULL},
    {"nothing", {NULL}, NULL, TABLE_NONE, 0, 0, "which items"},
    {"unknown table", {"register", "0"}, NULL, TABLE_NONE, 0, 0, "is no table"},
    {"no guess for by-reference", {"by-reference", "0"}, NULL, TABLE_NONE, 0, 0, "is no table"},
    {"no address", {"holding"}, NULL, TABLE_NONE, 0, 0, "which address"},
    {"address too high", {"holding", "65536"}, NULL, TABLE_NONE, 0, 0, "is no address"},
    {"negative address", {"holding", "-1"}, NULL, TABLE_NONE, 0, 0, "is no address"},
    {"past the end", {"holding", "65535", "2"}, NULL, TABLE_NONE, 0, 0, "1 to 1"},
    {"value past the end", {"holding", "65535"}, "float32", TABLE_NONE, 0, 0, "takes 2 registers"},
    {"none", {"holding", "0", "0"}, NULL, TABLE_NONE, 0, 0, "is no quantity"},
    {"not a number", {"holding", "0", "ten"}, NULL, TABLE_NONE, 0, 0, "is no quantity"},
    {"a word too many", {"holding", "0", "1", "2"}, NULL, TABLE_NONE, 0, 0, "too many"},
    {"short reference", {"4101"}, NULL, TABLE_NONE, 0, 0, "5 or 6 digits"},
    {"unknown type", {"holding", "0"}, "double", TABLE_NONE, 0, 0, "is no type"},
    {"letters of another size", {"holding", "0"}, "float32:ABCDEFGH", TABLE_NONE, 0, 0, "DCBA"},
    {"words of one word", {"holding", "0"}, "int16:CDAB", TABLE_NONE, 0, 0, "AB or BA"},
    {"too few registers", {"holding", "0", "1"}, "float32", TABLE_NONE, 0, 0, "takes 2 registers"},
    {"number of bits", {"coil", "0", "32"}, "float32", TABLE_NONE, 0, 0, "are bits"},
    {"bool of registers", {"holding", "0"}, "bool", TABLE_NONE, 0, 0, "no bools"},
    {"long text", {"holding", "0", "65"}, "string", TABLE_NONE, 0, 0, "at most 64"},
};

START_TEST(words_become_a_span_or_a_reason)
{
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const struct row *row = &rows[i];
        struct plc_span span = {.unit = 1};
        struct probe_view view;
        struct err_text why = {0};
        size_t count = 0;
        while (count < WORDS_MAX && row->words[count]) {
            count++;
        }
        enum err result = target_parse_span(row->words, count, &span, &why);
        if (result == ERR_OK) {
            result = target_parse_view(row->as, &view, &why);
        }
        if (result == ERR_OK) {
            result = target_fit(&view, &span, &why);
        }
        if (row->table == TABLE_NONE) {
            ck_assert_msg(result == ERR_CONFIG, "%s", row->name);
            ck_assert_msg(strstr(why.text, row->why), "%s: %s", row->name, why.text);
            continue;
        }
        ck_assert_msg(result == ERR_OK, "%s: %s", row->name, why.text);
        ck_assert_msg(span.table == row->table && span.address == row->address &&
                          span.quantity == row->quantity,
                      "%s: %u %u", row->name, span.address, span.quantity);
    }
}
END_TEST

START_TEST(an_order_by_its_letters)
{
    struct probe_view view;
    ck_assert_int_eq(target_parse_view("uint64:GHEFCDAB", &view, NULL), ERR_OK);
    ck_assert(view.ordered && view.order == ORDER_WORDS_SWAPPED && view.type == VALUE_UINT64);
    ck_assert_int_eq(target_parse_view("float32", &view, NULL), ERR_OK);
    ck_assert(!view.ordered && !view.raw);
    ck_assert_int_eq(target_parse_view(NULL, &view, NULL), ERR_OK);
    ck_assert(view.raw);
}
END_TEST

int main(void)
{
    return suite_run("target",
                     (const TTest *[]){words_become_a_span_or_a_reason, an_order_by_its_letters, NULL});
}
