#include "verbs.h"

#include "base/arguments.h"
#include "base/array.h"
#include "base/clock.h"
#include "output.h"
#include "truth/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FINDINGS_SHOWN = 20, LINKS_MAX = 1024 };

static const char epilogue[] =
    "The truth file is what bourdon-plcsim writes with --truth. Every stored reading with a value must "
    "be one that the simulated PLC gave out at that address between the request and the response:\n"
    "\n"
    "  true        it is\n"
    "  no_value    of bad quality, nothing to compare\n"
    "  no_plc      not read from a PLC (sent with \"bourdon send\")\n"
    "  corrupt     the PLC gave out another value\n"
    "  phantom     the PLC gave out nothing there at that time\n"
    "  duplicated  stored twice\n"
    "  reordered   older than one of the same tag in an earlier batch\n"
    "  missing     sequence numbers of batches that are neither stored nor accounted for by a gap\n"
    "  unstored    answers of the PLC none of whose values is stored; a failure only with --complete, "
    "because a\n"
    "              bridge that reports by exception stores only what changed\n"
    "\n"
    "Examples:\n"
    "  bourdon compare-truth store.db --truth truth.tsv\n"
    "  bourdon compare-truth store.db --truth truth.tsv boiler-plc=127.0.0.1:1502 pump-plc=127.0.0.1:1503\n"
    "\n"
    "Exit status: 0 all is true, 1 something is not, or a file could not be read, 2 wrong arguments.";

struct comparison {
    const char *store;
    const char *truth;
    bool complete;
    enum output_format format;
    struct verdict_link links[LINKS_MAX];
    size_t link_count;
    size_t findings;
    uint64_t missing;
};

static const struct output_column columns[] = {
    {.name = "readings", .width = 9, .right = true},    {.name = "true", .width = 9, .right = true},
    {.name = "no_value", .width = 8, .right = true},    {.name = "no_plc", .width = 6, .right = true},
    {.name = "corrupt", .width = 7, .right = true},     {.name = "phantom", .width = 7, .right = true},
    {.name = "duplicated", .width = 10, .right = true}, {.name = "reordered", .width = 9, .right = true},
    {.name = "missing", .width = 7, .right = true},     {.name = "polls", .width = 8, .right = true},
    {.name = "unstored", .width = 8, .right = true},
};

static void show_finding(void *owner, enum verdict_class class, const struct catalog_tag *tag, uint64_t seq,
                         int64_t request_us)
{
    struct comparison *comparison = owner;
    char time[CLOCK_TEXT_MAX];
    if (comparison->findings++ < FINDINGS_SHOWN) {
        fprintf(stderr, "bourdon compare-truth: %s: %s of %s in batch %" PRIu64 "\n",
                verdict_class_name(class), tag->name, clock_format(request_us, time), seq);
    }
}

static void show(const struct comparison *comparison, const struct verdict *verdict,
                 const struct truth_file *truth)
{
    struct output output = output_start(stdout, comparison->format, columns, ARRAY_LENGTH(columns));
    output_u64(&output, verdict_readings(verdict));
    for (enum verdict_class class = 0; class < VERDICT_CLASSES; class ++) {
        output_u64(&output, verdict_count(verdict, class));
    }
    output_u64(&output, comparison->missing);
    output_u64(&output, truth_file_reads(truth));
    output_u64(&output, truth_file_unused(truth));
    output_end_row(&output);
    (void)output_finish(&output);
}

static bool is_good(const struct comparison *comparison, const struct verdict *verdict,
                    const struct truth_file *truth)
{
    uint64_t wrong = comparison->missing;
    for (enum verdict_class class = VERDICT_CORRUPT; class < VERDICT_CLASSES; class ++) {
        wrong += verdict_count(verdict, class);
    }
    return wrong == 0 && (!comparison->complete || truth_file_unused(truth) == 0);
}

static enum err read_truth(const char *path, struct truth_file **truth, struct err_text *why)
{
    *truth = NULL;
    FILE *file = fopen(path, "re");
    if (!file) {
        return err_errno(why, errno, "%s", path);
    }
    enum err result = truth_file_read(file, path, truth, why);
    fclose(file);
    return result;
}

