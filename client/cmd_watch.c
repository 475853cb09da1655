#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/options.h"
#include "daemon_answer.h"
#include "output.h"
#include "watch/page.h"
#include "watch/terminal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USUAL_SOCKET     "/run/bourdon-bridge/bridge.sock"
#define INTERVAL_MOST_US (INT64_C(3600) * CLOCK_US_PER_S)

enum { PATTERN_MAX = 512, INTERVAL_LEAST_MS = 100 };

static const char epilogue[] =
    "Asks the running bridge, not the PLCs: they are asked no more often than the configuration says, and a "
    "serial line could not be asked by two. To look at a PLC that no bridge polls: bourdon probe URL "
    "--repeat 0.\n"
    "A value is the one reported last, and its age counts from then: of a tag with a deadband it may be old "
    "and "
    "true. What went by between two looks is in \"bourdon readings\".\n"
    "On a terminal: q quits, space and b turn pages. Elsewhere a line for each new reading.\n"
    "\n"
    "Examples:\n"
    "  bourdon watch\n"
    "  bourdon watch bridge.sock --tag 'boiler-1/*' --interval 500ms\n"
    "  bourdon watch bridge.sock --format csv > live.csv\n"
    "  bourdon watch bridge.sock --repeat 1 --format json | jq .value\n"
    "\n"
    "Exit status: 0 ended as asked, 1 the bridge did not answer, 2 wrong arguments.";

struct watch {
    const char *socket;
    const char *pattern;
    enum output_format format;
    uint64_t rounds; /* 0 = until told to end */
    int64_t interval_us;
    struct terminal terminal;
    struct page page;
    struct daemon_answer answer; /* what the page points into */
};

/* The page from `skip` on. */
static enum err fetch(struct watch *watch, uint64_t skip, uint64_t rows, struct err_text *why)
{
    char request[PATTERN_MAX + 64];
    daemon_answer_fini(&watch->answer);
    snprintf(request, sizeof request, "values %" PRIu64 " %" PRIu64 " %s", skip, rows, watch->pattern);
    enum err result = daemon_answer_get(watch->socket, request, &watch->answer, why);
    return result == ERR_OK ? page_read(&watch->page, &watch->answer.tree, skip, why) : result;
}

/* ---- on a terminal ---- */

static void turn_page(struct watch *watch, int key, uint64_t rows, uint64_t *skip)
{
    if ((key == ' ' || key == 'n') && *skip + rows < watch->page.matching) {
        *skip += rows;
    } else if (key == 'b' || key == 'p') {
        *skip = *skip > rows ? *skip - rows : 0;
    }
}

static enum err watch_screen(struct watch *watch, struct err_text *why)
{
    uint64_t skip = 0;
    for (uint64_t round = 0; watch->rounds == 0 || round < watch->rounds; round++) {
        int lines;
        int columns;
        terminal_size(&lines, &columns);
        uint64_t rows = page_rows(lines);
        enum err result = fetch(watch, skip, rows, why);
        if (result != ERR_OK) {
            return result;
        }
        page_draw(stdout, &watch->page, lines, columns);
        fflush(stdout);
        int key = terminal_key(&watch->terminal, clock_mono_us() + watch->interval_us);
        if (key == 'q' || key == TERMINAL_ENDED) {
            break;
        }
        turn_page(watch, key, rows, &skip);
    }
    return ERR_OK;
}

/* ---- elsewhere ---- */

static const struct output_column columns[] = {
    {.name = "time", .width = 23},
    {.name = "tag", .width = 32},
    {.name = "value", .width = 16, .right = true},
    {.name = "unit", .width = 8},
    {.name = "quality", .width = 16},
};

/* When each tag's reading was taken that was shown last, by its place among those that match. */
struct shown {
    int64_t *times_us;
    uint64_t count;
};

static bool make_room(struct shown *shown, uint64_t count)
{
    if (count <= shown->count) {
        return true;
    }
    int64_t *times_us = realloc(shown->times_us, count * sizeof *times_us);
    if (!times_us) {
        return false;
    }
    memset(times_us + shown->count, 0, (count - shown->count) * sizeof *times_us);
    shown->times_us = times_us;
    shown->count = count;
    return true;
}

static void show_row(struct output *output, const struct page_row *row)
{
    bool bad = strncmp(row->quality, "bad", 3) == 0;
    output_time(output, row->time_us);
    output_text(output, row->tag);
    if (row->value) {
        output_text(output, row->value);
    } else {
        output_none(output);
    }
    output_text(output, row->unit);
    output_toned(output, row->quality, bad ? OUTPUT_ALARM : OUTPUT_PLAIN);
    output_end_row(output);
}

