#include "base/array.h"
#include "query_string.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

START_TEST(names_and_values_are_decoded)
{
    static const struct {
        const char *raw, *name, *value;
    } rows[] = {
        {"tag=boiler-1%2Fpressure", "tag", "boiler-1/pressure"},
        {"a=1&tag=x+y&b=2", "tag", "x y"},
        {"tag=", "tag", ""},
        {"tag", "tag", ""},
        {"t%61g=Dr%C3%BCck%c3%bc", "tag", "Drückü"},
        {"&&tag=1&&", "tag", "1"},
        {"tag=a=b", "tag", "a=b"},
        {"tag=%26%3D%25", "tag", "&=%"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct query_string query;
        struct err_text why = {""};
        ck_assert_msg(query_string_read(rows[i].raw, &query, &why) == ERR_OK, "%s: %s", rows[i].raw,
                      why.text);
        const char *value = query_string_get(&query, rows[i].name);
        ck_assert_msg(value && strcmp(value, rows[i].value) == 0, "%s", rows[i].raw);
    }
}
END_TEST

START_TEST(what_is_not_plain_text_is_refused)
{
    static const char *const rows[] = {
        "tag=%",   "tag=%4",  "tag=%zz", "tag=%00",     "tag=a%00b",     "t%00=1",  "tag=%ff",
        "tag=%0a", "tag=%7f", "=1",      "tag=1&tag=2", "%74ag=1&tag=2", "tag=%c3", "tag=%ed%a0%80",
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct query_string query;
        struct err_text why = {""};
        ck_assert_msg(query_string_read(rows[i], &query, &why) == ERR_MALFORMED, "%s", rows[i]);
        ck_assert_msg(why.text[0] != '\0', "%s", rows[i]);
    }
}
END_TEST

static enum err read_many(int count)
{
    char raw[512] = "";
    struct query_string query;
    size_t size = 0;
    for (int i = 0; i < count; i++) {
        size += (size_t)snprintf(raw + size, sizeof raw - size, "p%d=%d&", i, i);
    }
    return query_string_read(raw, &query, NULL);
}

START_TEST(number_and_size_are_bounded)
{
    ck_assert_int_eq(read_many(QUERY_PARAMETERS_MAX), ERR_OK);
    ck_assert_int_eq(read_many(QUERY_PARAMETERS_MAX + 1), ERR_LIMIT);
    static char raw[QUERY_SIZE_MAX + 2];
    struct query_string query;
    memset(raw, 'a', QUERY_SIZE_MAX);
    ck_assert_int_eq(query_string_read(raw, &query, NULL), ERR_OK);
    raw[QUERY_SIZE_MAX] = 'a';
    ck_assert_int_eq(query_string_read(raw, &query, NULL), ERR_LIMIT);
}
END_TEST

int main(void)
{
    return suite_run("query_string", (const TTest *[]){
                                         names_and_values_are_decoded,
                                         what_is_not_plain_text_is_refused,
                                         number_and_size_are_bounded,
                                         NULL,
                                     });
}
