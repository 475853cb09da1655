#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/clock.h"
#include "base/options.h"
#include "plc/plc.h"
#include "probe/show.h"
#include "probe/target.h"

#include <stdlib.h>
#include <time.h>

enum { TIMEOUT_LEAST_MS = 1 };
#define TIMEOUT_MOST_US (INT64_C(600) * CLOCK_US_PER_S)

static const char epilogue[] =
    "Without --as, registers are shown as they are, and every 32- and 64-bit type in every order of its "
    "bytes "
    "side by side, the likeliest one starred: of floats the order in which most are 0 or of a size between "
    "0.0001 and 100 million (of two such the one nearer to 1), of integers the one with the smallest "
    "numbers. Values are taken from the first "
    "address on: where yours begins at an odd one, begin there.\n"
    "\n"
    "URLs are those of a bridge's configuration: tcp://HOST[:PORT] and "
    "rtu:///dev/ttyS0?baud=19200&parity=even&stop=1, and tls://HOST[:PORT]. A bridge that has the same PLC "
    "open goes on "
    "undisturbed, "
    "unless the PLC takes one connection only; a serial line can be asked by one at a time.\n"
    "\n"
    "Examples:\n"
    "  bourdon probe tcp://192.0.2.10 holding 0 10\n"
    "  bourdon probe tcp://192.0.2.10 --unit 3 40101 4 --as float32\n"
    "  bourdon probe tcp://192.0.2.10 holding 100 2 --as float32:CDAB --repeat 0 --interval 500ms --format "
    "csv\n"
    "  bourdon probe 'rtu:///dev/ttyUSB0?baud=9600&parity=none' coil 0 16\n"
    "\n"
    "Exit status: 0 every round was answered, 1 one was not, 2 wrong arguments.";

struct probe_arguments {
    const char *unit, *as, *repeat, *interval, *timeout, *format;
    struct plc_access access;
};

struct probe {
    const struct command_line *line;
    struct plc plc;
    struct plc_span span;
    struct probe_view view;
    enum output_format format;
    uint64_t rounds; /* 0 = until it is interrupted */
    int64_t interval_us;
};

/* Options that need no PLC. */
static bool understand_options(struct probe *probe, struct probe_arguments *given)
{
    const struct command_line *line = probe->line;
    struct err_text why;
    probe->rounds = 1;
    probe->interval_us = CLOCK_US_PER_S;
    given->access.timeout_us = CLOCK_US_PER_S;
    if (!output_format_parse(given->format, &probe->format)) {
        arguments_complain(line, "--format %s: it is table, csv or json", given->format);
    } else if (given->repeat && !argument_count(given->repeat, 0, INT64_MAX, &probe->rounds)) {
        arguments_complain(line, "--repeat %s: it is a whole number; 0 is until Ctrl-C", given->repeat);
    } else if (given->interval &&
               (!option_parse_duration(given->interval, &probe->interval_us) || probe->interval_us < 0)) {
        arguments_complain(line, "--interval %s: it is a duration such as 500ms", given->interval);
    } else if (given->timeout && (!option_parse_duration(given->timeout, &given->access.timeout_us) ||
                                  given->access.timeout_us < TIMEOUT_LEAST_MS * CLOCK_US_PER_MS ||
                                  given->access.timeout_us > TIMEOUT_MOST_US)) {
        arguments_complain(line, "--timeout %s: it is a duration from 1ms to 10min", given->timeout);
    } else if (target_parse_view(given->as, &probe->view, &why) != ERR_OK) {
        arguments_complain(line, "--as: %s", why.text);
    } else {
        return true;
    }
    return false;
}

static bool understand(struct probe *probe, struct probe_arguments *given, char **words, size_t count)
{
    struct err_text why = {0};
    uint64_t unit = 1;
    if (!understand_options(probe, given)) {
        return false;
    }
    if (count == 0) {
        arguments_complain(probe->line, "which PLC? Its URL comes first: tcp://192.0.2.10");
        return false;
    }
    enum err result = plc_open(&probe->plc, words[0], &given->access, &why);
    if (result == ERR_OK && given->unit &&
        (!argument_count(given->unit, 0, UINT8_MAX, &unit) || !plc_unit_is_possible(&probe->plc, unit))) {
        result =
            err_set(&why, ERR_CONFIG, "--unit %s: it is 0 to 255, on a serial line 1 to 247", given->unit);
    }
    if (result == ERR_OK) {
        result = target_parse_span((const char *const *)words + 1, count - 1, &probe->span, &why);
    }
    if (result == ERR_OK) {
        result = target_fit(&probe->view, &probe->span, &why);
    }
    probe->span.unit = (uint8_t)unit;
    if (result != ERR_OK) {
        arguments_complain(probe->line, "%s", why.text);
    }
    return result == ERR_OK;
}

