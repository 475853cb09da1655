#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/options.h"
#include "output.h"
#include "scan/fragment.h"
#include "scan/scan.h"
#include "tunnel/tag_words.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_MAX = 1000, RATE_MAX = 1000 };
#define TIMEOUT_LEAST_US CLOCK_US_PER_MS
#define TIMEOUT_MOST_US  (INT64_C(60) * CLOCK_US_PER_S)

static const char epilogue[] =
    "Only reads, one request at a time. Units are found by their answer to a read of holding register 0; "
    "then "
    "each is asked who it is (function 2B/0E) and which addresses it lets be read: as many at once as it "
    "gives, "
    "halved where it refuses. Where a span of --step addresses and its first one are both refused, the "
    "others "
    "are taken for missing: --step 1 asks for each.\n"
    "Ctrl-C ends the scan and shows what was found; with --state the same command goes on from there.\n"
    "\n"
    "Examples:\n"
    "  bourdon scan tcp://192.0.2.10 --units 1-10\n"
    "  bourdon scan tcp://192.0.2.10 --units 1 --addresses 0-65535 --state plc.scan --write plc.yaml\n"
    "  bourdon scan 'rtu:///dev/ttyUSB0?baud=9600' --rate 5 --timeout 200ms --tables holding,input\n"
    "\n"
    "Exit status: 0 done, 1 interrupted, or nobody there, 2 wrong arguments.";

struct scan_arguments {
    const char *units, *addresses, *tables, *step, *rate, *timeout, *state, *write, *format;
    struct plc_access access;
};

struct scan_command {
    struct scan_options options;
    enum output_format format;
    struct plc_access access;
    const char *write;
};

static volatile sig_atomic_t interrupted;

/* ---- arguments ---- */

/* "5" or "1-247", both ends within 0 to `most`. */
static bool parse_span(const char *text, uint64_t most, uint64_t *first, uint64_t *last)
{
    char copy[32];
    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy) {
        return false;
    }
    char *dash = strchr(copy, '-');
    if (dash) {
        *dash = '\0';
    }
    return argument_count(copy, 0, most, first) && argument_count(dash ? dash + 1 : copy, *first, most, last);
}

static bool parse_units(const char *text, const struct plc *plc, bool *units)
{
    char copy[1024];
    char *rest;
    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy) {
        return false;
    }
    for (char *part = strtok_r(copy, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
        uint64_t first;
        uint64_t last;
        if (!parse_span(part, SURVEY_UNITS - 1, &first, &last) || !plc_unit_is_possible(plc, first) ||
            !plc_unit_is_possible(plc, last)) {
            return false;
        }
        for (uint64_t id = first; id <= last; id++) {
            units[id] = true;
        }
    }
    return *text != '\0';
}

static bool parse_tables(const char *text, bool *tables)
{
    char copy[64];
    char *rest;
    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy) {
        return false;
    }
    for (char *part = strtok_r(copy, ",", &rest); part; part = strtok_r(NULL, ",", &rest)) {
        const struct option_choice *table = tag_word_find(tag_tables, part);
        if (!table || table->value == TABLE_NONE) {
            return false;
        }
        tables[table->value] = true;
    }
    return *text != '\0';
}