static enum err show_new(struct watch *watch, struct output *output, struct shown *shown,
                         struct err_text *why)
{
    uint64_t skip = 0;
    do {
        enum err result = fetch(watch, skip, PAGE_ROWS_MAX, why);
        if (result != ERR_OK) {
            return result;
        }
        if (!make_room(shown, skip + watch->page.count)) {
            return err_set(why, ERR_NO_MEMORY, "out of memory");
        }
        for (size_t i = 0; i < watch->page.count; i++) {
            const struct page_row *row = &watch->page.rows[i];
            if (row->time_us != shown->times_us[skip + i]) {
                shown->times_us[skip + i] = row->time_us;
                show_row(output, row);
            }
        }
        skip += watch->page.count;
    } while (watch->page.count > 0 && skip < watch->page.matching);
    return fflush(stdout) == 0 ? ERR_OK : err_set(why, ERR_IO, "standard output was closed");
}

static enum err watch_lines(struct watch *watch, struct err_text *why)
{
    struct output output = output_start(stdout, watch->format, columns, ARRAY_LENGTH(columns));
    struct shown shown = {.count = 0};
    enum err result = ERR_OK;
    for (uint64_t round = 0; result == ERR_OK && (watch->rounds == 0 || round < watch->rounds); round++) {
        if (round > 0 &&
            terminal_key(&watch->terminal, clock_mono_us() + watch->interval_us) == TERMINAL_ENDED) {
            break;
        }
        result = show_new(watch, &output, &shown, why);
    }
    free(shown.times_us);
    return output_finish(&output) ? result : err_set(why, ERR_IO, "standard output was closed");
}

static int run(struct watch *watch)
{
    struct err_text why = {0};
    bool screen = watch->format == OUTPUT_TABLE && isatty(STDOUT_FILENO) == 1;
    terminal_catch_signals();
    if (screen) {
        terminal_take(&watch->terminal);
    }
    enum err result = screen ? watch_screen(watch, &why) : watch_lines(watch, &why);
    if (screen) {
        terminal_give_back(&watch->terminal);
    }
    daemon_answer_fini(&watch->answer);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon watch: %s\n", why.text);
    }
    return result == ERR_OK ? STATUS_OK : STATUS_FAILED;
}

int cmd_watch(int argc, char **argv)
{
    const char *tag = "";
    const char *interval = "1s";
    const char *repeat = "0";
    const char *format = NULL;
    const struct argument table[] = {
        {"tag", 't', "PATTERN", "Only tags whose name matches: 'boiler-1/*'.", &tag, NULL},
        {"interval", 'i', "TIME", "From one look to the next. Default: 1s.", &interval, NULL},
        {"repeat", 'n', "N", "Look N times; 0 is until q or Ctrl-C. Default: 0.", &repeat, NULL},
        {"format", 0, "FORMAT", "table, csv or json (one object a line). Default: table.", &format, NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon watch",
        .summary = "Shows what a bridge on this machine reads, as it reads it.",
        .usage = "[SOCKET] [options]",
        .arguments = table,
        .positional_help = "SOCKET: the control socket of a bridge. Default: " USUAL_SOCKET ".",
        .epilogue = epilogue,
    };
    size_t count;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &count);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    struct watch *watch = calloc(1, sizeof *watch);
    int status = STATUS_USAGE;
    if (!watch) {
        arguments_complain(&line, "out of memory");
    } else if (count > 1) {
        arguments_complain(&line, "one SOCKET is enough, %zu were given", count);
    } else if (strlen(tag) > PATTERN_MAX) {
        arguments_complain(&line, "--tag: a pattern has at most %d characters", PATTERN_MAX);
    } else if (!option_parse_duration(interval, &watch->interval_us) ||
               watch->interval_us < INTERVAL_LEAST_MS * CLOCK_US_PER_MS ||
               watch->interval_us > INTERVAL_MOST_US) {
        arguments_complain(&line, "--interval %s: it is a duration from 100ms to 1h", interval);
    } else if (!argument_count(repeat, 0, INT64_MAX, &watch->rounds)) {
        arguments_complain(&line, "--repeat %s: it is a whole number; 0 is until Ctrl-C", repeat);
    } else if (!output_format_parse(format, &watch->format)) {
        arguments_complain(&line, "--format %s: it is table, csv or json", format);
    } else {
        watch->socket = count > 0 ? argv[0] : USUAL_SOCKET;
        watch->pattern = tag;
        status = run(watch);
    }
    free(watch);
    return status;
}
