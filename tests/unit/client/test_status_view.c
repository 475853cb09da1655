#include "status_view.h"

#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

static char said[4096];

static void show(const char *json)
{
    struct json_tree tree = {0};
    struct err_text why;
    char text[2048];
    size_t size = strlen(json);
    memcpy(text, json, size + 1);
    ck_assert_msg(json_tree_read(&tree, text, size, &why) == ERR_OK, "%s", why.text);
    FILE *out = fmemopen(said, sizeof said, "w");
    status_view_show(out, &tree);
    fclose(out);
    json_tree_fini(&tree);
}

START_TEST(an_object_is_aligned_lines_and_objects_in_it_are_indented)
{
    show("{\"state\":\"running\",\"next_seq\":12,\"healthy\":true,\"reason\":null,"
         "\"uplink\":{\"server\":\"a:1\",\"in\":{\"x\":1}},\"roles\":[\"a\",\"b\"],\"none\":[]}");
    ck_assert_str_eq(said, "state     running\n"
                           "next seq  12\n"
                           "healthy   yes\n"
                           "reason    -\n"
                           "uplink\n"
                           "  server  a:1\n"
                           "  in\n"
                           "    x  1\n"
                           "roles     a, b\n"
                           "none      \n");
}
END_TEST

START_TEST(numbers_with_a_unit_of_time_are_durations)
{
    show("{\"commit_us\":1500,\"lag_s\":0.25,\"bus\":7,\"us\":8,\"name_us\":\"text\"}");
    ck_assert_str_eq(said, "commit   1.5 ms\n"
                           "lag      250.0 ms\n"
                           "bus      7\n"
                           "us       8\n"
                           "name us  text\n");
}
END_TEST

START_TEST(a_list_of_flat_objects_is_a_table)
{
    show("{\"bridges\":[{\"name\":\"cell-3\",\"seq\":7,\"units\":[1,2]},{\"name\":\"c\",\"units\":[]}]}");
    ck_assert_str_eq(said, "bridges\n"
                           "  NAME    SEQ  UNITS\n"
                           "  cell-3    7  1, 2\n"
                           "  c         -\n");
}
END_TEST

START_TEST(a_list_of_others_is_shown_one_by_one)
{
    show("{\"links\":[{\"link\":\"a\",\"in\":{\"x\":1}},{\"link\":\"b\",\"in\":{\"x\":2}}]}");
    ck_assert_str_eq(said, "links\n"
                           "  link  a\n"
                           "  in\n"
                           "    x  1\n"
                           "\n"
                           "  link  b\n"
                           "  in\n"
                           "    x  2\n");
}
END_TEST

START_TEST(nothing_in_it_commands_the_terminal)
{
    show("{\"a\\u001b[1m\":\"\\u001b[2J\",\"list\":[\"\\u001b\"],\"table\":[{\"k\\u001b\":\"v\\u001b\"}]}");
    ck_assert_ptr_null(strchr(said, '\033'));
    ck_assert_ptr_nonnull(strstr(said, "a?[1m"));
}
END_TEST

START_TEST(a_plain_value_is_a_line)
{
    show("\"hello\"");
    ck_assert_str_eq(said, "hello\n");
}
END_TEST

int main(void)
{
    return suite_run("status_view", (const TTest *[]){
                                        an_object_is_aligned_lines_and_objects_in_it_are_indented,
                                        numbers_with_a_unit_of_time_are_durations,
                                        a_list_of_flat_objects_is_a_table,
                                        a_list_of_others_is_shown_one_by_one,
                                        nothing_in_it_commands_the_terminal,
                                        a_plain_value_is_a_line,
                                        NULL,
                                    });
}
