#include "base/array.h"
#include "base/did_you_mean.h"
#include "support/suite.h"

#include <string.h>

START_TEST(finds_the_nearest_word_that_is_near_enough)
{
    static const char *const known[] = {"name", "max_age", "max_readings", "address", "id", NULL, "url"};
    static const struct {
        const char *word;
        const char *meant;
    } rows[] = {
        {"nmae", "name"},       {"nam", "name"},       {"Name", "name"},
        {"max-age", "max_age"}, {"maxage", "max_age"}, {"adress", "address"},
        {"uri", "url"},         {"ip", NULL},          {"", NULL},
        {"port", NULL},         {"certificate", NULL}, {"ids", "id"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        ck_assert_pstr_eq(did_you_mean(rows[i].word, known, ARRAY_LENGTH(known)), rows[i].meant);
    }
    ck_assert_ptr_null(did_you_mean("name", NULL, 0));
}
END_TEST

START_TEST(words_beyond_the_limit_are_not_compared)
{
    char longest[66];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    const char *const known[] = {longest};
    ck_assert_ptr_eq(did_you_mean(longest, known, 1), longest);
    longest[64] = 'a';
    longest[65] = '\0';
    ck_assert_ptr_null(did_you_mean(longest, known, 1));
    ck_assert_ptr_null(did_you_mean("a", known, 1));
}
END_TEST

int main(void)
{
    return suite_run("did_you_mean", (const TTest *[]){
                                         finds_the_nearest_word_that_is_near_enough,
                                         words_beyond_the_limit_are_not_compared,
                                         NULL,
                                     });
}
