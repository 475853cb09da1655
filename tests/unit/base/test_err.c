#include "base/err.h"
#include "support/suite.h"

#include <errno.h>
#include <string.h>

START_TEST(each_layer_puts_its_context_in_front)
{
    struct err_text why;
    ck_assert_int_eq(err_errno(&why, ENOSPC, "write"), ERR_DISK_FULL);
    ck_assert_int_eq(err_prefix(&why, ERR_DISK_FULL, "append batch %d", 812), ERR_DISK_FULL);
    ck_assert_int_eq(err_prefix(&why, ERR_DISK_FULL, "spool %s", "a.db"), ERR_DISK_FULL);
    ck_assert_str_eq(why.text, "spool a.db: append batch 812: write: No space left on device");
}
END_TEST

START_TEST(errno_tells_a_full_disk_from_other_refusals)
{
    ck_assert_int_eq(err_errno(NULL, ENOSPC, "x"), ERR_DISK_FULL);
    ck_assert_int_eq(err_errno(NULL, EDQUOT, "x"), ERR_DISK_FULL);
    ck_assert_int_eq(err_errno(NULL, EACCES, "x"), ERR_IO);
}
END_TEST

START_TEST(a_caller_without_a_text_gets_the_class)
{
    ck_assert_int_eq(err_set(NULL, ERR_BUSY, "x"), ERR_BUSY);
    ck_assert_int_eq(err_prefix(NULL, ERR_BUSY, "x"), ERR_BUSY);
}
END_TEST

START_TEST(what_does_not_fit_ends_with_dots_inside_the_text)
{
    char filler[2 * ERR_TEXT_MAX];
    for (size_t size = ERR_TEXT_MAX - 12; size < ERR_TEXT_MAX + 4; size++) {
        memset(filler, 'x', size);
        filler[size] = '\0';
        struct err_text why;
        ck_assert_int_eq(err_set(&why, ERR_IO, "cause"), ERR_IO);
        ck_assert_int_eq(err_prefix(&why, ERR_IO, "%s", filler), ERR_IO);
        size_t whole = size + strlen(": cause");
        ck_assert_uint_eq(strlen(why.text), whole < ERR_TEXT_MAX ? whole : ERR_TEXT_MAX - 1);
        const char *tail = why.text + strlen(why.text) - 3;
        ck_assert_str_eq(tail, whole < ERR_TEXT_MAX ? "use" : "...");
        ck_assert_int_eq(err_errno(&why, EACCES, "%s", filler), ERR_IO);
        ck_assert_uint_lt(strlen(why.text), ERR_TEXT_MAX);
    }
}
END_TEST

START_TEST(every_class_has_a_name)
{
    for (enum err code = ERR_OK; code <= ERR_CONFIG; code++) {
        ck_assert_str_ne(err_name(code), "unknown error");
    }
    ck_assert_str_eq(err_name((enum err)1000), "unknown error");
}
END_TEST

int main(void)
{
    return suite_run("err", (const TTest *[]){
                                each_layer_puts_its_context_in_front,
                                errno_tells_a_full_disk_from_other_refusals,
                                a_caller_without_a_text_gets_the_class,
                                what_does_not_fit_ends_with_dots_inside_the_text,
                                every_class_has_a_name,
                                NULL,
                            });
}
