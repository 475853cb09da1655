#include "watch/page.h"

#include "base/array.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

static struct page page;
static struct json_tree tree;
static char text[4096];

static enum err read_page(const char *json)
{
    struct err_text why = {0};
    size_t size = strlen(json);
    memcpy(text, json, size + 1);
    ck_assert_int_eq(json_tree_read(&tree, text, size, &why), ERR_OK);
    return page_read(&page, &tree, 20, &why);
}

static char *draw(int lines, int columns)
{
    char *drawn = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&drawn, &size);
    page_draw(out, &page, lines, columns);
    fclose(out);
    return drawn;
}

static void teardown(void)
{
    json_tree_fini(&tree);
}

#define ROW(tag, value, quality)                                                                             \
    "{\"tag\":\"" tag "\",\"value\":" value ",\"unit\":\"bar\",\"quality\":\"" quality                       \
    "\",\"time_us\":1500000}"

START_TEST(draws_values_with_quality_and_age)
{
    ck_assert_int_eq(read_page("{\"bridge\":\"cell-3\",\"now_us\":3000000,\"matching\":99,\"tags\":[" ROW(
                         "boiler/pressure", "\"7.5\"", "good") "," ROW("dead", "null", "bad_timeout") "]}"),
                     ERR_OK);
    char *drawn = draw(24, 80);
    ck_assert_ptr_nonnull(strstr(drawn, "cell-3  1970-01-01T00:00:03Z  tags 21 to 22 of 99"));
    ck_assert_ptr_nonnull(strstr(drawn, "7.5 bar      good                 1.5 s"));
    ck_assert_ptr_nonnull(strstr(drawn, "\033[31mdead"));
    ck_assert_ptr_nonnull(strstr(drawn, "- bar      bad_timeout"));
    ck_assert_ptr_nonnull(strstr(drawn, "space next page"));
    free(drawn);
}
END_TEST

START_TEST(nothing_read_commands_the_terminal_or_is_wider_than_it)
{
    ck_assert_int_eq(
        read_page("{\"bridge\":\"c\",\"now_us\":3000000,\"matching\":1,\"tags\":[" ROW(
            "\\u001b[2Ja very very very very very very very very \xc3\xa4\xc3\xa4\xc3\xa4 long name",
            "\"a text that is far too long for its cell\\u001b\"", "good") "]}"),
        ERR_OK);
    char *drawn = draw(24, 80);
    ck_assert_ptr_null(strstr(drawn, "\033[2J"));
    ck_assert_ptr_nonnull(strstr(drawn, "a text that is ~"));
    free(drawn);
    free(draw(1, 1)); /* a window that small is nobody's, and no reason to fail */
}
END_TEST

START_TEST(what_is_no_bridge_says_so)
{
    static const char *const answers[] = {"[]",
                                          "{}",
                                          "{\"bridge\":\"c\"}",
                                          "{\"bridge\":\"c\",\"tags\":{}}",
                                          "{\"bridge\":\"c\",\"tags\":[1]}",
                                          "{\"bridge\":\"c\",\"tags\":[{\"tag\":7}]}"};
    for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
        ck_assert_msg(read_page(answers[i]) == ERR_MALFORMED, "%s", answers[i]);
    }
}
END_TEST

START_TEST(a_page_has_the_rows_of_its_terminal)
{
    ck_assert_uint_eq(page_rows(24), 21);
    ck_assert_uint_eq(page_rows(1), 1);
    ck_assert_uint_eq(page_rows(0), 1);
    ck_assert_uint_eq(page_rows(60000), PAGE_ROWS_MAX);
}
END_TEST

int main(void)
{
    return suite_run_with("page", NULL, teardown,
                          (const TTest *[]){
                              draws_values_with_quality_and_age,
                              nothing_read_commands_the_terminal_or_is_wider_than_it,
                              what_is_no_bridge_says_so,
                              a_page_has_the_rows_of_its_terminal,
                              NULL,
                          });
}
