#include "base/manual.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

static char *text;
static size_t size;
static FILE *out;

static void setup(void)
{
    out = open_memstream(&text, &size);
}

static void teardown(void)
{
    free(text);
}

static const char *written(void)
{
    fclose(out);
    return text;
}

START_TEST(wraps_between_words_and_indents_what_follows)
{
    static const char words[] =
        "aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff gggggggggg "
        "hhhhhhhhhh";
    manual_paragraph(out, 2, 4, words);
    ck_assert_str_eq(written(),
                     "  aaaaaaaaaa bbbbbbbbbb cccccccccc dddddddddd eeeeeeeeee ffffffffff gggggggggg\n"
                     "    hhhhhhhhhh\n");
}
END_TEST

START_TEST(a_cursor_behind_the_indent_goes_to_a_new_line)
{
    manual_paragraph(out, 5, 4, "word");
    ck_assert_str_eq(written(), "\n    word\n");
}
END_TEST

START_TEST(keeps_line_breaks_spaces_and_indented_lines)
{
    manual_paragraph(out, 0, 2, "First.\n\n  as it  is\nLast  two.\n");
    ck_assert_str_eq(written(), "  First.\n\n    as it  is\n  Last  two.\n");
}
END_TEST

START_TEST(a_word_wider_than_a_line_stays_whole)
{
    char word[200];
    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    manual_paragraph(out, 0, 2, word);
    ck_assert_uint_eq(strlen(written()), 2 + strlen(word) + 1);
}
END_TEST

START_TEST(roff_shows_requests_and_escapes_as_text)
{
    manual_roff(out, ".TH a\\b\n'c --d.");
    ck_assert_str_eq(written(), "\\&.TH a\\eb\n\\&'c \\-\\-d.");
}
END_TEST

START_TEST(roff_keeps_lines_paragraphs_and_examples)
{
    manual_roff_lines(out, "One.\nTwo – 2.\n\nExamples:\n  do it\n  .do\nEnd.");
    ck_assert_str_eq(written(), "One.\n.br\nTwo \\[u2013] 2.\n.PP\nExamples:\n.RS 2\n.nf\ndo it\n\\&.do\n"
                                ".fi\n.RE\nEnd.\n");
}
END_TEST

int main(void)
{
    return suite_run_with("manual", setup, teardown,
                          (const TTest *[]){
                              wraps_between_words_and_indents_what_follows,
                              a_cursor_behind_the_indent_goes_to_a_new_line,
                              keeps_line_breaks_spaces_and_indented_lines,
                              a_word_wider_than_a_line_stays_whole,
                              roff_shows_requests_and_escapes_as_text,
                              roff_keeps_lines_paragraphs_and_examples,
                              NULL,
                          });
}
