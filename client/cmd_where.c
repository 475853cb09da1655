#include "verbs.h"

#include "base/argument_value.h"
#include "base/arguments.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/hex.h"
#include "output.h"
#include "where/where.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the packages' configurations put them. */
static const char usual_spool[] = "/var/lib/bourdon/bridge/spool.db";
static const char usual_store[] = "/var/lib/bourdon/server/store.db";

static const char epilogue[] =
    "In a table the times behind READ are counted from the batch's oldest reading; CSV and JSON have them as "
    "time stamps. SENT, COMMITTED (by the server's clock) and ACKED are from the spool's ack log, RECEIVED "
    "and "
    "COMMITTED from the store. Of the two ends those are asked that are named or that are in their usual "
    "place "
    "on this machine; what was not asked is said.\n"
    "\n"
    "STATE: waiting, committed, acknowledged; rejected, quarantined (damaged), dropped (in a gap record); "
    "missing (acknowledged, and not in the store), to come, unknown.\n"
    "\n"
    "Examples:\n"
    "  bourdon where 812\n"
    "  bourdon where 812 --spool spool.db --store store.db --format json\n"
    "  bourdon where --tag boiler-1/steam-pressure --at 2026-01-31T12:00:00Z\n"
    "\n"
    "Exit status: 0 it is where it should be, or accounted for; 1 missing, unknown, or a file could not be "
    "read; 2 wrong arguments.";

struct where_arguments {
    const char *spool, *store, *bridge, *tag, *at, *format;
};

struct where_request {
    const char *spool, *store; /* NULL = not asked */
    const char *bridge;
    uint64_t seq; /* 0: by reading */
    struct where_reading reading;
    enum output_format format;
};

static const struct output_column columns[] = {
    {.name = "bridge", .width = 12},
    {.name = "epoch", .width = 32, .audience = OUTPUT_MACHINES},
    {.name = "seq", .width = 8, .right = true},
    {.name = "state", .width = 12},
    {.name = "kind", .width = 8},
    {.name = "readings", .width = 8, .right = true},
    {.name = "bytes", .width = 8, .right = true, .audience = OUTPUT_MACHINES},
    {.name = "read", .width = 23},
    {.name = "read_until", .width = 23, .audience = OUTPUT_MACHINES},
    {.name = "spooled", .width = 9, .right = true},
    {.name = "sent", .width = 9, .right = true},
    {.name = "received", .width = 9, .right = true},
    {.name = "committed", .width = 9, .right = true},
    {.name = "acked", .width = 9, .right = true},
    {.name = "quarantined", .width = 9, .right = true, .audience = OUTPUT_MACHINES},
    {.name = "historical", .width = 5, .audience = OUTPUT_MACHINES},
    {.name = "gap", .width = 12, .audience = OUTPUT_MACHINES},
    {.name = "spool_asked", .width = 5, .audience = OUTPUT_MACHINES},
    {.name = "store_asked", .width = 5, .audience = OUTPUT_MACHINES},
    {.name = "text", .width = 0},
};

static void show_stage(struct output *output, const struct where_batch *batch, int64_t when_us)
{
    if (output->format != OUTPUT_TABLE) {
        output_time(output, when_us);
    } else {
        output_duration(output, when_us != 0 && batch->first_us != 0 ? when_us - batch->first_us : INT64_MIN);
    }
}

static void show_times(struct output *output, const struct where_batch *batch)
{
    output_time(output, batch->first_us);
    output_time(output, batch->last_us);
    show_stage(output, batch, batch->spooled_us);
    show_stage(output, batch, batch->sent_us);
    show_stage(output, batch, batch->received_us);
    show_stage(output, batch, batch->committed_us);
    show_stage(output, batch, batch->acked_us);
    show_stage(output, batch, batch->quarantined_us);
}

static void show_batch(struct output *output, const struct where_request *request,
                       const struct where_batch *batch, const struct where_verdict *verdict)
{
    char epoch[HEX_TEXT_SIZE(BATCH_EPOCH_SIZE)];
    char text[FRAME_TEXT_MAX + 256];
    snprintf(text, sizeof text, "%s%s%s%s%s", verdict->explanation, batch->gap != 0 ? ": " : "",
             batch->gap != 0 ? gap_reason_name(batch->gap) : "", batch->text[0] ? ": " : "", batch->text);
    output_text(output, batch->bridge);
    output_text(output, hex_text(batch->epoch, BATCH_EPOCH_SIZE, epoch));
    output_u64(output, batch->seq);
    output_toned(output, verdict->state, verdict->known ? OUTPUT_GOOD : OUTPUT_ALARM);
    output_text(output, batch->kind == BATCH_READINGS ? "readings" : batch->kind == BATCH_GAPS ? "gaps" : "");
    output_i64(output, batch->readings);
    output_i64(output, batch->bytes);
    show_times(output, batch);
    output_bool(output, batch->historical);
    output_text(output, batch->gap != 0 ? gap_reason_name(batch->gap) : "");
    output_bool(output, request->spool != NULL);
    output_bool(output, request->store != NULL);
    output_text(output, text);
    output_end_row(output);
}

static bool show(const struct where_request *request, const struct where_list *list, bool *known)
{
    struct output output = output_start(stdout, request->format, columns, ARRAY_LENGTH(columns));
    *known = list->count > 0;
    for (size_t i = 0; i < list->count; i++) {
        struct where_verdict verdict =
            where_judge(&list->batches[i], request->spool && list->batches[i].is_of_spool, request->store);
        *known = *known && verdict.known;
        show_batch(&output, request, &list->batches[i], &verdict);
    }
    return output_finish(&output);
}

