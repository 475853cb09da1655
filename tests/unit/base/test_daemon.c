#include "base/array.h"
#include "base/daemon.h"
#include "base/log.h"
#include "support/capture.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct box {
    struct place place;
    char *name;
    int64_t low;
    int64_t high;
};

static const struct option box_table[] = {
    {.name = "name",
     .kind = OPTION_STRING,
     .offset = offsetof(struct box, name),
     .fallback = "cell",
     .help = "How the box is called."},
    {.name = "low", .kind = OPTION_INT, .offset = offsetof(struct box, low), .fallback = "1"},
    {.name = "high", .kind = OPTION_INT, .offset = offsetof(struct box, high), .fallback = "2"},
    OPTIONS_END,
};

static void check_box(void *target, struct diagnostics *diagnostics)
{
    const struct box *box = target;
    if (box->low > box->high) {
        diagnostics_add(diagnostics, option_place(diagnostics, box, "low"), NULL, "low: is above high");
    }
    if (box->low == box->high) {
        diagnostics_warn(diagnostics, option_place(diagnostics, box, "low"), NULL, "low: equals high");
    }
}

static const char *own_value;
static const struct argument own_arguments[] = {
    {.name = "seed", .value = "NUMBER", .help = "Seed.", .text = &own_value},
    ARGUMENTS_END,
};

static const struct daemon daemon_with_config = {
    .program = "bourdon-box", .summary = "Is a box.", .table = box_table, .check = check_box};
static const struct daemon daemon_without = {.program = "bourdon-box",
                                             .summary = "Is a box.",
                                             .table = box_table,
                                             .check = check_box,
                                             .arguments = own_arguments,
                                             .config_optional = true};

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static struct box box;
static const char *config;
static char said[16384]; /* stdout, then stderr */

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "box.yaml", path);
}

static void teardown(void)
{
    temporary_remove(folder);
}

