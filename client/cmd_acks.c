#include "verbs.h"

#include "ack_source.h"
#include "ack_summary.h"
#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/array.h"
#include "output.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { FOLLOW_MS = 100 }; /* how often to look for new rows */

static const char epilogue[] =
    "Shown are the batches that were answered, in that order. In a table the times behind READ are "
    "counted from the batch's oldest reading; CSV and JSON have them as time stamps. A spool knows when"
    " a batch was read, spooled, sent, committed (by the server's clock) and acknowledged; a store when"
    " it was received and committed.\n"
    "\n"
    "Examples:\n"
    "  bourdon acks /var/lib/bourdon/bridge/spool.db --last 20\n"
    "  bourdon acks /var/lib/bourdon/server/store.db --follow --format json\n"
    "  bourdon acks spool.db --summary\n"
    "\n"
    "Exit status: 0 shown, 1 the file could not be read, 2 wrong arguments.";

struct acks_arguments {
    const char *last, *format;
    bool follow, summary;
};

/* What people see of a time: how long after the oldest reading. */
static const struct output_column columns[] = {
    {.name = "bridge", .width = 12},
    {.name = "epoch", .width = 32, .audience = OUTPUT_MACHINES},
    {.name = "seq", .width = 8, .right = true},
    {.name = "kind", .width = 8, .audience = OUTPUT_MACHINES},
    {.name = "readings", .width = 8, .right = true},
    {.name = "bytes", .width = 8, .right = true},
    {.name = "read", .width = 23},
    {.name = "read_until", .width = 23, .audience = OUTPUT_MACHINES},
    {.name = "spooled", .width = 9, .right = true},
    {.name = "sent", .width = 9, .right = true},
    {.name = "received", .width = 9, .right = true},
    {.name = "committed", .width = 9, .right = true},
    {.name = "acked", .width = 9, .right = true},
    {.name = "historical", .width = 5, .audience = OUTPUT_MACHINES},
    {.name = "result", .width = 9},
    {.name = "text", .width = 0},
};

static void show_stage(struct output *output, const struct ack_row *row, int64_t when_us)
{
    if (output->format != OUTPUT_TABLE) {
        output_time(output, when_us);
    } else {
        output_duration(output, when_us != 0 ? when_us - row->first_us : INT64_MIN);
    }
}

static void show_row(struct output *output, const struct ack_row *row)
{
    static const enum output_tone tones[] = {[ACK_COMMITTED] = OUTPUT_GOOD,
                                             [ACK_DUPLICATE] = OUTPUT_NOTE,
                                             [ACK_RETRY_AFTER] = OUTPUT_NOTE,
                                             [ACK_REJECTED] = OUTPUT_ALARM};
    output_text(output, row->bridge);
    output_text(output, row->epoch);
    output_u64(output, row->seq);
    output_text(output, row->kind == BATCH_GAPS ? "gaps" : "readings");
    output_u64(output, row->readings);
    output_u64(output, row->bytes);
    output_time(output, row->first_us);
    output_time(output, row->last_us);
    show_stage(output, row, row->spooled_us);
    show_stage(output, row, row->sent_us);
    show_stage(output, row, row->received_us);
    show_stage(output, row, row->committed_us);
    show_stage(output, row, row->acked_us);
    output_bool(output, row->historical);
    output_toned(output, ack_result_name(row->result),
                 (size_t)row->result < ARRAY_LENGTH(tones) ? tones[row->result] : OUTPUT_PLAIN);
    output_text(output, row->text);
    output_end_row(output);
}

/* Shows what there is now. */
static enum err show_new(struct ack_source *source, struct output *output, struct err_text *why)
{
    struct ack_row rows[ACK_SOURCE_CHUNK];
    size_t count = 1;
    while (count > 0) {
        enum err result = ack_source_read(source, rows, &count, why);
        if (result != ERR_OK) {
            return result;
        }
        for (size_t i = 0; i < count; i++) {
            show_row(output, &rows[i]);
        }
    }
    return ERR_OK;
}

/* Waits a little. False: nobody reads standard output any more. */
static bool wait_for_more(void)
{
    struct pollfd reader = {.fd = STDOUT_FILENO};
    return fflush(stdout) == 0 && poll(&reader, 1, FOLLOW_MS) <= 0;
}

/* What the file cannot know is no column of a table. */
static void choose_columns(const struct ack_source *source, struct output_column *chosen)
{
    static const char *const only_spool[] = {"spooled", "sent", "acked"};
    bool store = ack_source_is_store(source);
    memcpy(chosen, columns, sizeof columns);
    for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
        bool of_spool = false;
        for (size_t j = 0; j < ARRAY_LENGTH(only_spool); j++) {
            of_spool |= strcmp(columns[i].name, only_spool[j]) == 0;
        }
        if (store ? of_spool : strcmp(columns[i].name, "received") == 0) {
            chosen[i].audience = OUTPUT_MACHINES;
        }
    }
}