static enum err judge(struct comparison *comparison, struct stored_batches *batches, struct verdict *verdict,
                      struct err_text *why)
{
    enum err result = stored_batches_walk(batches, verdict_add, verdict, why);
    if (verdict_unknown_link(verdict)) {
        return err_set(
            why, ERR_NOT_FOUND,
            "the truth file speaks of several endpoints: say which one link %s reads, as %s=HOST:PORT",
            verdict_unknown_link(verdict), verdict_unknown_link(verdict));
    }
    if (result == ERR_OK) {
        verdict_finish(verdict);
        result = stored_batches_missing(batches, &comparison->missing, why);
    }
    return result;
}

static enum err compare(struct comparison *comparison, bool *good, struct err_text *why)
{
    struct truth_file *truth = NULL;
    struct stored_batches *batches = NULL;
    struct verdict *verdict = NULL;
    enum err result = read_truth(comparison->truth, &truth, why);
    if (result == ERR_OK) {
        result = stored_batches_open(comparison->store, &batches, why);
    }
    if (result == ERR_OK) {
        verdict = verdict_new(&(struct verdict_options){.truth = truth,
                                                        .links = comparison->links,
                                                        .link_count = comparison->link_count,
                                                        .found = show_finding,
                                                        .owner = comparison});
        result =
            verdict ? judge(comparison, batches, verdict, why) : err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    if (result == ERR_OK) {
        show(comparison, verdict, truth);
        *good = is_good(comparison, verdict, truth);
    }
    verdict_free(verdict);
    stored_batches_close(batches);
    truth_file_free(truth);
    return result;
}

static int run(struct comparison *comparison)
{
    struct err_text why = {0};
    bool good = false;
    enum err result = compare(comparison, &good, &why);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon compare-truth: %s\n", why.text[0] ? why.text : err_name(result));
    }
    if (comparison->findings > FINDINGS_SHOWN) {
        fprintf(stderr, "bourdon compare-truth: and %zu more\n", comparison->findings - FINDINGS_SHOWN);
    }
    return good ? STATUS_OK : STATUS_FAILED;
}

/* Takes "link=endpoint" apart, in place. */
static bool add_link(struct comparison *comparison, char *text)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1] || comparison->link_count == LINKS_MAX) {
        return false;
    }
    *equals = '\0';
    comparison->links[comparison->link_count++] = (struct verdict_link){.link = text, .endpoint = equals + 1};
    return true;
}

int cmd_compare_truth(int argc, char **argv)
{
    struct comparison comparison = {0};
    const char *format = NULL;
    const struct argument table[] = {
        {"truth", 't', "FILE", "The simulator's truth file.", &comparison.truth, NULL},
        {"complete", 0, NULL, "Every answer of the PLC must be stored, too.", NULL, &comparison.complete},
        {"format", 0, "FORMAT", "table, csv or json. Default: table.", &format, NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon compare-truth",
        .summary = "Compares a server's store, value by value, with what the simulated PLC says it served.",
        .usage = "STORE --truth FILE [LINK=ENDPOINT]... [options]",
        .arguments = table,
        .positional_help =
            "STORE: the store of a server.\n"
            "LINK=ENDPOINT: what a link of the bridge is connected to. Needed only if the simulator "
            "serves several endpoints.",
        .epilogue = epilogue,
    };
    size_t count;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &count);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    if (count < 1 || !comparison.truth) {
        arguments_complain(&line, "a STORE and --truth FILE are needed");
        return STATUS_USAGE;
    }
    if (!output_format_parse(format, &comparison.format)) {
        arguments_complain(&line, "--format %s: it is table, csv or json", format);
        return STATUS_USAGE;
    }
    comparison.store = argv[0];
    for (size_t i = 1; i < count; i++) {
        if (!add_link(&comparison, argv[i])) {
            arguments_complain(&line, "\"%s\" is not LINK=ENDPOINT", argv[i]);
            return STATUS_USAGE;
        }
    }
    return run(&comparison);
}
