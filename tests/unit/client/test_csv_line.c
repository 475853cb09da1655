#include "csv_line.h"

#include "base/array.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

START_TEST(splits_at_commas_outside_quotes)
{
    static const struct {
        const char *line;
        size_t count;
        const char *fields[4];
    } rows[] = {
        {"", 1, {""}},
        {"a", 1, {"a"}},
        {"a,b,c", 3, {"a", "b", "c"}},
        {",,", 3, {"", "", ""}},
        {"\"a,b\",c", 2, {"a,b", "c"}},
        {"\"a\"\"b\",\"\"", 2, {"a\"b", ""}},
        {"\"\"\"auto\"\"\"", 1, {"\"auto\""}},
        {" a , b ", 2, {" a ", " b "}},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char line[64];
        char *fields[CSV_FIELDS_MAX];
        size_t count;
        snprintf(line, sizeof line, "%s", rows[i].line);
        ck_assert_msg(csv_line_split(line, fields, &count, NULL) == ERR_OK, "%s", rows[i].line);
        ck_assert_msg(count == rows[i].count, "%s", rows[i].line);
        for (size_t j = 0; j < count; j++) {
            ck_assert_str_eq(fields[j], rows[i].fields[j]);
        }
    }
}
END_TEST

START_TEST(refuses_quotes_that_do_not_fit)
{
    static const char *const rows[] = {"\"a", "a,\"b", "\"a\"b,c", "a\"b", "\"a\"\"", "\""};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char line[64];
        char *fields[CSV_FIELDS_MAX];
        size_t count;
        snprintf(line, sizeof line, "%s", rows[i]);
        ck_assert_msg(csv_line_split(line, fields, &count, NULL) == ERR_MALFORMED, "%s", rows[i]);
    }
}
END_TEST

START_TEST(takes_so_many_fields_and_no_more)
{
    char line[2 * CSV_FIELDS_MAX];
    char *fields[CSV_FIELDS_MAX];
    size_t count;
    memset(line, ',', CSV_FIELDS_MAX - 1);
    line[CSV_FIELDS_MAX - 1] = '\0';
    ck_assert_int_eq(csv_line_split(line, fields, &count, NULL), ERR_OK);
    ck_assert_uint_eq(count, CSV_FIELDS_MAX);
    memset(line, ',', CSV_FIELDS_MAX);
    line[CSV_FIELDS_MAX] = '\0';
    ck_assert_int_eq(csv_line_split(line, fields, &count, NULL), ERR_LIMIT);
}
END_TEST

int main(void)
{
    return suite_run("csv_line", (const TTest *[]){
                                     splits_at_commas_outside_quotes,
                                     refuses_quotes_that_do_not_fit,
                                     takes_so_many_fields_and_no_more,
                                     NULL,
                                 });
}
