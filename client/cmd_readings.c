#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/clock.h"
#include "base/options.h"
#include "readings/question.h"

#include <string.h>

static const char epilogue[] =
    "Readings come sorted by time. Times are those of the response; UTC, as 2026-01-31T23:59:59Z, as seconds "
    "since 1970, or as -15m: so long ago. "
    "Patterns are those of file names: * ? [a-z]. Buckets begin at multiples of their length since 1970; "
    "readings without a number are counted apart.\n"
    "\n"
    "Examples:\n"
    "  bourdon readings store.db --tag 'boiler-1/*' --last 20\n"
    "  bourdon readings store.db --since -1h --format csv > last-hour.csv\n"
    "  bourdon readings store.db --tag boiler-1/pressure --from -24h --every 1m --agg max\n"
    "  bourdon readings store.db --bridge cell-3 --since 2026-01-31T12:00:00Z --until 2026-01-31T13:00:00Z\n"
    "  bourdon readings https://control.example:8088 --ca ca.pem --certificate anna.pem --key anna.key \\\n"
    "      --tag 'boiler-*/pressure' --from -24h --format csv\n"
    "\n"
    "Exit status: 0 shown, 1 the store could not be read, 2 wrong arguments.";

struct readings_arguments {
    const char *tag, *bridge, *quality, *since, *until, *last, *format, *every, *agg;
    struct https_files tls;
};

static bool is_url(const char *source)
{
    return strncmp(source, "https://", 8) == 0 || strncmp(source, "http://", 7) == 0;
}

static int run(const struct readings_question *question)
{
    struct err_text why = {0};
    enum err result = is_url(question->source) ? readings_from_server(question, stdout, &why)
                                               : readings_from_file(question, stdout, &why);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon readings: %s\n", why.text);
    }
    return result == ERR_OK ? STATUS_OK : STATUS_FAILED;
}

static bool understand(const struct command_line *line, const struct readings_arguments *given,
                       const char *source, struct readings_question *question)
{
    *question = (struct readings_question){
        .source = source,
        .tls = given->tls,
        .search = {.tag = given->tag, .bridge = given->bridge, .quality = given->quality, .to_us = INT64_MAX},
    };
    bool url = is_url(source);
    bool tls = given->tls.ca || given->tls.certificate || given->tls.key;
    int64_t now_us = clock_wall_us();
    if (!output_format_parse(given->format, &question->format)) {
        arguments_complain(line, "--format %s: it is table, csv or jsonl", given->format);
    } else if (given->last && !argument_count(given->last, 1, INT64_MAX, &question->last)) {
        arguments_complain(line, "--last %s: it is a whole number from 1", given->last);
    } else if (given->since && !argument_time(given->since, now_us, &question->search.from_us)) {
        arguments_complain(line, "--since %s: it is a time such as 2026-01-31T23:59:59Z or -15m",
                           given->since);
    } else if (given->until && !argument_time(given->until, now_us, &question->search.to_us)) {
        arguments_complain(line, "--until %s: it is a time such as 2026-01-31T23:59:59Z or -15m",
                           given->until);
    } else if (given->every && (!option_parse_duration(given->every, &question->every_us) ||
                                question->every_us < CLOCK_US_PER_MS)) {
        arguments_complain(line, "--every %s: it is a duration from 1ms, such as 1m or 24h", given->every);
    } else if (given->agg && !aggregate_kind_parse(given->agg, &question->kind)) {
        arguments_complain(line, "--agg %s: it is mean, min, max or last", given->agg);
    } else if (given->agg && !given->every) {
        arguments_complain(line, "--agg goes with --every, the length of a bucket");
    } else if (given->every && given->last) {
        arguments_complain(line, "--every and --last exclude each other");
    } else if (given->last && url) {
        arguments_complain(line, "--last is for a file; of a server ask with --from, such as --from -5m");
    } else if (tls && strncmp(source, "https:", 6) != 0) {
        arguments_complain(line, "--ca, --certificate and --key go with https://HOST:PORT");
    } else if (!given->tls.certificate != !given->tls.key) {
        arguments_complain(line, "--certificate and --key go together");
    } else if (question->search.from_us > question->search.to_us) {
        arguments_complain(line, "--since is after --until");
    } else {
        return true;
    }
    return false;
}

int cmd_readings(int argc, char **argv)
{
    struct readings_arguments given = {0};
    const struct argument table[] = {
        {"tag", 't', "PATTERN", "Only tags whose name matches.", &given.tag, NULL},
        {"bridge", 'b', "NAME", "Only of this bridge.", &given.bridge, NULL},
        {"quality", 'q', "PATTERN", "Only of this quality: good, 'bad*'.", &given.quality, NULL},
        {"from", 's', "TIME", "Not older than this; --since is the same.", &given.since, NULL},
        {"to", 'u', "TIME", "Not younger than this; --until is the same.", &given.until, NULL},
        {"since", 0, "TIME", "As --from.", &given.since, NULL},
        {"until", 0, "TIME", "As --to.", &given.until, NULL},
        {"last", 'n', "N", "Only the newest N of those.", &given.last, NULL},
        {"every", 0, "TIME", "Gather them into buckets of this length, such as 1m.", &given.every, NULL},
        {"agg", 0, "HOW", "What a bucket shows: mean (the default), min, max or last.", &given.agg, NULL},
        {"format", 0, "FORMAT", "table, csv or jsonl (one object a line; json is the same). Default: table.",
         &given.format, NULL},
        {"ca", 0, "FILE", "Of a server: certificates (PEM) of the authorities that it may be issued by.",
         &given.tls.ca, NULL},
        {"certificate", 0, "FILE", "Of a server: your certificate (PEM), a reader's.", &given.tls.certificate,
         NULL},
        {"key", 0, "FILE", "Of a server: the private key (PEM) of your certificate.", &given.tls.key, NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon readings",
        .summary = "Shows the readings in a server's store, from its file or by its bourdon-web.",
        .usage = "STORE [options]",
        .arguments = table,
        .positional_help =
            "STORE: the file of a server's store, live or not; it is only read. Or https://HOST:PORT of "
            "a bourdon-web, from anywhere, with --ca, --certificate and --key.",
        .epilogue = epilogue,
    };
    size_t files;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &files);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    struct readings_question question;
    if (files != 1) {
        arguments_complain(&line, "one STORE is needed, %zu were given", files);
        return STATUS_USAGE;
    }
    return understand(&line, &given, argv[0], &question) ? run(&question) : STATUS_USAGE;
}
