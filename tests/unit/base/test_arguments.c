#include "base/arguments.h"
#include "base/array.h"
#include "support/capture.h"
#include "support/suite.h"

#include <string.h>
#include <unistd.h>

static const char *config;
static bool check;
static bool follow;

static const struct argument table[] = {
    {.name = "config", .letter = 'c', .value = "FILE", .help = "Read the configuration.", .text = &config},
    {.name = "check-config", .help = "Check the configuration and stop.", .flag = &check},
    {.name = "follow", .letter = 'f', .help = "Wait for more.", .flag = &follow},
    ARGUMENTS_END,
};

static const struct command_line strict_line = {
    .program = "bourdon-x", .summary = "Does x.", .usage = "-c FILE [options]", .arguments = table};

static const struct command_line open_line = {.program = "bourdon-x",
                                              .summary = "Does x.",
                                              .usage = "-c FILE [options] TAG...",
                                              .arguments = table,
                                              .positional_help = "TAG...  which tags"};

static char output[8192];

/* Parses with stdout or stderr caught in `output`. */
static enum arguments_result parse(const struct command_line *line, int stream, int argc, char **argv,
                                   size_t *positional)
{
    struct capture capture = capture_start(stream);
    enum arguments_result result = arguments_parse(line, argc, argv, positional);
    capture_stop(&capture, output, sizeof output);
    return result;
}

enum { WORDS_MAX = 6 };

static size_t copy_words(const char *const *words, char **argv)
{
    static char space[WORDS_MAX][64];
    size_t count = 0;
    argv[count++] = space[0];
    for (; words[count - 1]; count++) {
        snprintf(space[count], sizeof space[count], "%s", words[count - 1]);
        argv[count] = space[count];
    }
    return count;
}

START_TEST(takes_values_and_flags_in_every_form)
{
    static const struct {
        const char *name;
        const char *words[WORDS_MAX];
        const char *config;
        bool check;
        bool follow;
    } rows[] = {
        {"nothing", {NULL}, NULL, false, false},
        {"long, separate", {"--config", "a.yaml"}, "a.yaml", false, false},
        {"long, joined", {"--config=a=b.yaml"}, "a=b.yaml", false, false},
        {"empty value", {"--config="}, "", false, false},
        {"short", {"-c", "a.yaml", "-f"}, "a.yaml", false, true},
        {"the last one wins", {"-c", "a", "--config", "b"}, "b", false, false},
        {"a value may begin with one dash", {"-c", "-"}, "-", false, false},
        {"flags", {"--check-config", "--follow"}, NULL, true, true},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        config = NULL;
        check = follow = false;
        char *argv[WORDS_MAX];
        size_t positional;
        int argc = (int)copy_words(rows[i].words, argv);
        ck_assert_msg(arguments_parse(&strict_line, argc, argv, &positional) == ARGUMENTS_RUN, "%s",
                      rows[i].name);
        ck_assert_pstr_eq(config, rows[i].config);
        ck_assert_msg(check == rows[i].check && follow == rows[i].follow, "%s", rows[i].name);
        ck_assert_uint_eq(positional, 0);
    }
}
END_TEST

START_TEST(moves_positional_arguments_to_the_front)
{
    char *argv[WORDS_MAX];
    size_t positional;
    int argc = (int)copy_words((const char *const[]){"one", "-f", "--", "--two", "-", NULL}, argv);
    ck_assert_int_eq(arguments_parse(&open_line, argc, argv, &positional), ARGUMENTS_RUN);
    ck_assert_uint_eq(positional, 3);
    ck_assert_str_eq(argv[0], "one");
    ck_assert_str_eq(argv[1], "--two");
    ck_assert_str_eq(argv[2], "-");
    ck_assert(follow);
}
END_TEST