static bool understand(const struct command_line *line, const struct scan_arguments *given,
                       struct scan_command *command)
{
    uint64_t first = 0;
    uint64_t last = 0;
    uint64_t step = 0;
    uint64_t rate = 0;
    if (!parse_span(given->addresses, PDU_ADDRESSES - 1, &first, &last)) {
        arguments_complain(line, "--addresses %s: it is FIRST-LAST within 0 to 65535", given->addresses);
    } else if (!parse_tables(given->tables, command->options.tables)) {
        arguments_complain(line, "--tables %s: it is a list of coil, discrete, input, holding",
                           given->tables);
    } else if (!argument_count(given->step, 1, STEP_MAX, &step)) {
        arguments_complain(line, "--step %s: it is 1 to %d", given->step, STEP_MAX);
    } else if (!argument_count(given->rate, 1, RATE_MAX, &rate)) {
        arguments_complain(line, "--rate %s: it is 1 to %d requests a second", given->rate, RATE_MAX);
    } else if (!option_parse_duration(given->timeout, &command->access.timeout_us) ||
               command->access.timeout_us < TIMEOUT_LEAST_US ||
               command->access.timeout_us > TIMEOUT_MOST_US) {
        arguments_complain(line, "--timeout %s: it is a duration from 1ms to 1min", given->timeout);
    } else if (!output_format_parse(given->format, &command->format)) {
        arguments_complain(line, "--format %s: it is table, csv or json", given->format);
    } else {
        command->access.certificate = given->access.certificate;
        command->access.key = given->access.key;
        command->access.ca = given->access.ca;
        command->access.pin = given->access.pin;
        command->options.first = (uint32_t)first;
        command->options.end = (uint32_t)last + 1;
        command->options.step = (uint32_t)step;
        command->options.interval_us = CLOCK_US_PER_S / (int64_t)rate;
        command->options.state = given->state;
        command->write = given->write;
        return true;
    }
    return false;
}

/* ---- what was found ---- */

static const struct output_column columns[] = {
    {.name = "unit", .width = 4, .right = true},  {.name = "table", .width = 8},
    {.name = "first", .width = 6, .right = true}, {.name = "last", .width = 6, .right = true},
    {.name = "count", .width = 6, .right = true}, {.name = "device", .width = 0},
};

static void show_ranges(struct output *output, size_t id, const struct survey_unit *unit, int table)
{
    const struct finder_known *known = &unit->tables[table];
    for (size_t i = 0; i < known->count; i++) {
        output_u64(output, id);
        output_text(output, tag_word_name(tag_tables, table));
        output_u64(output, known->ranges[i].first);
        output_u64(output, known->ranges[i].end - 1);
        output_u64(output, known->ranges[i].end - known->ranges[i].first);
        output_text(output, unit->device);
        output_end_row(output);
    }
}

/* A unit of which nothing can be read is worth a row, too. */
static void show_unit(struct output *output, size_t id, const struct survey_unit *unit)
{
    uint64_t before = output->rows;
    for (int table = TABLE_COIL; table < SURVEY_TABLES; table++) {
        show_ranges(output, id, unit, table);
    }
    if (output->rows == before) {
        output_u64(output, id);
        for (size_t i = 0; i < 4; i++) {
            output_none(output);
        }
        output_text(output, unit->device);
        output_end_row(output);
    }
}

static bool show(const struct survey *survey, enum output_format format, bool complete)
{
    struct output output = output_start(stdout, format, columns, ARRAY_LENGTH(columns));
    for (size_t id = 0; id < SURVEY_UNITS; id++) {
        if (survey->units[id].state == SURVEY_PRESENT) {
            show_unit(&output, id, &survey->units[id]);
        }
    }
    if (output.rows == 0 && complete) {
        fputs(
            "bourdon scan: no unit answers. Slow devices need a longer --timeout; on a serial line speed and "
            "parity must be right.\n",
            stderr);
    }
    return output_finish(&output);
}

static bool write_fragment(const struct survey *survey, const char *path)
{
    struct err_text why;
    if (!fragment_is_worthwhile(survey)) {
        fprintf(stderr, "bourdon scan: nothing can be read: %s is not written\n", path);
        return false;
    }
    if (survey_replace(path, fragment_write, survey, &why) != ERR_OK) {
        fprintf(stderr, "bourdon scan: %s\n", why.text);
        return false;
    }
    return true;
}

/* ---- running ---- */

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static void say_end(const struct scan *scan, enum scan_end end)
{
    if (end == SCAN_FAILED) {
        fprintf(stderr, "bourdon scan: %s: %s\n  %s\n", scan->plc->name, scan->why.text, scan->next);
    } else if (end == SCAN_INTERRUPTED) {
        fprintf(stderr, "bourdon scan: interrupted; %s\n",
                scan->options->state ? "the same command goes on from here"
                                     : "with --state FILE it could go on from here");
    }
}