static void say_nothing_found(const struct where_request *request)
{
    if (request->seq != 0) {
        fprintf(stderr,
                "bourdon where: the store has no batch %" PRIu64
                " of any bridge, and no gap record over it\n",
                request->seq);
    } else {
        fprintf(
            stderr,
            "bourdon where: no reading of %s in the minute before that time: of what was acknowledged only "
            "the store knows the readings; gaps are in its view \"gap\"\n",
            request->reading.tag);
    }
}

/* A reading that the store finds in another batch than the spool is looked up at both ends anew. */
static enum err ask(struct where_request *request, struct where_list *list, struct err_text *why)
{
    struct where_reading *reading = request->seq == 0 ? &request->reading : NULL;
    enum err result = ERR_OK;
    if (reading && request->spool) {
        struct where_list forgotten = {0};
        result = where_ask_spool(request->spool, reading, 0, &forgotten, why);
    }
    if (result == ERR_OK && reading && request->store) {
        struct where_list forgotten = {0};
        result = where_ask_store(request->store, request->bridge, reading, 0, &forgotten, why);
    }
    uint64_t seq = reading ? reading->seq : request->seq;
    if (result == ERR_OK && seq != 0 && request->spool) {
        result = where_ask_spool(request->spool, NULL, seq, list, why);
    }
    if (result == ERR_OK && seq != 0 && request->store) {
        result = where_ask_store(request->store, request->bridge, NULL, seq, list, why);
    }
    return result;
}

static int run(struct where_request *request)
{
    struct err_text why = {0};
    bool known = false;
    struct where_list *list = calloc(1, sizeof *list);
    if (!list) {
        fputs("bourdon where: out of memory\n", stderr);
        return STATUS_FAILED;
    }
    enum err result = ask(request, list, &why);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon where: %s\n", why.text);
    } else if (list->count == 0) {
        say_nothing_found(request);
    } else if (!show(request, list, &known)) {
        fputs("bourdon where: standard output was closed\n", stderr);
        known = false;
    }
    if (!request->spool) {
        fprintf(stderr, "The bridge's spool was not asked: name it with --spool (usually %s).\n",
                usual_spool);
    }
    if (!request->store) {
        fprintf(stderr, "The server's store was not asked: name it with --store (usually %s).\n",
                usual_store);
    }
    free(list);
    return known ? STATUS_OK : STATUS_FAILED;
}

/* One that is named is asked; one in its usual place if it is there. Without leave to look it is there. */
static const char *choose(const char *given, const char *usual)
{
    return given ? given : access(usual, F_OK) == 0 || errno == EACCES ? usual : NULL;
}

static bool understand(const struct command_line *line, const struct where_arguments *given, size_t words,
                       const char *seq, struct where_request *request)
{
    bool by_reading = given->tag && given->at;
    *request = (struct where_request){.spool = choose(given->spool, usual_spool),
                                      .store = choose(given->store, usual_store),
                                      .bridge = given->bridge,
                                      .reading = {.tag = given->tag}};
    if (given->spool && !given->store) {
        request->store = NULL; /* somebody's spool: the store of this machine need not be its */
    } else if (given->store && !given->spool) {
        request->spool = NULL;
    }
    if (words > 1 || (words == 1) == by_reading || (!by_reading && (given->tag || given->at))) {
        arguments_complain(line, "it takes a SEQ, or --tag and --at");
    } else if (words == 1 && !argument_count(seq, 1, INT64_MAX, &request->seq)) {
        arguments_complain(line, "SEQ %s: it is a whole number from 1", seq);
    } else if (given->at && !argument_time(given->at, clock_wall_us(), &request->reading.at_us)) {
        arguments_complain(line, "--at %s: it is a time such as 2026-01-31T23:59:59Z or -15m", given->at);
    } else if (!output_format_parse(given->format, &request->format)) {
        arguments_complain(line, "--format %s: it is table, csv or json", given->format);
    } else if (!request->spool && !request->store) {
        arguments_complain(line, "neither %s nor %s is there: name a --spool, a --store or both", usual_spool,
                           usual_store);
    } else {
        return true;
    }
    return false;
}

int cmd_where(int argc, char **argv)
{
    struct where_arguments given = {0};
    const struct argument table[] = {
        {"spool", 0, "FILE", "The spool of the bridge.", &given.spool, NULL},
        {"store", 0, "FILE", "The store of the server.", &given.store, NULL},
        {"bridge", 'b', "NAME", "In the store: only of this bridge. Default: of all, or the spool's.",
         &given.bridge, NULL},
        {"tag", 't', "NAME", "Instead of SEQ: the batch of a reading of this tag.", &given.tag, NULL},
        {"at", 0, "TIME", "With --tag: the last one in the minute before this.", &given.at, NULL},
        {"format", 0, "FORMAT", "table, csv or json (one object a line). Default: table.", &given.format,
         NULL},
        ARGUMENTS_END,
    };
    const struct command_line line = {
        .program = "bourdon where",
        .summary =
            "Tells what became of a batch: read, spooled, sent, committed, acknowledged; from both ends.",
        .usage = "SEQ | --tag NAME --at TIME [options]",
        .arguments = table,
        .positional_help =
            "SEQ: the number of the batch, as in logs, \"bourdon acks\" and \"bourdon spool list\".",
        .epilogue = epilogue,
    };
    size_t words;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &words);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    struct where_request request;
    return understand(&line, &given, words, argv[0], &request) ? run(&request) : STATUS_USAGE;
}
