#include "send/run.h"

#include "base/array.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/random.h"
#include "progress.h"
#include "send/delivery.h"
#include "send/resume.h"

#include <inttypes.h>
#include <string.h>

static const struct output_column columns[] = {
    {.name = "epoch", .width = 32, .audience = OUTPUT_MACHINES},
    {.name = "seq", .width = 6, .right = true},
    {.name = "readings", .width = 8, .right = true},
    {.name = "bytes", .width = 8, .right = true},
    {.name = "result", .width = 9},
    {.name = "committed", .width = 23},
    {.name = "rtt_ms", .width = 9, .right = true},
    {.name = "text", .width = 0},
};

struct run {
    const struct run_options *options;
    struct series_run series_run;
    struct resume *resume; /* NULL = none */
    struct resume_state state;
    bool repeated;
    struct catalog *catalog;
    struct outbox outbox;
    struct output output;
    struct progress progress;
    uint64_t durable, rejected; /* batches */
    uint64_t readings;          /* answered for */
};

/* ---- answers ---- */

static void show_answer(struct run *run, const struct outbox_batch *batch, const struct ack_range *range,
                        int64_t rtt_us)
{
    static const enum output_tone tones[] = {
        [ACK_COMMITTED] = OUTPUT_GOOD, [ACK_DUPLICATE] = OUTPUT_NOTE, [ACK_REJECTED] = OUTPUT_ALARM};
    char epoch[HEX_TEXT_SIZE(BATCH_EPOCH_SIZE)];
    progress_clear(&run->progress);
    output_text(&run->output, hex_text(run->series_run.epoch, BATCH_EPOCH_SIZE, epoch));
    output_u64(&run->output, batch->seq);
    output_u64(&run->output, batch->readings);
    output_u64(&run->output, batch->size);
    output_toned(&run->output, ack_result_name(range->result), tones[range->result]);
    output_time(&run->output, range->committed_us);
    output_duration(&run->output, rtt_us);
    output_text(&run->output, range->text);
    output_end_row(&run->output);
}

static void on_answer(void *owner, const struct outbox_batch *batch, const struct ack_range *range,
                      int64_t rtt_us)
{
    struct run *run = owner;
    bool durable = range->result == ACK_COMMITTED || range->result == ACK_DUPLICATE;
    run->durable += durable;
    run->rejected += !durable;
    run->readings += batch->readings;
    if (!run->options->quiet) {
        show_answer(run, batch, range, rtt_us);
    }
    progress_show(&run->progress, "answered:", run->readings, series_count(run->options->series), "readings",
                  clock_mono_us());
}

/* ---- what is sent ---- */

static void begin_anew(struct run *run, uint64_t first_sequence)
{
    run->series_run.first_sequence = first_sequence;
    run->series_run.max_readings = run->options->max_readings;
    run->series_run.now_us = clock_wall_us();
    run->series_run.synchronised = clock_is_synchronised();
}

static void take_up(struct run *run)
{
    run->series_run.first_sequence = run->state.first_sequence;
    run->series_run.max_readings = run->state.max_readings;
    run->series_run.now_us = run->state.now_us;
    run->series_run.synchronised = run->state.synchronised;
}

static enum err make_batches(struct run *run, struct err_text *why)
{
    outbox_fini(&run->outbox);
    return series_batches(run->options->series, &run->series_run, run->catalog, outbox_add, &run->outbox,
                          why);
}

/* Makes the batches of the run in the resume file; `*same` tells whether they are what was sent then. */
static enum err try_to_repeat(struct run *run, bool *same, struct err_text *why)
{
    uint8_t digest[DIGEST_SIZE];
    enum err result = make_batches(run, why);
    if (result == ERR_OK) {
        result = outbox_digest(&run->outbox, digest);
    }
    *same = result == ERR_OK && run->outbox.count == run->state.batches &&
            memcmp(digest, run->state.digest, sizeof digest) == 0;
    return result;
}

static enum err refuse_other_input(const struct run *run, struct err_text *why)
{
    char time[CLOCK_TEXT_MAX];
    return err_set(
        why, ERR_CONFLICT,
        "%s has an unfinished run of %s with other readings, which may or may not have been stored: "
        "repeat that one first, or give it up with --abandon",
        run->options->resume, clock_format(run->state.now_us, time));
}