static int run(struct scan *scan, const struct scan_command *command)
{
    /* Restarted calls end by their own time-outs. */
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    enum scan_end end = scan_run(scan);
    say_end(scan, end);
    bool good = show(scan->survey, command->format, end == SCAN_DONE) && end == SCAN_DONE;
    if (command->write) {
        good &= write_fragment(scan->survey, command->write);
    }
    return good ? STATUS_OK : STATUS_FAILED;
}

static int open_and_run(const struct command_line *line, const char *url, const char *units,
                        struct scan_command *command)
{
    struct plc plc = {.link = NULL};
    struct err_text why;
    enum err result = plc_open(&plc, url, &command->access, &why);
    struct survey *survey = malloc(sizeof *survey);
    int status = STATUS_USAGE;
    if (result != ERR_OK || !survey) {
        arguments_complain(line, "%s", result != ERR_OK ? why.text : err_name(ERR_NO_MEMORY));
    } else if (!parse_units(units, &plc, command->options.units)) {
        arguments_complain(
            line, "--units %s: it is a list such as 1-10,20 within 0 to 255, on a serial line 1 to 247",
            units);
    } else {
        survey_init(survey, url);
        survey->access = &command->access;
        result = command->options.state ? survey_load(survey, command->options.state, &why) : ERR_OK;
        struct scan scan = {
            .options = &command->options, .plc = &plc, .survey = survey, .interrupted = &interrupted};
        if (result != ERR_OK) {
            fprintf(stderr, "bourdon scan: %s\n", why.text);
        }
        status = result == ERR_OK ? run(&scan, command) : STATUS_USAGE;
        survey_fini(survey);
    }
    free(survey);
    plc_close(&plc);
    return status;
}

int cmd_scan(int argc, char **argv)
{
    struct scan_arguments given = {
        .units = "1-247",
        .addresses = "0-9999",
        .tables = "coil,discrete,input,holding",
        .step = "16",
        .rate = "20",
        .timeout = "500ms",
    };
    const struct argument table[] = {
        {"units", 'u', "LIST", "Units to look for: 1-10,20. Default: 1-247.", &given.units, NULL},
        {"addresses", 'a', "FIRST-LAST", "Addresses to look at, from 0. Default: 0-9999.", &given.addresses,
         NULL},
        {"tables", 0, "LIST", "Default: coil,discrete,input,holding.", &given.tables, NULL},
        {"step", 0, "N", "Shorter ranges may be overlooked. Default: 16.", &given.step, NULL},
        {"rate", 'r', "N", "Requests a second at most. Default: 20.", &given.rate, NULL},
        {"timeout", 't', "TIME", "How long to wait for an answer. Default: 500ms.", &given.timeout, NULL},
        {"state", 's', "FILE", "Keep what is known there, and go on from it.", &given.state, NULL},
        {"write", 'w', "FILE", "Write a fragment of a bridge's configuration.", &given.write, NULL},
        PLC_TLS_ARGUMENTS(given.access),
        {"format", 0, "FORMAT", "table, csv or json (one object a line). Default: table.", &given.format,
         NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon scan",
        .summary = "Finds the units behind a URL and the addresses that can be read.",
        .usage = "URL [options]",
        .arguments = table,
        .positional_help = "URL: tcp://HOST[:PORT], tls://HOST[:PORT] or rtu:///dev/ttyS0?baud=19200, as in "
                           "a bridge's configuration.",
        .epilogue = epilogue,
    };
    size_t count;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &count);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    struct scan_command command = {.write = NULL};
    if (count != 1) {
        arguments_complain(&line, "one URL is needed, %zu were given", count);
        return STATUS_USAGE;
    }
    return understand(&line, &given, &command) ? open_and_run(&line, argv[0], given.units, &command)
                                               : STATUS_USAGE;
}
