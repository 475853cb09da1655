#include "verbs.h"

#include "base/arguments.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/options.h"
#include "daemon_answer.h"
#include "net/control.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

static const char usual_socket[] = "/run/bourdon-server/server.sock";

static const char epilogue[] =
    "States, after ISA-18.2: active (beyond its limit), active_acknowledged (somebody has seen it), returned "
    "(back "
    "inside, and nobody has seen it), normal. A shelved alarm goes on, and is announced to nobody.\n"
    "\n"
    "Examples:\n"
    "  bourdon alarms\n"
    "  bourdon alarms server.sock --all --format jsonl\n"
    "  bourdon alarms --bridge cell-3 --tag boiler-1/pressure --level high --shelve 2h\n"
    "  bourdon alarms --bridge cell-3 --tag boiler-1/pressure --level high --acknowledge\n"
    "\n"
    "Exit status: 0 done, 1 the server did not answer or has no such alarm, 2 wrong arguments.";

struct alarms_arguments {
    const char *bridge, *tag, *level, *shelve, *format;
    bool unshelve, acknowledge, all;
};

static const struct output_column columns[] = {
    {.name = "state", .width = 20},
    {.name = "bridge", .width = 12},
    {.name = "tag", .width = 28},
    {.name = "level", .width = 9},
    {.name = "limit", .width = 10, .right = true},
    {.name = "value", .width = 12, .right = true},
    {.name = "unit", .width = 6},
    {.name = "since", .width = 23},
    {.name = "shelved_until", .width = 23},
};

/* ---- listing ---- */

static const char *member(const struct json_tree *tree, const char *key)
{
    const struct json_node *node = json_member(tree, &tree->nodes[0], key);
    return node && node->kind != JSON_NULL ? node->text : NULL;
}

static void show_time(struct output *output, const char *text)
{
    int64_t at_us = 0;
    if (text && clock_parse(text, &at_us)) {
        output_time(output, at_us);
    } else {
        output_none(output);
    }
}

static void show_number(struct output *output, const char *text)
{
    if (text) {
        output_number(output, text);
    } else {
        output_none(output);
    }
}

static void show_text(struct output *output, const char *text)
{
    output_text(output, text ? text : "");
}

static void show_alarm(struct output *output, const struct json_tree *tree, bool all)
{
    const char *state = member(tree, "state");
    const char *shelved = member(tree, "shelved_until");
    if (!state || (!all && !shelved && strcmp(state, "normal") == 0)) {
        return;
    }
    enum output_tone tone = shelved || strcmp(state, "normal") == 0 ? OUTPUT_PLAIN
                            : strcmp(state, "active") == 0          ? OUTPUT_ALARM
                                                                    : OUTPUT_NOTE;
    output_toned(output, state, tone);
    show_text(output, member(tree, "bridge"));
    show_text(output, member(tree, "tag"));
    show_text(output, member(tree, "level"));
    show_number(output, member(tree, "limit"));
    show_number(output, member(tree, "value"));
    show_text(output, member(tree, "unit"));
    show_time(output, member(tree, "since"));
    show_time(output, shelved);
    output_end_row(output);
}

static enum err show_line(struct output *output, struct json_tree *tree, char *line, bool all,
                          struct err_text *why)
{
    enum err result = json_tree_read(tree, line, strlen(line), why); // which changes the line
    const char *complaint = result == ERR_OK ? member(tree, "error") : NULL;
    if (complaint) {
        return err_set(why, ERR_REFUSED, "the server answers: %s", complaint);
    }
    if (result == ERR_OK) {
        show_alarm(output, tree, all);
    }
    return result;
}

/* Each line of the answer is an alarm. */
static enum err show_lines(struct output *output, struct buffer *answer, bool all, struct err_text *why)
{
    struct json_tree tree = {0};
    enum err result = ERR_OK;
    char *rest = (char *)answer->data + answer->start;
    char *line;
    while (result == ERR_OK && (line = strsep(&rest, "\n"))) {
        result = *line ? show_line(output, &tree, line, all, why) : ERR_OK;
    }
    json_tree_fini(&tree);
    return result;
}

