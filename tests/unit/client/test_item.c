#include "send/item.h"

#include "base/array.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

START_TEST(understands_numbers_words_and_quoted_text)
{
    static const struct {
        const char *text;
        enum value_form form;
        const char *shown;
    } rows[] = {
        {"0", VALUE_FORM_INT, "0"},
        {"-12", VALUE_FORM_INT, "-12"},
        {"+12", VALUE_FORM_INT, "12"},
        {"9223372036854775807", VALUE_FORM_INT, "9223372036854775807"},
        {"-9223372036854775808", VALUE_FORM_INT, "-9223372036854775808"},
        {"9223372036854775808", VALUE_FORM_UINT, "9223372036854775808"},
        {"18446744073709551615", VALUE_FORM_UINT, "18446744073709551615"},
        {"4.25", VALUE_FORM_FLOAT, "4.25"},
        {".5", VALUE_FORM_FLOAT, "0.5"},
        {"1e3", VALUE_FORM_FLOAT, "1000"},
        {"-2.5E-1", VALUE_FORM_FLOAT, "-0.25"},
        {"true", VALUE_FORM_BOOL, "true"},
        {"false", VALUE_FORM_BOOL, "false"},
        {"\"auto\"", VALUE_FORM_TEXT, "auto"},
        {"\"\"", VALUE_FORM_TEXT, ""},
        {"\"4\"", VALUE_FORM_TEXT, "4"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct value value;
        struct err_text why;
        char shown[VALUE_TEXT_MAX];
        ck_assert_msg(item_value(rows[i].text, &value, &why) == ERR_OK, "%s: %s", rows[i].text, why.text);
        ck_assert_msg(value.form == rows[i].form, "%s", rows[i].text);
        ck_assert_str_eq(value_text(&value, shown), rows[i].shown);
    }
}
END_TEST

START_TEST(refuses_what_is_no_value)
{
    static const char *const rows[] = {
        "",
        " 1",
        "1 ",
        "4,2",
        "0x10",
        "1.",
        "1e",
        "-",
        "nan",
        "inf",
        "True",
        "TRUE",
        "yes",
        "on",
        "abc",
        "\"open",
        "\"",
        "1e999",
        "18446744073709551616",
        "-9223372036854775809",
        "1.2.3",
        "\"\033[2J\"",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct value value;
        ck_assert_msg(item_value(rows[i], &value, NULL) != ERR_OK, "\"%s\"", rows[i]);
    }
}
END_TEST

START_TEST(takes_an_argument_apart)
{
    static const struct {
        const char *text, *tag, *unit, *value;
    } rows[] = {
        {"tank/level=4.2m", "tank/level", "m", "4.2"},
        {"p=4.2 bar", "p", "bar", "4.2"},
        {"p=-1", "p", "", "-1"},
        {"e=4eV", "e", "eV", "4"},
        {"t=20Cel", "t", "Cel", "20"},
        {"f=5%", "f", "%", "5"},
        {"m=\"a=b\"", "m", "", "a=b"},
        {"on=true", "on", "", "true"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[64];
        char shown[VALUE_TEXT_MAX];
        struct item item;
        struct err_text why;
        snprintf(text, sizeof text, "%s", rows[i].text);
        ck_assert_msg(item_from_argument(text, &item, &why) == ERR_OK, "%s: %s", rows[i].text, why.text);
        ck_assert_str_eq(item.tag, rows[i].tag);
        ck_assert_str_eq(item.unit, rows[i].unit);
        ck_assert_str_eq(value_text(&item.value, shown), rows[i].value);
        ck_assert_int_eq(item.time_us, 0);
    }
}
END_TEST

START_TEST(refuses_arguments_that_could_mean_something_else)
{
    static const char *const rows[] = {"p", "=1", "p=", "p=4,2", "p=1.2.3", "p=1-2", "p=bar"};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[64];
        struct item item;
        snprintf(text, sizeof text, "%s", rows[i]);
        ck_assert_msg(item_from_argument(text, &item, NULL) == ERR_MALFORMED, "%s", rows[i]);
    }
}
END_TEST

START_TEST(texts_fit_or_are_refused)
{
    char text[VALUE_STRING_MAX + 2];
    struct value value;
    memset(text, 'a', sizeof text);
    text[VALUE_STRING_MAX] = '\0';
    ck_assert_int_eq(item_text_value(text, &value, NULL), ERR_OK);
    ck_assert_uint_eq(strlen(value.as.text), VALUE_STRING_MAX);
    text[VALUE_STRING_MAX] = 'a';
    text[VALUE_STRING_MAX + 1] = '\0';
    ck_assert_int_eq(item_text_value(text, &value, NULL), ERR_LIMIT);
    ck_assert_int_eq(item_text_value("\xff", &value, NULL), ERR_MALFORMED);
}
END_TEST

START_TEST(qualities_read_back)
{
    size_t known = 0;
    for (int i = 0; i <= QUALITY_MAX; i++) {
        enum quality quality;
        if (quality_is_known((enum quality)i)) {
            ck_assert(item_quality(quality_token((enum quality)i), &quality));
            ck_assert_int_eq(quality, i);
            known++;
        }
    }
    ck_assert_uint_gt(known, 20);
    enum quality quality;
    ck_assert(!item_quality("fine", &quality));
    ck_assert(!item_quality("unknown", &quality));
}
END_TEST

int main(void)
{
    return suite_run("item", (const TTest *[]){
                                 understands_numbers_words_and_quoted_text,
                                 refuses_what_is_no_value,
                                 takes_an_argument_apart,
                                 refuses_arguments_that_could_mean_something_else,
                                 texts_fit_or_are_refused,
                                 qualities_read_back,
                                 NULL,
                             });
}
