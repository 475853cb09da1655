#include "verbs.h"

#include "base/array.h"
#include "support/capture.h"
#include "support/suite.h"

#include <string.h>
#include <unistd.h>

static char said[16 * 1024];

/* Runs `bourdon` with up to two words; what it says on `stream` goes to `said`. */
static int run(int stream, const char *first, const char *second)
{
    char name[] = "bourdon";
    char words[2][64];
    snprintf(words[0], sizeof words[0], "%s", first ? first : "");
    snprintf(words[1], sizeof words[1], "%s", second ? second : "");
    char *argv[] = {name, words[0], words[1], NULL};
    int argc = 1 + (first != NULL) + (second != NULL);
    argv[argc] = NULL;
    struct capture capture = capture_start(stream);
    int status = verbs_run(argc, argv);
    capture_stop(&capture, said, sizeof said);
    return status;
}

static const char *const verbs[] = {"send",  "readings", "acks", "status", "spool",
                                    "watch", "probe",    "scan", "sim",    "compare-truth"};

START_TEST(every_verb_explains_itself)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        ck_assert_int_eq(run(STDOUT_FILENO, verbs[i], "--help"), STATUS_OK);
        ck_assert_msg(strstr(said, "Examples:"), "%s", verbs[i]);
        ck_assert_msg(strstr(said, "Exit status: 0"), "%s", verbs[i]);
        ck_assert_int_eq(run(STDOUT_FILENO, "help", verbs[i]), STATUS_OK);
        ck_assert_msg(strstr(said, "Examples:"), "%s", verbs[i]);
    }
}
END_TEST

START_TEST(every_verb_refuses_wrong_arguments)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        ck_assert_int_eq(run(STDERR_FILENO, verbs[i], "--nonsense"), STATUS_USAGE);
        ck_assert_msg(strstr(said, "unknown option \"--nonsense\""), "%s: %s", verbs[i], said);
        ck_assert_msg(strstr(said, "Usage: bourdon "), "%s: %s", verbs[i], said);
    }
}
END_TEST

START_TEST(the_list_of_verbs_is_the_help)
{
    ck_assert_int_eq(run(STDOUT_FILENO, "--help", NULL), STATUS_OK);
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        ck_assert_msg(strstr(said, verbs[i]), "%s", verbs[i]);
    }
    ck_assert_int_eq(run(STDERR_FILENO, NULL, NULL), STATUS_USAGE);
    ck_assert_ptr_nonnull(strstr(said, "acks"));
}
END_TEST

START_TEST(guesses_a_mistyped_verb)
{
    ck_assert_int_eq(run(STDERR_FILENO, "reading", NULL), STATUS_USAGE);
    ck_assert_ptr_nonnull(strstr(said, "did you mean \"readings\"?"));
    ck_assert_int_eq(run(STDERR_FILENO, "xyzzy", NULL), STATUS_USAGE);
    ck_assert_ptr_null(strstr(said, "did you mean"));
    ck_assert_int_eq(run(STDERR_FILENO, "help", "aks"), STATUS_USAGE);
    ck_assert_ptr_nonnull(strstr(said, "did you mean \"acks\"?"));
}
END_TEST

START_TEST(tells_its_version)
{
    ck_assert_int_eq(run(STDOUT_FILENO, "--version", NULL), STATUS_OK);
    ck_assert_str_eq(said, "bourdon " BOURDON_VERSION "\n");
}
END_TEST

int main(void)
{
    return suite_run("verbs", (const TTest *[]){
                                  every_verb_explains_itself,
                                  every_verb_refuses_wrong_arguments,
                                  the_list_of_verbs_is_the_help,
                                  guesses_a_mistyped_verb,
                                  tells_its_version,
                                  NULL,
                              });
}