static enum err list(const char *socket, enum output_format format, bool all, struct err_text *why)
{
    struct buffer answer;
    buffer_init(&answer, CONTROL_ANSWER_MAX + 1);
    enum err result = control_ask(socket, all ? "alarms" : "alarms standing", &answer, why);
    if (result == ERR_OK) {
        result = buffer_append(&answer, "", 1);
    }
    if (result == ERR_OK) {
        struct output output = output_start(stdout, format, columns, ARRAY_LENGTH(columns));
        result = show_lines(&output, &answer, all, why);
        uint64_t rows = output.rows;
        bool written = output_finish(&output);
        if (result == ERR_OK && written && rows == 0 && format == OUTPUT_TABLE) {
            puts(all ? "no alarm: the server's configuration has no rules, or no reading of their tags came "
                       "yet"
                     : "no alarm; --all shows those that are normal, too");
        }
        result = written ? result : err_set(why, ERR_IO, "standard output was closed");
    }
    buffer_fini(&answer);
    return result;
}

/* ---- changing ---- */

static enum err change(const char *socket, const struct alarms_arguments *given, struct err_text *why)
{
    char request[CONTROL_REQUEST_MAX];
    if (given->acknowledge) {
        snprintf(request, sizeof request, "acknowledge %s %s %s", given->level, given->bridge, given->tag);
    } else {
        snprintf(request, sizeof request, "shelve %s %s %s %s", given->unshelve ? "0s" : given->shelve,
                 given->level, given->bridge, given->tag);
    }
    struct daemon_answer answer;
    enum err result = daemon_answer_get(socket, request, &answer, why);
    daemon_answer_fini(&answer);
    return result;
}

/* ---- the command line ---- */

static bool understand(const struct command_line *line, const struct alarms_arguments *given)
{
    int64_t for_us;
    int changes = (given->shelve != NULL) + given->unshelve + given->acknowledge;
    bool named = given->bridge && given->tag && given->level;
    if (changes > 1) {
        arguments_complain(line, "--shelve, --unshelve and --acknowledge exclude each other");
    } else if (changes == 1 && !named) {
        arguments_complain(line, "which alarm? --bridge, --tag and --level name it");
    } else if (changes == 0 && (given->bridge || given->tag || given->level)) {
        arguments_complain(line, "--bridge, --tag and --level go with --shelve, --unshelve or --acknowledge");
    } else if (given->shelve && (!option_parse_duration(given->shelve, &for_us) || for_us <= 0)) {
        arguments_complain(line, "--shelve %s: it is a duration such as 30m or 8h", given->shelve);
    } else {
        return true;
    }
    return false;
}

static int run(const char *socket, const struct alarms_arguments *given, enum output_format format)
{
    struct err_text why = {""};
    bool changes = given->shelve || given->unshelve || given->acknowledge;
    enum err result = changes ? change(socket, given, &why) : list(socket, format, given->all, &why);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon alarms: %s\n", why.text);
    }
    return result == ERR_OK ? STATUS_OK : STATUS_FAILED;
}

int cmd_alarms(int argc, char **argv)
{
    struct alarms_arguments given = {0};
    const struct argument table[] = {
        {"all", 'a', NULL, "Also those that are normal.", NULL, &given.all},
        {"bridge", 'b', "NAME", "The bridge of the alarm.", &given.bridge, NULL},
        {"tag", 't', "NAME", "The tag of the alarm.", &given.tag, NULL},
        {"level", 'l', "LEVEL", "high_high, high, low or low_low.", &given.level, NULL},
        {"shelve", 0, "TIME", "Announce the alarm to nobody for so long, at most 30 days.", &given.shelve,
         NULL},
        {"unshelve", 0, NULL, "Take it off the shelf.", NULL, &given.unshelve},
        {"acknowledge", 0, NULL, "Say that somebody has seen it.", NULL, &given.acknowledge},
        {"format", 0, "FORMAT", "table, csv or jsonl (one object a line). Default: table.", &given.format,
         NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon alarms",
        .summary = "Shows the alarms of a control server, and shelves or acknowledges them.",
        .usage = "[SOCKET] [options]",
        .arguments = table,
        .positional_help =
            "SOCKET: the control socket of the server. Default: that of the installed service.",
        .epilogue = epilogue,
    };
    size_t sockets;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &sockets);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    enum output_format format;
    if (sockets > 1) {
        arguments_complain(&line, "one SOCKET, not %zu", sockets);
    } else if (!output_format_parse(given.format, &format)) {
        arguments_complain(&line, "--format %s: it is table, csv or jsonl", given.format);
    } else if (understand(&line, &given)) {
        return run(sockets == 1 ? argv[0] : usual_socket, &given, format);
    }
    return STATUS_USAGE;
}
