#include "terminal_text.h"

#include "base/array.h"
#include "support/suite.h"

#include <string.h>

START_TEST(makes_text_harmless)
{
    static const struct {
        const char *text, *safe;
        int width;
    } rows[] = {
        {"", "", 0},
        {"plain", "plain", 5},
        {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9", 3},
        {"a\033[31mb", "a?[31mb", 7},
        {"\a\b\r\n\t\x7f", "??????", 6},
        {"\xc2\x9b", "?", 1},       /* CSI as one character */
        {"\xff\xfe", "??", 2},      /* not UTF-8 */
        {"\xed\xa0\x80", "???", 3}, /* a surrogate */
        {"a\xe2\x82", "a??", 3},    /* cut */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char safe[32];
        ck_assert_str_eq(terminal_text_copy(rows[i].text, safe, sizeof safe), rows[i].safe);
        ck_assert_int_eq(terminal_text_width(rows[i].text), rows[i].width);
    }
}
END_TEST

START_TEST(copies_what_fits_and_cuts_no_character)
{
    char safe[4];
    ck_assert_str_eq(terminal_text_copy("abc", safe, sizeof safe), "abc");
    ck_assert_str_eq(terminal_text_copy("abcd", safe, sizeof safe), "abc");
    ck_assert_str_eq(terminal_text_copy("ab\xc3\xa9", safe, sizeof safe), "ab");
    ck_assert_str_eq(terminal_text_copy("a\xc3\xa9", safe, sizeof safe), "a\xc3\xa9");
}
END_TEST

int main(void)
{
    return suite_run("terminal_text", (const TTest *[]){
                                          makes_text_harmless,
                                          copies_what_fits_and_cuts_no_character,
                                          NULL,
                                      });
}