static void rest(int64_t until_us)
{
    int64_t left_us = until_us - clock_mono_us();
    if (left_us > 0) {
        const struct timespec time = {.tv_sec = left_us / CLOCK_US_PER_S,
                                      .tv_nsec = left_us % CLOCK_US_PER_S * 1000};
        nanosleep(&time, NULL);
    }
}

/* One round; false: not answered. A closed output ends the rounds. */
static bool ask_and_show(struct probe *probe, struct show *show, uint16_t *words, bool *writable)
{
    struct plc_answer answer;
    if (!plc_read_words(&probe->plc, &probe->span, words, &answer)) {
        fflush(stdout);
        fprintf(stderr, "bourdon probe: %s: %s\n  %s\n", probe->plc.name, answer.why.text, answer.next);
        return false;
    }
    const struct probe_sample sample = {
        .span = &probe->span,
        .words = words,
        .request_us = answer.request_us,
        .response_us = answer.response_us,
    };
    *writable = show_round(show, &sample);
    return true;
}

static int run(struct probe *probe)
{
    uint16_t *words = calloc(probe->span.quantity, sizeof *words);
    if (!words) {
        fputs("bourdon probe: out of memory\n", stderr);
        return STATUS_FAILED;
    }
    struct show show = show_start(probe->format, &probe->view);
    bool good = true;
    bool writable = true;
    int64_t due_us = clock_mono_us();
    for (uint64_t round = 0; writable && (probe->rounds == 0 || round < probe->rounds); round++) {
        rest(due_us);
        if (round > 0 && probe->format == OUTPUT_TABLE) {
            fputc('\n', stdout);
        }
        good &= ask_and_show(probe, &show, words, &writable);
        due_us += probe->interval_us;
    }
    good &= show_finish(&show) && writable;
    free(words);
    return good ? STATUS_OK : STATUS_FAILED;
}

int cmd_probe(int argc, char **argv)
{
    struct probe_arguments given = {0};
    const struct argument table[] = {
        {"unit", 'u', "ID", "Unit identifier, 0 to 255. Default: 1.", &given.unit, NULL},
        {"as", 'a', "TYPE[:ORDER]",
         "Show values of this type (int16, uint16, int32, uint32, int64, uint64, float32, float64, bcd16, "
         "bcd32, string) in every order, or in one: float32:CDAB.",
         &given.as, NULL},
        {"repeat", 'n', "N", "Ask N times; 0 is until Ctrl-C. Default: 1.", &given.repeat, NULL},
        {"interval", 'i', "TIME", "From one round to the next. Default: 1s.", &given.interval, NULL},
        {"timeout", 't', "TIME", "How long to wait for a connection, and for an answer. Default: 1s.",
         &given.timeout, NULL},
        PLC_TLS_ARGUMENTS(given.access),
        {"format", 0, "FORMAT", "table, csv or json (one object a line). Default: table.", &given.format,
         NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon probe",
        .summary = "Reads a PLC and shows what is there, in every order of bytes.",
        .usage = "URL (TABLE ADDRESS | REFERENCE) [QUANTITY] [options]",
        .arguments = table,
        .positional_help =
            "TABLE is coil, discrete, input or holding; ADDRESS counts from 0, as on the wire. "
            "REFERENCE is a Modicon reference of 5 or 6 digits, which counts from 1: 40101 is "
            "holding 100. QUANTITY is a number of bits or registers.",
        .epilogue = epilogue,
    };
    size_t count;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &count);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    struct probe probe = {.line = &line};
    int status = understand(&probe, &given, argv, count) ? run(&probe) : STATUS_USAGE;
    plc_close(&probe.plc);
    return status;
}
