#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/clock.h"
#include "base/options.h"
#include "progress.h"
#include "send/input.h"
#include "send/run.h"
#include "tunnel/frame.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_MAX_S = 24 * 3600 };

static const char epilogue[] =
    "Readings: NAME=VALUE with the unit behind the value if there is one (4.2bar). A value is a number,"
    " true, false, or text in double quotes. Without any, lines of standard input are sent: CSV that "
    "begins with the names of its columns (tag, value; and time, unit, quality if known), or one JSON "
    "object a line with those keys. Readings without a time get that of now.\n"
    "\n"
    "Nothing is sent if a line is bad, unless --skip-bad. The exit status says whether everything is "
    "durable. After a failure it is unknown what was stored: with --resume the same command can be "
    "repeated until it succeeds, and nothing is stored twice.\n"
    "\n"
    "Examples:\n"
    "  bourdon send --server control.example --ca ca.pem --certificate dev.pem --key dev.key "
    "tank/level=4.2m\n"
    "  bourdon send --server ... --resume dev.state pump/running=true 'pump/mode=\"auto\"'\n"
    "  bourdon send --server ... --resume import.state < history.csv\n"
    "\n"
    "Exit status: 0 committed (or known to the server already), 1 not committed, or not known to be, 2 "
    "wrong arguments or input: nothing was sent.";

struct send_arguments {
    const char *server, *batch, *timeout, *format;
    bool skip_bad;
    struct run_options run;
    struct progress progress;
};

/* ---- readings ---- */

static bool add_arguments(char **texts, size_t count, struct series *series)
{
    uint64_t bad = 0;
    for (size_t i = 0; i < count; i++) {
        struct err_text why;
        struct item item;
        enum err result = item_from_argument(texts[i], &item, &why);
        if (result == ERR_OK) {
            result = series_add(series, &item, &why);
        }
        if (result != ERR_OK) {
            fprintf(stderr, "bourdon send: %s\n", why.text);
            bad++;
        }
    }
    return bad == 0;
}

static void show_progress(void *owner, uint64_t lines)
{
    struct send_arguments *given = owner;
    progress_show(&given->progress, "read", lines, 0, "lines", clock_mono_us());
}

static bool add_lines(struct send_arguments *given, struct series *series)
{
    struct err_text why;
    struct input input = {.file = stdin,
                          .name = "standard input",
                          .series = series,
                          .complaints = stderr,
                          .progress = show_progress,
                          .owner = given};
    if (isatty(STDIN_FILENO)) {
        fputs("bourdon send: reading lines from the terminal; end with Ctrl-D\n", stderr);
    }
    enum err result = input_read(&input, &why);
    progress_clear(&given->progress);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon send: %s\n", why.text);
        return false;
    }
    if (input.bad > 0) {
        fprintf(stderr, "bourdon send: %" PRIu64 " of %" PRIu64 " lines are bad%s\n", input.bad, input.lines,
                given->skip_bad ? "; the others are sent" : "");
    }
    return input.bad == 0 || given->skip_bad;
}

static int send_readings(struct send_arguments *given, char **texts, size_t count)
{
    struct series *series = series_new();
    if (!series) {
        fputs("bourdon send: out of memory\n", stderr);
        return STATUS_FAILED;
    }
    bool good = count > 0 ? add_arguments(texts, count, series) : add_lines(given, series);
    if (good && series_count(series) == 0) {
        fputs("bourdon send: no readings\n", stderr);
        good = false;
    }
    if (!good) {
        fputs("bourdon send: nothing was sent\n", stderr);
        series_free(series);
        return STATUS_USAGE;
    }
    struct err_text why = {0};
    given->run.series = series;
    bool durable = run_send(&given->run, &why);
    if (!durable && why.text[0]) {
        fprintf(stderr, "bourdon send: not committed: %s\n", why.text);
    }
    series_free(series);
    return durable ? STATUS_OK : STATUS_FAILED;
}

/* ---- arguments ---- */

