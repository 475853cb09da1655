#include "base/diagnostics.h"
#include "base/log.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

static struct diagnostics *diagnostics;
static char *printed;

static void setup(void)
{
    diagnostics = diagnostics_new();
    ck_assert_ptr_nonnull(diagnostics);
}

static void teardown(void)
{
    diagnostics_free(diagnostics);
    free(printed);
}

static const char *print(void)
{
    size_t size;
    free(printed);
    FILE *out = open_memstream(&printed, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    return printed;
}

static uint32_t add_file(const char *text)
{
    uint32_t file = diagnostics_add_file(diagnostics, "a.yaml", text, strlen(text));
    ck_assert_uint_gt(file, 0);
    return file;
}

START_TEST(nothing_to_say_prints_nothing)
{
    add_file("a: b\n");
    ck_assert_str_eq(print(), "");
    ck_assert_uint_eq(diagnostics_count(diagnostics), 0);
}
END_TEST

START_TEST(shows_the_line_with_a_caret_and_a_hint)
{
    uint32_t file = add_file("one: 1\r\ntwo: 22\r\n");
    diagnostics_add(diagnostics, diagnostics_place(diagnostics, file, 13, 2), "use %d", "two: %s", "wrong");
    ck_assert_str_eq(print(), "a.yaml:2:6: error: two: wrong\n"
                              "    2 | two: 22\n"
                              "      |      ^~\n"
                              "      = hint: use %d\n"
                              "1 error\n");
}
END_TEST

START_TEST(orders_by_file_and_line_and_counts_errors_and_warnings)
{
    uint32_t first = add_file("a\nb\n");
    uint32_t second = diagnostics_add_file(diagnostics, "b.yaml", "c", 1);
    diagnostics_add(diagnostics, diagnostics_place(diagnostics, second, 0, 1), NULL, "three");
    diagnostics_warn(diagnostics, diagnostics_place(diagnostics, first, 2, 1), NULL, "two");
    diagnostics_add(diagnostics, (struct place){.file = first}, NULL, "of the whole file");
    diagnostics_add(diagnostics, diagnostics_place(diagnostics, first, 0, 1), NULL, "one");
    diagnostics_add(diagnostics, (struct place){0}, NULL, "of no file");
    ck_assert_uint_eq(diagnostics_count(diagnostics), 4);
    ck_assert_str_eq(print(), "error: of no file\n"
                              "a.yaml: error: of the whole file\n"
                              "a.yaml:1:1: error: one\n"
                              "    1 | a\n"
                              "      | ^\n"
                              "a.yaml:2:1: warning: two\n"
                              "    2 | b\n"
                              "      | ^\n"
                              "b.yaml:1:1: error: three\n"
                              "    1 | c\n"
                              "      | ^\n"
                              "4 errors, 1 warning\n");
}
END_TEST

START_TEST(the_caret_stands_below_its_character)
{
    uint32_t file = add_file("\tk\xc3\xa4se: \xe2\x82\xac\xe2\x82\xac \xff!\n");
    struct place place = diagnostics_place(diagnostics, file, 8, 6);
    ck_assert_uint_eq(place.column, 9);
    diagnostics_add(diagnostics, place, NULL, "x");
    ck_assert_str_eq(print(), "a.yaml:1:9: error: x\n"
                              "    1 | \tk\xc3\xa4se: \xe2\x82\xac\xe2\x82\xac \xef\xbf\xbd!\n"
                              "      | \t      ^~\n"
                              "1 error\n");
}
END_TEST

START_TEST(a_terminal_sees_no_control_characters)
{
    uint32_t file = add_file("a: \x1b[31mred\xc2\x9b\n");
    diagnostics_add(diagnostics, diagnostics_place(diagnostics, file, 0, 1), "\x07", "%s", "b\nc\x1b");
    ck_assert_str_eq(print(), "a.yaml:1:1: error: b\xef\xbf\xbd"
                              "c\xef\xbf\xbd\n"
                              "    1 | a: \xef\xbf\xbd[31mred\xef\xbf\xbd\n"
                              "      | ^\n"
                              "      = hint: \xef\xbf\xbd\n"
                              "1 error\n");
}
END_TEST

START_TEST(a_long_line_shows_as_a_window_around_the_place)
{
    static char line[5000]; /* characters of three bytes */
    for (size_t i = 0; i < sizeof line / 3 * 3 - 3; i++) {
        line[i] = "\xe2\x82\xac"[i % 3];
    }
    uint32_t file = add_file(line);
    const size_t offsets[] = {0, 3, 300, 2400, sizeof line - 5, sizeof line};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct place place = diagnostics_place(diagnostics, file, offsets[i], 9000);
        diagnostics_add(diagnostics, place, NULL, "x");
    }
    const char *text = print();
    ck_assert_ptr_null(strstr(text, "\xef\xbf\xbd")); /* no character was cut */
    ck_assert_ptr_nonnull(strstr(text, "    1 | ...\xe2\x82\xac"));
    for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
        ck_assert_uint_lt(strcspn(at, "\n"), 200);
    }
}
END_TEST

