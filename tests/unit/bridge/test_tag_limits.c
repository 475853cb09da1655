#include "base/array.h"
#include "field/tag_limits.h"
#include "support/suite.h"

/* Options with limits "low" and "high" (none if NULL) and a deadband. */
static struct tag_options options_of(char **limits, size_t count, char *deadband)
{
    return (struct tag_options){.limits = {.items = limits, .count = count}, .deadband = deadband};
}

START_TEST(numbers_come_out_as_written)
{
    char *span[] = {"-100", "1e2"};
    static struct {
        const char *name;
        size_t limits;
        char deadband[8];
        double wanted;
    } rows[] = {
        {"none: every reading", 0, "", -1},   {"every change", 0, "0", 0},
        {"engineering units", 0, "0.5", 0.5}, {"percent of the span", 2, "2.5%", 5},
        {"no percent", 2, "0%", 0},           {"the whole span", 2, "100%", 200},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct tag_options tag = options_of(span, rows[i].limits, rows[i].deadband);
        struct tag_limits found;
        const char *key;
        const char *hint;
        ck_assert_msg(tag_limits_parse(&tag, &found, &key, &hint), "%s", rows[i].name);
        ck_assert_msg(found.deadband == rows[i].wanted, "%s: %f", rows[i].name, found.deadband);
        ck_assert_msg(found.bounded == (rows[i].limits > 0), "%s", rows[i].name);
    }
}
END_TEST

START_TEST(what_makes_no_sense_names_its_key)
{
    static struct {
        char low[8], high[8], deadband[8];
        size_t limits;
        const char *key;
    } rows[] = {
        {"1", "1", "", 2, "limits"},      {"2", "1", "", 2, "limits"},       {"1", "", "", 1, "limits"},
        {"a", "1", "", 2, "limits"},      {"0", "inf", "", 2, "limits"},     {"0", "nan", "", 2, "limits"},
        {"0", "0x10", "", 2, "limits"},   {"0", "1e999", "", 2, "limits"},   {"", "1", "", 2, "limits"},
        {"", "", "-1", 0, "deadband"},    {"", "", "1%", 0, "deadband"},     {"", "", "%", 0, "deadband"},
        {"", "", "a", 0, "deadband"},     {"0", "1", "101%", 2, "deadband"}, {"0", "1", "-1%", 2, "deadband"},
        {"0", "1", "1 %", 2, "deadband"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char *limits[] = {rows[i].low, rows[i].high};
        struct tag_options tag = options_of(limits, rows[i].limits, rows[i].deadband);
        struct tag_limits found;
        const char *key;
        const char *hint;
        ck_assert_msg(!tag_limits_parse(&tag, &found, &key, &hint), "row %zu", i);
        ck_assert_str_eq(key, rows[i].key);
    }
}
END_TEST

int main(void)
{
    return suite_run("tag_limits", (const TTest *[]){
                                       numbers_come_out_as_written,
                                       what_makes_no_sense_names_its_key,
                                       NULL,
                                   });
}