START_TEST(says_what_is_wrong_and_how_to_get_help)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *message;
    } rows[] = {
        {{"--confg", "a"}, "bourdon-x: unknown option \"--confg\"; did you mean \"--config\"?\n"},
        {{"--check_config"}, "did you mean \"--check-config\"?\n"},
        {{"--colour=red"}, "bourdon-x: unknown option \"--colour=red\"\n"},
        {{"-x"}, "bourdon-x: unknown option \"-x\"\n"},
        {{"-fc"}, "bourdon-x: unknown option \"-fc\"\n"},
        {{"-c"}, "bourdon-x: --config needs a value: --config=FILE\n"},
        {{"--config", "--follow"}, "bourdon-x: --config needs a value: --config=FILE\n"},
        {{"--follow=yes"}, "bourdon-x: --follow takes no value\n"},
        {{"a.yaml"}, "bourdon-x: unexpected argument \"a.yaml\"\n"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char *argv[WORDS_MAX];
        size_t positional;
        int argc = (int)copy_words(rows[i].words, argv);
        ck_assert_int_eq(parse(&strict_line, STDERR_FILENO, argc, argv, &positional), ARGUMENTS_WRONG);
        ck_assert_msg(strstr(output, rows[i].message) != NULL, "%s", output);
        ck_assert_ptr_nonnull(strstr(output, "Try \"bourdon-x --help\""));
    }
}
END_TEST

START_TEST(answers_help_and_version)
{
    char *argv[WORDS_MAX];
    size_t positional;
    int argc = (int)copy_words((const char *const[]){"-h", NULL}, argv);
    ck_assert_int_eq(parse(&open_line, STDOUT_FILENO, argc, argv, &positional), ARGUMENTS_DONE);
    ck_assert_str_eq(output, "Does x.\n"
                             "\n"
                             "Usage: bourdon-x -c FILE [options] TAG...\n"
                             "\n"
                             "Arguments:\n"
                             "  TAG...  which tags\n"
                             "\n"
                             "Options:\n"
                             "  -c, --config FILE         Read the configuration.\n"
                             "      --check-config        Check the configuration and stop.\n"
                             "  -f, --follow              Wait for more.\n"
                             "  -h, --help                Show this help.\n"
                             "      --version             Show the version.\n"
                             "      --man                 Print the manual page, as roff.\n");
    argc = (int)copy_words((const char *const[]){"--version", NULL}, argv);
    ck_assert_int_eq(parse(&open_line, STDOUT_FILENO, argc, argv, &positional), ARGUMENTS_DONE);
    ck_assert_str_eq(output, "bourdon-x " BOURDON_VERSION "\n");
}
END_TEST

START_TEST(help_stays_within_the_width_of_a_terminal)
{
    static const char long_help[] =
        "Writes one event a line in the format that journald, Loki or a person reads best, which is "
        "logfmt unless a machine further down the line asked for JSON, and never anything else.";
    const struct argument one[] = {
        {.name = "a-rather-long-name", .value = "PLACEHOLDER", .help = long_help, .flag = &check},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "x", .summary = long_help, .usage = "", .arguments = one, .epilogue = long_help};
    char *argv[WORDS_MAX];
    size_t positional;
    int argc = (int)copy_words((const char *const[]){"--help", NULL}, argv);
    ck_assert_int_eq(parse(&line, STDOUT_FILENO, argc, argv, &positional), ARGUMENTS_DONE);
    size_t lines = 0;
    for (char *at = output; *at; at += strcspn(at, "\n") + 1, lines++) {
        ck_assert_uint_le(strcspn(at, "\n"), 90);
    }
    ck_assert_uint_gt(lines, 9);
}
END_TEST

int main(void)
{
    return suite_run("arguments", (const TTest *[]){
                                      takes_values_and_flags_in_every_form,
                                      moves_positional_arguments_to_the_front,
                                      says_what_is_wrong_and_how_to_get_help,
                                      answers_help_and_version,
                                      help_stays_within_the_width_of_a_terminal,
                                      NULL,
                                  });
}