START_TEST(shows_a_bounded_number_and_counts_the_rest)
{
    uint32_t file = add_file("a\n");
    for (int i = 0; i < DIAGNOSTICS_MAX; i++) {
        diagnostics_add(diagnostics, (struct place){.file = file}, NULL, "error %d", i);
    }
    ck_assert_ptr_null(strstr(print(), "are shown"));
    diagnostics_add(diagnostics, (struct place){.file = file}, NULL, "one too many");
    ck_assert_uint_eq(diagnostics_count(diagnostics), DIAGNOSTICS_MAX + 1);
    const char *text = print();
    ck_assert_ptr_nonnull(strstr(text, "error 99\n101 errors (the first 100 are shown)\n"));
    ck_assert_ptr_null(strstr(text, "one too many"));
}
END_TEST

START_TEST(places_are_lines_and_bytes)
{
    uint32_t file = add_file("\nab\n\nc");
    static const struct {
        size_t offset;
        uint32_t line;
        uint32_t column;
    } rows[] = {{0, 1, 1}, {1, 2, 1}, {2, 2, 2}, {3, 2, 3}, {4, 3, 1}, {5, 4, 1}, {6, 4, 2}, {99, 4, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct place place = diagnostics_place(diagnostics, file, rows[i].offset, 1);
        ck_assert_uint_eq(place.line, rows[i].line);
        ck_assert_uint_eq(place.column, rows[i].column);
    }
    ck_assert_uint_eq(diagnostics_place(diagnostics, 7, 0, 1).line, 0);
}
END_TEST

START_TEST(finds_noted_keys_and_falls_back_to_the_mapping)
{
    struct place outer = {.file = 1, .line = 1, .column = 1};
    struct place inner = {.file = 1, .line = 3, .column = 5};
    struct place twin = {.file = 1, .line = 5, .column = 5};
    diagnostics_note_key(diagnostics, outer, "name", (struct place){.file = 1, .line = 1, .column = 7});
    diagnostics_note_key(diagnostics, outer, "list", (struct place){.file = 1, .line = 2, .column = 1});
    diagnostics_note_key(diagnostics, inner, "id", (struct place){.file = 1, .line = 3, .column = 9});
    diagnostics_note_key(diagnostics, inner, NULL, (struct place){.file = 1, .line = 5, .column = 3});
    diagnostics_note_key(diagnostics, twin, "id", (struct place){.file = 1, .line = 5, .column = 9});
    diagnostics_note_key(diagnostics, twin, NULL, (struct place){.file = 1, .line = 6, .column = 1});
    diagnostics_note_key(diagnostics, outer, "last", (struct place){.file = 1, .line = 6, .column = 7});
    diagnostics_note_key(diagnostics, outer, NULL, (struct place){.file = 1, .line = 7, .column = 1});
    ck_assert_uint_eq(diagnostics_find_key(diagnostics, outer, "name").column, 7);
    ck_assert_uint_eq(diagnostics_find_key(diagnostics, outer, "last").line, 6);
    ck_assert_uint_eq(diagnostics_find_key(diagnostics, inner, "id").line, 3);
    ck_assert_uint_eq(diagnostics_find_key(diagnostics, twin, "id").line, 5);
    ck_assert_uint_eq(diagnostics_find_key(diagnostics, inner, "absent").column, 5);
    ck_assert_uint_eq(diagnostics_find_key(diagnostics, (struct place){0}, "id").line, 0);
}
END_TEST

static void keep_line(void *owner, const char *line, size_t size)
{
    strncat(owner, line, size);
}

START_TEST(goes_to_the_log_a_line_each)
{
    char lines[2000] = "";
    log_set_sink(keep_line, lines);
    uint32_t file = add_file("a: b\n");
    diagnostics_add(diagnostics, diagnostics_place(diagnostics, file, 3, 1), "why", "a: wrong");
    diagnostics_warn(diagnostics, diagnostics_place(diagnostics, file, 3, 1), NULL, "a: odd");
    diagnostics_log(diagnostics, "config");
    log_set_sink(NULL, NULL);
    ck_assert_ptr_nonnull(strstr(lines,
                                 "level=error sub=config event=config_error file=a.yaml line=1 column=4 "
                                 "text=\"a: wrong\" hint=why\n"));
    ck_assert_ptr_nonnull(strstr(lines, "level=warn sub=config event=config_warning"));
}
END_TEST

int main(void)
{
    return suite_run_with("diagnostics", setup, teardown,
                          (const TTest *[]){
                              nothing_to_say_prints_nothing,
                              shows_the_line_with_a_caret_and_a_hint,
                              orders_by_file_and_line_and_counts_errors_and_warnings,
                              the_caret_stands_below_its_character,
                              a_terminal_sees_no_control_characters,
                              a_long_line_shows_as_a_window_around_the_place,
                              shows_a_bounded_number_and_counts_the_rest,
                              places_are_lines_and_bytes,
                              finds_noted_keys_and_falls_back_to_the_mapping,
                              goes_to_the_log_a_line_each,
                              NULL,
                          });
}