/* HOST:PORT, or HOST alone for the usual port. */
static bool split_server(const char *text, struct run_options *run)
{
    char with_port[IO_HOST_MAX + IO_PORT_MAX];
    if (io_split_address(text, run->host, run->port)) {
        return true;
    }
    int size = snprintf(with_port, sizeof with_port, "%s:%d", text, TUNNEL_PORT);
    return size < (int)sizeof with_port && io_split_address(with_port, run->host, run->port);
}

static bool understand(const struct command_line *line, struct send_arguments *given)
{
    struct run_options *run = &given->run;
    run->max_readings = 1000;
    run->timeout_us = 30 * CLOCK_US_PER_S;
    run->tls.side = TLS_CLIENT;
    run->tls.alpn = "bourdon/1";
    if (!given->server || !run->tls.ca || !run->tls.certificate || !run->tls.key) {
        arguments_complain(line, "--server, --ca, --certificate and --key are needed");
    } else if (!split_server(given->server, run)) {
        arguments_complain(line, "--server %s: it is HOST or HOST:PORT", given->server);
    } else if (given->batch && !argument_count(given->batch, 1, BATCH_READINGS_MAX, &run->max_readings)) {
        arguments_complain(line, "--batch %s: it is a whole number from 1 to %d", given->batch,
                           BATCH_READINGS_MAX);
    } else if (given->timeout && (!option_parse_duration(given->timeout, &run->timeout_us) ||
                                  run->timeout_us <= 0 || run->timeout_us > TIMEOUT_MAX_S * CLOCK_US_PER_S)) {
        arguments_complain(line, "--timeout %s: it is a duration such as 500ms, 30s or 5min, at most a day",
                           given->timeout);
    } else if (!output_format_parse(given->format, &run->format)) {
        arguments_complain(line, "--format %s: it is table, csv or json", given->format);
    } else if (run->abandon && !run->resume) {
        arguments_complain(line, "--abandon needs --resume");
    } else {
        return true;
    }
    return false;
}

int cmd_send(int argc, char **argv)
{
    struct send_arguments given = {0};
    struct run_options *run = &given.run;
    const struct argument table[] = {
        {"server", 's', "HOST[:PORT]", "The control server. Port 8443 unless said.", &given.server, NULL},
        {"ca", 0, "FILE", "PEM file with the authority the server's certificate must come from.",
         &run->tls.ca, NULL},
        {"certificate", 0, "FILE", "PEM file with this device's certificate.", &run->tls.certificate, NULL},
        {"key", 0, "FILE", "PEM file with its key.", &run->tls.key, NULL},
        {"crl", 0, "FILE", "PEM file with revocation lists; without it nothing counts as revoked.",
         &run->tls.crl, NULL},
        {"resume", 'r', "FILE", "Remember there what was sent, so that a failed run can be repeated safely.",
         &run->resume, NULL},
        {"abandon", 0, NULL, "Give up the unfinished run that the resume file remembers.", NULL,
         &run->abandon},
        {"batch", 'n', "N", "At most N readings a batch. Default: 1000.", &given.batch, NULL},
        {"timeout", 't', "TIME", "Give up when the server is silent for so long. Default: 30s.",
         &given.timeout, NULL},
        {"skip-bad", 0, NULL, "Say which lines are bad, and send the others.", NULL, &given.skip_bad},
        {"quiet", 'q', NULL, "Show no answers; the exit status says it all.", NULL, &run->quiet},
        {"format", 0, "FORMAT",
         "How answers are shown: table, csv or json (one object a line). Default: table.", &given.format,
         NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon send",
        .summary =
            "Sends readings to a control server as a device would, and waits until they are durable there.",
        .usage = "--server HOST --ca FILE --certificate FILE --key FILE [READING]... [options]",
        .arguments = table,
        .positional_help = "READING: NAME=VALUE or NAME=VALUEUNIT. Without any: lines of standard input.",
        .epilogue = epilogue,
    };
    size_t count;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &count);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    return understand(&line, &given) ? send_readings(&given, argv, count) : STATUS_USAGE;
}
