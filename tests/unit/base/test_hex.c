#include "base/hex.h"
#include "support/suite.h"

#include <stdint.h>
#include <string.h>

START_TEST(bytes_are_two_digits_each_and_end)
{
    static const uint8_t bytes[] = {0x00, 0x09, 0xaf, 0xff};
    char text[HEX_TEXT_SIZE(sizeof bytes) + 1];
    memset(text, 'x', sizeof text);
    ck_assert_ptr_eq(hex_text(bytes, sizeof bytes, text), text);
    ck_assert_str_eq(text, "0009afff");
    ck_assert_int_eq(text[HEX_TEXT_SIZE(sizeof bytes)], 'x');
    ck_assert_str_eq(hex_text(bytes, 0, text), "");
}
END_TEST

int main(void)
{
    return suite_run("hex", (const TTest *[]){bytes_are_two_digits_each_and_end, NULL});
}