static void write_config(const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Starts with the words; "FILE" stands for the path. */
static int start(const struct daemon *daemon, const char *const *words)
{
    enum { WORDS_MAX = 8 };
    static char program[] = "x";
    static char space[WORDS_MAX][TEMPORARY_PATH_MAX];
    char *argv[WORDS_MAX] = {program};
    int argc = 1;
    for (; words[argc - 1]; argc++) {
        argv[argc] = space[argc];
        snprintf(space[argc], sizeof space[argc], "%s",
                 strcmp(words[argc - 1], "FILE") == 0 ? path : words[argc - 1]);
    }
    struct capture out = capture_start(STDOUT_FILENO);
    struct capture err = capture_start(STDERR_FILENO);
    int status = daemon_start(daemon, argc, argv, &box, &config);
    capture_stop(&err, said + sizeof said / 2, sizeof said / 2);
    capture_stop(&out, said, sizeof said / 2);
    memmove(said + strlen(said), said + sizeof said / 2, strlen(said + sizeof said / 2) + 1);
    return status;
}

#define START(daemon, ...) start(daemon, (const char *const[]){__VA_ARGS__, NULL})

static void expect_said(const char *text)
{
    ck_assert_msg(strstr(said, text) != NULL, "no \"%s\" in: %s", text, said);
}

START_TEST(runs_with_a_good_configuration)
{
    write_config("name: boiler\nhigh: 7\n");
    ck_assert_int_eq(START(&daemon_with_config, "-c", "FILE"), DAEMON_RUN);
    ck_assert_str_eq(said, "");
    ck_assert_str_eq(box.name, "boiler");
    ck_assert_int_eq(box.high, 7);
    ck_assert_str_eq(config, path);
    options_free(box_table, &box);
}
END_TEST

START_TEST(runs_on_defaults_where_that_is_allowed)
{
    ck_assert_int_eq(START(&daemon_without, "--seed", "4"), DAEMON_RUN);
    ck_assert_str_eq(box.name, "cell");
    ck_assert_str_eq(own_value, "4");
    ck_assert_ptr_null(config);
    options_free(box_table, &box);
}
END_TEST

START_TEST(wants_a_configuration_where_there_must_be_one)
{
    ck_assert_int_eq(START(&daemon_with_config, "--check-config"), EXIT_USAGE);
    expect_said("which configuration?");
    expect_said("Usage: bourdon-box -c FILE");
}
END_TEST

START_TEST(a_wrong_configuration_is_shown_and_ends_with_status_2)
{
    write_config("low: 5\nhigh: 4\nnmae: x\n");
    ck_assert_int_eq(START(&daemon_with_config, "-c", "FILE"), EXIT_USAGE);
    expect_said("box.yaml:1:6: error: low: is above high\n    1 | low: 5\n");
    expect_said("box.yaml:3:1: error: nmae: unknown key\n");
    expect_said("2 errors\n");
}
END_TEST

START_TEST(rules_across_fields_wait_until_the_file_can_be_read)
{
    write_config("low: 5\n}\n");
    ck_assert_int_eq(START(&daemon_with_config, "-c", "FILE"), EXIT_USAGE);
    expect_said("not valid YAML");
    expect_said("1 error\n");
    ck_assert_int_eq(START(&daemon_with_config, "-c", "/nonexistent/box.yaml"), EXIT_USAGE);
    expect_said("/nonexistent/box.yaml: error: cannot open: No such file or directory\n");
}
END_TEST

START_TEST(answers_and_stops)
{
    write_config("high: 7\n");
    ck_assert_int_eq(START(&daemon_with_config, "-c", "FILE", "--check-config"), EXIT_SUCCESS);
    expect_said("box.yaml: the configuration is good\n");
    ck_assert_int_eq(START(&daemon_with_config, "-c", "FILE", "--print-config"), EXIT_SUCCESS);
    ck_assert_str_eq(said, "name: cell\nlow: 1\nhigh: 7\n");
    ck_assert_int_eq(START(&daemon_with_config, "--help-config"), EXIT_SUCCESS);
    expect_said("name: TEXT  (default cell)\n    How the box is called.\n");
    ck_assert_int_eq(START(&daemon_with_config, "--man"), EXIT_SUCCESS);
    expect_said(".TH BOURDON-BOX 8 ");
    expect_said("\\fB\\-\\-check\\-config\\fR\n");
    expect_said(".TP\n\\fBname:\\fR \\fITEXT\\fR (default cell)\n");
    ck_assert_int_eq(START(&daemon_with_config, "--help"), EXIT_SUCCESS);
    expect_said("--log-level LEVEL");
}
END_TEST

START_TEST(wrong_arguments_end_with_status_2)
{
    write_config("");
    ck_assert_int_eq(START(&daemon_with_config, "-c", "FILE", "--log-level=loud"), EXIT_USAGE);
    expect_said("\"loud\" is none of error, warn, info, debug");
    ck_assert_int_eq(START(&daemon_with_config, "-c", "FILE", "--log-format=xml"), EXIT_USAGE);
    expect_said("\"xml\" is none of logfmt, json");
    ck_assert_int_eq(START(&daemon_with_config, "--seed=1"), EXIT_USAGE);
}
END_TEST

static void keep_line(void *owner, const char *line, size_t size)
{
    strncat(owner, line, size);
}

START_TEST(a_reload_logs_what_is_wrong_and_leaves_nothing_behind)
{
    said[0] = '\0';
    log_set_sink(keep_line, said);
    struct box fresh;
    write_config("low: 5\nhigh: 4\n");
    ck_assert_int_eq(daemon_load(&daemon_with_config, path, &fresh), ERR_CONFIG);
    expect_said("level=error sub=config event=config_error");
    expect_said("line=1 column=6 text=\"low: is above high\"");
    write_config("low: 2\n");
    ck_assert_int_eq(daemon_load(&daemon_with_config, path, &fresh), ERR_OK);
    expect_said("level=warn sub=config event=config_warning");
    options_free(box_table, &fresh);
    log_set_sink(NULL, NULL);
}
END_TEST

int main(void)
{
    return suite_run_with("daemon", setup, teardown,
                          (const TTest *[]){
                              runs_with_a_good_configuration,
                              runs_on_defaults_where_that_is_allowed,
                              wants_a_configuration_where_there_must_be_one,
                              a_wrong_configuration_is_shown_and_ends_with_status_2,
                              rules_across_fields_wait_until_the_file_can_be_read,
                              answers_and_stops,
                              wrong_arguments_end_with_status_2,
                              a_reload_logs_what_is_wrong_and_leaves_nothing_behind,
                              NULL,
                          });
}
