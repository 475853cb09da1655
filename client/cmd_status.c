#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/array.h"
#include "daemon_answer.h"

#include <unistd.h>

/* Where the packages' units put the sockets. */
static const char *const usual_sockets[] = {"/run/bourdon-bridge/bridge.sock",
                                            "/run/bourdon-server/server.sock"};

static const char epilogue[] =
    "Asks the daemons behind the sockets, which their configurations name with \"control\".\n"
    "\n"
    "Examples:\n"
    "  bourdon status\n"
    "  bourdon status /run/bourdon-bridge/bridge.sock\n"
    "  bourdon status bridge.sock --format json | jq .uplink.state\n"
    "  bourdon status --end-session 12\n"
    "\n"
    "Exit status: 0 every daemon answered, 1 one did not, 2 wrong arguments.";

static int end_session(const char *path, const char *number)
{
    char request[64];
    snprintf(request, sizeof request, "end-session %s", number);
    return daemon_answer_show("bourdon status", path, request, OUTPUT_TABLE) ? STATUS_OK : STATUS_FAILED;
}

static int ask_all(const char *const *paths, size_t count, enum output_format format)
{
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && format == OUTPUT_TABLE) {
            fputc('\n', stdout);
        }
        good &= daemon_answer_show("bourdon status", paths[i], "status", format);
    }
    return good && fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}

static int ask_usual(enum output_format format)
{
    const char *there[ARRAY_LENGTH(usual_sockets)];
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(usual_sockets); i++) {
        if (access(usual_sockets[i], F_OK) == 0) {
            there[count++] = usual_sockets[i];
        }
    }
    if (count > 0) {
        return ask_all(there, count, format);
    }
    fprintf(stderr, "bourdon status: there is no %s and no %s: name the socket of a daemon\n",
            usual_sockets[0], usual_sockets[1]);
    return STATUS_FAILED;
}

int cmd_status(int argc, char **argv)
{
    const char *format_text = NULL;
    const char *session = NULL;
    const struct argument table[] = {
        {"end-session", 0, "NUMBER", "Close this session of a bridge's gateway.", &session, NULL},
        {"format", 0, "FORMAT", "table or json (as the daemon gave it). Default: table.", &format_text, NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon status",
        .summary = "Asks bridges, servers and simulators on this machine how they are.",
        .usage = "[SOCKET]... [options]",
        .arguments = table,
        .positional_help =
            "SOCKET: the control socket of a daemon. Without any, those of the installed services.",
        .epilogue = epilogue,
    };
    size_t count;
    enum output_format format;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &count);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    if (!output_format_parse(format_text, &format) || format == OUTPUT_CSV) {
        arguments_complain(&line, "--format %s: it is table or json", format_text);
        return STATUS_USAGE;
    }
    uint64_t number;
    if (session && !argument_count(session, 1, INT64_MAX, &number)) {
        arguments_complain(&line, "--end-session %s: it is the number that status shows", session);
        return STATUS_USAGE;
    }
    if (session) {
        return end_session(count > 0 ? argv[0] : usual_sockets[0], session);
    }
    return count > 0 ? ask_all((const char *const *)argv, count, format) : ask_usual(format);
}
