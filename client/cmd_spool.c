#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/array.h"
#include "base/did_you_mean.h"
#include "spool/spool_verb.h"

#include <string.h>

static const char epilogue[] =
    "A damaged spool does not stop a bridge: when it starts it does what \"repair\" does. Check and repair "
    "are "
    "for who wants to know or decide before. \"check\" reads everything in one piece: a live spool's "
    "write-ahead log grows meanwhile.\n"
    "\n"
    "Examples:\n"
    "  bourdon spool stat /var/lib/bourdon/bridge/spool.db\n"
    "  bourdon spool list /var/lib/bourdon/bridge/spool.db --last 20\n"
    "  bourdon spool dump spool.db 812\n"
    "  bourdon spool check spool.db && echo sound\n"
    "  bourdon spool export spool.db --tag 'boiler-1/*' > rescued.csv\n"
    "  bourdon spool repair spool.db\n"
    "\n"
    "Exit status: 0 done, and sound; 1 the spool could not be read or repaired, or something is damaged; 2 "
    "wrong arguments.";

struct spool_verb {
    const char *name;
    size_t words; /* behind the name: FILE, SEQ */
    enum err (*run)(const struct spool_request *request, bool *sound, struct err_text *why);
};

static const struct spool_verb verbs[] = {
    {"stat", 1, spool_stat},   {"list", 1, spool_list},     {"dump", 2, spool_dump},
    {"check", 1, spool_check}, {"repair", 1, spool_repair}, {"export", 1, spool_export},
};

struct spool_arguments {
    const char *last, *format, *tag, *bridge;
};

enum err spool_finish(struct output *output, enum err result, struct err_text *why)
{
    bool written = output_finish(output);
    return written || result != ERR_OK ? result : err_set(why, ERR_IO, "standard output was closed");
}

static int run(const struct spool_verb *verb, const struct spool_request *request)
{
    struct err_text why = {0};
    bool sound = true;
    enum err result = verb->run(request, &sound, &why);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon spool: %s\n", why.text);
    }
    if (result == ERR_CORRUPT) {
        fputs("It is damaged: \"bourdon spool check\" says where, \"bourdon spool repair\" saves what can be "
              "read.\n",
              stderr);
    }
    return result == ERR_OK && sound ? STATUS_OK : STATUS_FAILED;
}

static const struct spool_verb *find(const struct command_line *line, const char *name)
{
    const char *names[ARRAY_LENGTH(verbs)];
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        names[i] = verbs[i].name;
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    const char *near = did_you_mean(name, names, ARRAY_LENGTH(names));
    arguments_complain(line, "there is no \"%s\"%s%s%s: it is stat, list, dump, check, repair or export",
                       name, near ? "; did you mean \"" : "", near ? near : "", near ? "\"" : "");
    return NULL;
}

static bool understand(const struct command_line *line, const struct spool_arguments *given,
                       struct spool_request *request)
{
    const char *format = given->format && strcmp(given->format, "jsonl") == 0 ? "json" : given->format;
    if (!output_format_parse(format, &request->format)) {
        arguments_complain(line, "--format %s: it is table, csv or json", given->format);
    } else if (given->last && !argument_count(given->last, 1, INT64_MAX, &request->last)) {
        arguments_complain(line, "--last %s: it is a whole number from 1", given->last);
    } else {
        return true;
    }
    return false;
}

/* What only one sub-verb wants. */
static bool suits(const struct command_line *line, const struct spool_verb *verb, size_t words, char **argv,
                  const struct spool_arguments *given, struct spool_request *request)
{
    if (words != verb->words + 1) {
        arguments_complain(line, verb->words == 2 ? "dump takes a FILE and a SEQ" : "%s takes a FILE",
                           verb->name);
    } else if (verb->words == 2 && !argument_count(argv[2], 1, INT64_MAX, &request->seq)) {
        arguments_complain(line, "SEQ %s: it is a whole number from 1", argv[2]);
    } else if (verb->run == spool_dump && request->format == OUTPUT_CSV) {
        arguments_complain(line, "dump shows several tables: its --format is table or json");
    } else if (given->tag && verb->run != spool_export) {
        arguments_complain(line, "--tag is for export");
    } else if (given->bridge && verb->run != spool_repair) {
        arguments_complain(line, "--bridge is for repair");
    } else {
        return true;
    }
    return false;
}

int cmd_spool(int argc, char **argv)
{
    struct spool_arguments given = {0};
    const struct argument table[] = {
        {"last", 'n', "N", "list: only the newest N. Default: all.", &given.last, NULL},
        {"tag", 't', "PATTERN", "export: only tags whose name matches.", &given.tag, NULL},
        {"bridge", 'b', "NAME", "repair: whose spool it is, if the file no longer says so.", &given.bridge,
         NULL},
        {"format", 0, "FORMAT", "table, csv or json (one object a line). Default: table, of export csv.",
         &given.format, NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon spool",
        .summary =
            "Shows what waits in a bridge's spool for the server's acknowledgement; checks and repairs it.",
        .usage = "stat|list|dump|check|repair|export FILE [SEQ] [options]",
        .arguments = table,
        .positional_help =
            "stat: the sums, and since when.\n"
            "list: batch by batch.\n"
            "dump: one batch in full, waiting or quarantined: head, tags, readings or gaps. Takes a SEQ.\n"
            "check: the database, the digest of every batch, its catalog, the sums and the numbers.\n"
            "export: every reading in it, to rescue data by hand.\n"
            "repair: sets damaged batches aside, each in a gap record, or makes a new file of what can be "
            "read, "
            "as the bridge does when it starts. Only while no bridge has it open. A copy is made first.\n"
            "FILE: the spool of a bridge. Live or not, it is only read, but by repair.",
        .epilogue = epilogue,
    };
    size_t words;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &words);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    if (words < 1) {
        arguments_complain(&line, "it takes stat, list, dump, check, repair or export, and a FILE");
        return STATUS_USAGE;
    }
    const struct spool_verb *verb = find(&line, argv[0]);
    struct spool_request request = {
        .path = words > 1 ? argv[1] : NULL, .tag = given.tag, .bridge = given.bridge};
    if (verb && verb->run == spool_export && !given.format) {
        given.format = "csv";
    }
    if (!verb || !understand(&line, &given, &request) || !suits(&line, verb, words, argv, &given, &request)) {
        return STATUS_USAGE;
    }
    return run(verb, &request);
}