/* Makes durable what is about to be sent. */
static enum err write_down(struct run *run, struct err_text *why)
{
    run->state.open = true;
    run->state.first_sequence = run->series_run.first_sequence;
    run->state.batches = run->outbox.count;
    run->state.max_readings = run->series_run.max_readings;
    run->state.now_us = run->series_run.now_us;
    run->state.synchronised = run->series_run.synchronised;
    enum err result = outbox_digest(&run->outbox, run->state.digest);
    return result == ERR_OK ? resume_write(run->resume, &run->state, why)
                            : err_set(why, result, "out of memory");
}

/*
 * An open run must be repeated. One that has ended is repeated if the readings are the same measurements:
 * whoever asks did not hear of the end. Otherwise a new run begins behind it.
 */
static enum err choose_run(struct run *run, struct err_text *why)
{
    bool open = run->state.open && !run->options->abandon;
    bool ended = !run->state.open && run->state.batches > 0 && series_is_timed(run->options->series);
    if (open || ended) {
        take_up(run);
    } else {
        begin_anew(run, resume_next_sequence(&run->state));
    }
    enum err result = series_catalog(run->options->series, &run->series_run, &run->catalog, why);
    if (result == ERR_OK && (open || ended)) {
        result = try_to_repeat(run, &run->repeated, why);
    }
    if (result != ERR_OK || run->repeated) {
        return result;
    }
    if (open) {
        return refuse_other_input(run, why);
    }
    if (ended) {
        begin_anew(run, resume_next_sequence(&run->state)); // no reading has the time of the run
    }
    result = make_batches(run, why);
    return result == ERR_OK && run->resume ? write_down(run, why) : result;
}

static enum err open_resume(struct run *run, struct err_text *why)
{
    uint8_t *epoch = run->series_run.epoch;
    random_bytes(epoch, BATCH_EPOCH_SIZE);
    run->state.first_sequence = 1;
    if (!run->options->resume) {
        return ERR_OK;
    }
    enum err result = resume_open(run->options->resume, epoch, &run->resume, why);
    if (result == ERR_OK) {
        run->state = *resume_state(run->resume);
        memcpy(epoch, run->state.epoch, BATCH_EPOCH_SIZE);
    }
    return result;
}

/* Everything is answered for good. */
static enum err end_run(struct run *run, struct err_text *why)
{
    if (!run->resume || !run->state.open) {
        return ERR_OK;
    }
    run->state.open = false;
    return resume_write(run->resume, &run->state, why);
}

static enum err deliver(struct run *run, struct tls_context *tls, struct err_text *why)
{
    const struct delivery_options delivery = {
        .host = run->options->host,
        .port = run->options->port,
        .tls = tls,
        .epoch = run->series_run.epoch,
        .catalog = catalog_encoded(run->catalog),
        .outbox = &run->outbox,
        .repeated = run->repeated,
        .timeout_us = run->options->timeout_us,
        .answered = on_answer,
        .owner = run,
    };
    enum err result = delivery_run(&delivery, why);
    progress_clear(&run->progress);
    return result == ERR_OK ? end_run(run, why) : result;
}

static enum err prepare_and_deliver(struct run *run, struct err_text *why)
{
    struct tls_context *tls = NULL;
    enum err result = tls_context_new(&run->options->tls, &tls, why);
    if (result == ERR_OK) {
        result = open_resume(run, why);
    }
    if (result == ERR_OK) {
        result = choose_run(run, why);
    }
    if (result == ERR_OK) {
        result = deliver(run, tls, why);
    }
    tls_context_unref(tls);
    return result;
}

bool run_send(const struct run_options *options, struct err_text *why)
{
    struct run run = {.options = options};
    run.output = output_start(stdout, options->format, columns, options->quiet ? 0 : ARRAY_LENGTH(columns));
    enum err result = prepare_and_deliver(&run, why);
    if (result != ERR_OK && run.durable > 0) {
        char reason[ERR_TEXT_MAX];
        memcpy(reason, why->text, sizeof reason);
        (void)err_set(why, result, "%s (%" PRIu64 " of %zu batches are stored)", reason, run.durable,
                      run.outbox.count);
    }
    (void)output_finish(&run.output);
    resume_close(run.resume);
    outbox_fini(&run.outbox);
    catalog_free(run.catalog);
    return result == ERR_OK && run.rejected == 0;
}