static enum err show(struct ack_source *source, const struct acks_arguments *arguments,
                     enum output_format format, struct err_text *why)
{
    struct output_column chosen[ARRAY_LENGTH(columns)];
    choose_columns(source, chosen);
    struct output output = output_start(stdout, format, chosen, ARRAY_LENGTH(chosen));
    enum err result = show_new(source, &output, why);
    while (result == ERR_OK && arguments->follow && wait_for_more()) {
        result = show_new(source, &output, why);
    }
    return output_finish(&output) ? result : err_set(why, ERR_IO, "standard output was closed");
}

static const struct output_column summary_columns[] = {
    {.name = "batches", .width = 8, .right = true},   {.name = "readings", .width = 10, .right = true},
    {.name = "bytes", .width = 10, .right = true},    {.name = "committed", .width = 9, .right = true},
    {.name = "duplicate", .width = 9, .right = true}, {.name = "rejected", .width = 8, .right = true},
    {.name = "p50_ms", .width = 9, .right = true},    {.name = "p99_ms", .width = 9, .right = true},
};

static enum err summarise(struct ack_source *source, struct ack_summary *summary, struct err_text *why)
{
    struct ack_row rows[ACK_SOURCE_CHUNK];
    size_t count = 1;
    while (count > 0) {
        enum err result = ack_source_read(source, rows, &count, why);
        for (size_t i = 0; result == ERR_OK && i < count; i++) {
            result = ack_summary_add(summary, &rows[i]);
        }
        if (result != ERR_OK) {
            return result;
        }
    }
    return ERR_OK;
}

static enum err show_summary(struct ack_source *source, enum output_format format, struct err_text *why)
{
    struct ack_summary summary = {0};
    enum err result = summarise(source, &summary, why);
    struct output output = output_start(stdout, format, summary_columns, ARRAY_LENGTH(summary_columns));
    if (result == ERR_OK) {
        output_u64(&output, summary.batches);
        output_u64(&output, summary.readings);
        output_u64(&output, summary.bytes);
        output_u64(&output, summary.results[ACK_COMMITTED]);
        output_u64(&output, summary.results[ACK_DUPLICATE]);
        output_u64(&output, summary.results[ACK_REJECTED]);
        output_duration(&output, ack_summary_quantile_us(&summary, 0.50));
        output_duration(&output, ack_summary_quantile_us(&summary, 0.99));
        output_end_row(&output);
    }
    ack_summary_fini(&summary);
    return output_finish(&output) ? result : err_set(why, ERR_IO, "standard output was closed");
}

static enum err run(const char *path, const struct acks_arguments *arguments, enum output_format format,
                    uint64_t last)
{
    struct err_text why = {0};
    struct ack_source *source;
    enum err result = ack_source_open(path, &source, &why);
    if (result == ERR_OK && last > 0) {
        result = ack_source_skip_to_last(source, last, &why);
    }
    if (result == ERR_OK) {
        result =
            arguments->summary ? show_summary(source, format, &why) : show(source, arguments, format, &why);
    }
    ack_source_close(source);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon acks: %s\n", why.text);
    }
    return result;
}

int cmd_acks(int argc, char **argv)
{
    struct acks_arguments given = {0};
    const struct argument table[] = {
        {"follow", 'f', NULL, "Go on with new batches as they are answered, until Ctrl-C.", NULL,
         &given.follow},
        {"last", 'n', "N", "Begin with the newest N. Default: all.", &given.last, NULL},
        {"summary", 's', NULL, "Show only the sums, and how long it took from the oldest reading to the ack.",
         NULL, &given.summary},
        {"format", 0, "FORMAT", "table, csv or json (one object a line). Default: table.", &given.format,
         NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon acks",
        .summary = "Shows batch by batch when it was read, spooled, sent, committed and acknowledged.",
        .usage = "FILE [options]",
        .arguments = table,
        .positional_help =
            "FILE: the spool of a bridge or the store of a server. Live or not, it is only read.",
        .epilogue = epilogue,
    };
    size_t files;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &files);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    enum output_format format;
    uint64_t last = 0;
    if (files != 1) {
        arguments_complain(&line, "one FILE is needed, %zu were given", files);
    } else if (!output_format_parse(given.format, &format)) {
        arguments_complain(&line, "--format %s: it is table, csv or json", given.format);
    } else if (given.last && !argument_count(given.last, 1, INT64_MAX, &last)) {
        arguments_complain(&line, "--last %s: it is a whole number from 1", given.last);
    } else if (given.follow && given.summary) {
        arguments_complain(&line, "--follow and --summary exclude each other");
    } else {
        return run(argv[0], &given, format, last) == ERR_OK ? STATUS_OK : STATUS_FAILED;
    }
    return STATUS_USAGE;
}
