#include "base/array.h"
#include "base/utf8.h"
#include "support/suite.h"

START_TEST(knows_whole_code_points_from_broken_ones)
{
    static const struct {
        const char *name;
        const char *text;
        size_t size;
        size_t length;
        uint32_t code_point;
    } rows[] = {
        {"nothing", "", 0, 0, 0},
        {"NUL", "\0", 1, 1, 0},
        {"last of one byte", "\x7f", 1, 1, 0x7f},
        {"first of two bytes", "\xc2\x80", 2, 2, 0x80},
        {"first of three bytes", "\xe0\xa0\x80", 3, 3, 0x800},
        {"last before the surrogates", "\xed\x9f\xbf", 3, 3, 0xd7ff},
        {"first behind the surrogates", "\xee\x80\x80", 3, 3, 0xe000},
        {"first of four bytes", "\xf0\x90\x80\x80", 4, 4, 0x10000},
        {"last of all", "\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
        {"beyond the last", "\xf4\x90\x80\x80", 4, 0, 0},
        {"a surrogate", "\xed\xa0\x80", 3, 0, 0},
        {"overlong in two bytes", "\xc1\xbf", 2, 0, 0},
        {"overlong in three bytes", "\xe0\x9f\xbf", 3, 0, 0},
        {"overlong in four bytes", "\xf0\x8f\xbf\xbf", 4, 0, 0},
        {"a tail alone", "\x80", 1, 0, 0},
        {"no tail", "\xc2\x20", 2, 0, 0},
        {"cut", "\xf0\x90\x80\x80", 3, 0, 0},
        {"never a lead", "\xff\x80\x80\x80", 4, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        uint32_t code_point = 0;
        ck_assert_msg(utf8_next(rows[i].text, rows[i].size, &code_point) == rows[i].length, "%s",
                      rows[i].name);
        ck_assert_msg(code_point == rows[i].code_point, "%s", rows[i].name);
    }
}
END_TEST

int main(void)
{
    return suite_run("utf8", (const TTest *[]){knows_whole_code_points_from_broken_ones, NULL});
}
