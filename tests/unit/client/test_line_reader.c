#include "line_reader.h"

#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

static struct line_reader reader;

static void open_text(const char *text, size_t size)
{
    reader = (struct line_reader){.file = tmpfile()};
    ck_assert_ptr_nonnull(reader.file);
    ck_assert_uint_eq(fwrite(text, 1, size, reader.file), size);
    rewind(reader.file);
}

static void teardown(void)
{
    fclose(reader.file);
}

START_TEST(takes_off_both_kinds_of_line_end)
{
    static const char text[] = "one\ntwo\r\n\nlast";
    static const char *const lines[] = {"one", "two", "", "last"};
    open_text(text, sizeof text - 1);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(line_reader_next(&reader), LINE_GOOD);
        ck_assert_str_eq(reader.text, lines[i]);
        ck_assert_uint_eq(reader.number, i + 1);
    }
    ck_assert_int_eq(line_reader_next(&reader), LINE_END);
    ck_assert_uint_eq(reader.number, 4);
}
END_TEST

START_TEST(drops_a_line_that_is_too_long_and_goes_on)
{
    size_t size = 2 * (size_t)LINE_READER_MAX + 16;
    char *text = malloc(size);
    memset(text, 'a', size);
    text[LINE_READER_MAX] = '\n';                 /* just fits */
    text[2 * (size_t)LINE_READER_MAX + 2] = '\n'; /* one byte too long */
    memcpy(text + 2 * (size_t)LINE_READER_MAX + 3, "ok", 2);
    open_text(text, 2 * (size_t)LINE_READER_MAX + 5);
    free(text);
    ck_assert_int_eq(line_reader_next(&reader), LINE_GOOD);
    ck_assert_uint_eq(reader.size, LINE_READER_MAX);
    ck_assert_int_eq(line_reader_next(&reader), LINE_TOO_LONG);
    ck_assert_int_eq(line_reader_next(&reader), LINE_GOOD);
    ck_assert_str_eq(reader.text, "ok");
}
END_TEST

START_TEST(tells_of_nul_bytes)
{
    open_text("a\0b\nc\n", 6);
    ck_assert_int_eq(line_reader_next(&reader), LINE_HAS_NUL);
    ck_assert_int_eq(line_reader_next(&reader), LINE_GOOD);
    ck_assert_str_eq(reader.text, "c");
}
END_TEST

int main(void)
{
    return suite_run_with("line_reader", NULL, teardown,
                          (const TTest *[]){
                              takes_off_both_kinds_of_line_end,
                              drops_a_line_that_is_too_long_and_goes_on,
                              tells_of_nul_bytes,
                              NULL,
                          });
}
