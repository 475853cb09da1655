#include "tunnel/text.h"

#include "base/array.h"
#include "support/suite.h"

#include <string.h>

START_TEST(tells_printable_utf8_from_the_rest)
{
    static const struct {
        const char *name;
        const char *text;
        bool good;
    } rows[] = {
        {"nothing", "", true},
        {"ascii", "boiler-1/steam ~", true},
        {"two bytes",
         "\xc2\xb0"
         "C",
         true},
        {"three bytes", "\xe2\x84\xa6", true},
        {"four bytes", "\xf0\x9f\x94\xa5", true},
        {"the last character there is", "\xf4\x8f\xbf\xbf", true},
        {"above the last character", "\xf4\x90\x80\x80", false},
        {"new line", "a\nb", false},
        {"escape", "\x1b[31m", false},
        {"delete", "\x7f", false},
        {"C1 control", "\xc2\x9b", false},
        {"long form of slash", "\xc0\xaf", false},
        {"long form in three bytes", "\xe0\x9f\xbf", false},
        {"long form in four bytes", "\xf0\x8f\xbf\xbf", false},
        {"surrogate", "\xed\xa0\x80", false},
        {"continuation alone", "\x80", false},
        {"cut", "\xe2\x84", false},
        {"third byte wrong",
         "\xe2\x84"
         "A",
         false},
        {"latin-1",
         "\xb0"
         "C",
         false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_msg(text_is_printable(rows[i].text, strlen(rows[i].text)) == rows[i].good, "%s",
                      rows[i].name);
    }
    ck_assert(!text_is_printable("a\0b", 3));
}
END_TEST

START_TEST(cuts_between_characters)
{
    const char *text = "a\xe2\x84\xa6z";
    const size_t expected[] = {0, 1, 1, 1, 4, 5, 5};
    for (size_t max = 0; max < ARRAY_LENGTH(expected); max++) {
        ck_assert_uint_eq(text_cut(text, strlen(text), max), expected[max]);
    }
}
END_TEST

int main(void)
{
    return suite_run("text",
                     (const TTest *[]){tells_printable_utf8_from_the_rest, cuts_between_characters, NULL});
}
