#include "verbs.h"

#include "base/arguments.h"
#include "base/array.h"
#include "daemon_answer.h"
#include "net/control.h"

#include <stdio.h>
#include <string.h>

#define USUAL_SOCKET "/run/bourdon/plcsim.sock"

static const char epilogue[] =
    "Asks the bourdon-plcsim behind the socket that its --control, or \"control\" in its scenario, names.\n"
    "\n"
    "Kinds of faults: delay, late, silence, exception, max-read, hole, reset, half-open, half-close, "
    "duplicate, "
    "truncate, wrong-transaction, wrong-unit, wrong-protocol, wrong-length, wrong-crc, garbage, drip, flood, "
    "freeze, refuse, connection-limit.\n"
    "Where: endpoint=HOST:PORT unit=ID table=TABLE address=N count=N; what is left out means every one. "
    "When: "
    "at=TIME for=TIME times=N chance=0..1. And each kind has its own: delay, jitter, code, bytes, value, "
    "interval, limit. docs/plc-sim.md explains them.\n"
    "\n"
    "Examples:\n"
    "  bourdon-plcsim --control plcsim.sock &\n"
    "  bourdon sim fault add delay unit=1 delay=250ms for=5s -s plcsim.sock\n"
    "  bourdon sim fault add hole table=holding address=4 count=2 -s plcsim.sock\n"
    "  bourdon sim fault list -s plcsim.sock\n"
    "  bourdon sim fault clear all -s plcsim.sock\n"
    "  bourdon sim status -s plcsim.sock --format json\n"
    "\n"
    "Exit status: 0 done, 1 the simulator said no or did not answer, 2 wrong arguments.";

/* Puts the words into one line. */
static bool join(char *const *words, size_t count, char *line, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        int written = snprintf(line + used, size - used, "%s%s", i > 0 ? " " : "", words[i]);
        if (strpbrk(words[i], " \t\r\n") || written < 0 || (size_t)written >= size - used) {
            return false;
        }
        used += (size_t)written;
    }
    return true;
}

/* Whether the simulator knows such a command, as far as its first words say. */
static bool is_command(char *const *words, size_t count)
{
    static const struct {
        const char *second;
        size_t least, most;
    } faults[] = {{"add", 3, SIZE_MAX}, {"list", 2, 2}, {"clear", 3, 3}};
    if (count == 0 || strcmp(words[0], "fault") != 0) {
        return count == 1 && strcmp(words[0], "status") == 0;
    }
    for (size_t i = 0; count > 1 && i < ARRAY_LENGTH(faults); i++) {
        if (strcmp(words[1], faults[i].second) == 0) {
            return count >= faults[i].least && count <= faults[i].most;
        }
    }
    return false;
}

int cmd_sim(int argc, char **argv)
{
    const char *socket = USUAL_SOCKET;
    const char *format_text = NULL;
    const struct argument table[] = {
        {"socket", 's', "SOCKET", "Control socket of the simulator. Default: " USUAL_SOCKET ".", &socket,
         NULL},
        {"format", 0, "FORMAT", "table or json (as the simulator gave it). Default: table.", &format_text,
         NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon sim",
        .summary = "Gives the simulated PLC faults while it runs, and takes them back.",
        .usage = "(status | fault add KIND [KEY=VALUE]... | fault list | fault clear (ID | all)) [options]",
        .arguments = table,
        .positional_help = "What the simulator shall do.",
        .epilogue = epilogue,
    };
    size_t count;
    enum output_format format;
    char request[CONTROL_REQUEST_MAX];
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &count);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    if (!output_format_parse(format_text, &format) || format == OUTPUT_CSV) {
        arguments_complain(&line, "--format %s: it is table or json", format_text);
        return STATUS_USAGE;
    }
    if (!is_command(argv, count)) {
        arguments_complain(&line, "what shall it do? status, fault add KIND, fault list, fault clear ID");
        return STATUS_USAGE;
    }
    if (!join(argv, count, request, sizeof request - 1)) {
        arguments_complain(&line,
                           "a word holds a blank, or there are too many: KEY=VALUE are words of their own");
        return STATUS_USAGE;
    }
    return daemon_answer_show("bourdon sim", socket, request, format) && fflush(stdout) == 0 ? STATUS_OK
                                                                                             : STATUS_FAILED;
}
