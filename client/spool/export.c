#include "spool/spool_verb.h"

#include "base/array.h"
#include "base/clock.h"
#include "progress.h"
#include "spool/spool_file.h"
#include "spool/unpack.h"

#include <fnmatch.h>
#include <inttypes.h>

struct export
{
    const struct spool_request *request;
    struct spool_file file;
    struct unpack *unpack;
    struct output output;
    struct progress progress;
    uint64_t seq; /* of the batch at hand */
    const char *state;
    uint64_t batches, gaps, unreadable;
    bool *sound;
};

static const struct output_column columns[] = {
    {.name = "time", .width = 23},
    {.name = "request_time", .width = 23},
    {.name = "tag", .width = 32},
    {.name = "value", .width = 14, .right = true},
    {.name = "unit", .width = 6},
    {.name = "quality", .width = 16},
    {.name = "link", .width = 12},
    {.name = "unit_id", .width = 7, .right = true},
    {.name = "address", .width = 7, .right = true},
    {.name = "seq", .width = 8, .right = true},
    {.name = "state", .width = 11},
};

static void show_reading(void *owner, const struct catalog_tag *tag, const struct reading *reading)
{
    struct export *export = owner;
    struct output *output = &export->output;
    if (export->request->tag && fnmatch(export->request->tag, tag->name, 0) != 0) {
        return;
    }
    output_time(output, reading->response_us);
    output_time(output, reading->request_us);
    output_text(output, tag->name);
    unpack_show_value(output, tag, reading);
    output_text(output, tag->unit);
    output_text(output, quality_token(reading->quality));
    output_text(output, tag->link);
    output_u64(output, tag->unit_id);
    output_u64(output, tag->address);
    output_u64(output, export->seq);
    output_text(output, export->state);
    output_end_row(output);
}

static void say_unreadable(struct export *export, uint64_t seq, const char *text)
{
    progress_clear(&export->progress);
    *export->sound = false;
    export->unreadable++;
    fprintf(stderr, "bourdon spool: batch %" PRIu64 " (%s) is left out: %s\n", seq, export->state, text);
}

static void export_batch(struct export *export, uint64_t seq, struct bytes encoded, struct bytes catalog)
{
    const struct unpack_visitor visitor = {.owner = export, .reading = show_reading};
    const struct catalog *unpacked = NULL;
    struct batch_view view;
    struct err_text damage = {0};
    enum err result = batch_open(encoded, &view, &damage);
    export->seq = seq;
    if (result == ERR_OK && view.kind == BATCH_GAPS) {
        export->gaps += view.count;
        return;
    }
    if (result == ERR_OK) {
        result = unpack_catalog(export->unpack, catalog, view.catalog_hash, &unpacked, &damage);
    }
    if (result == ERR_OK) {
        result = unpack_readings(export->unpack, &view, &visitor, &damage);
    }
    if (result != ERR_OK) {
        say_unreadable(export, seq, damage.text);
    }
    export->batches += result == ERR_OK;
}

static enum err waiting(void *owner, const struct spool_batch *batch, struct err_text *why)
{
    struct export *export = owner;
    struct bytes catalog = {0};
    if (batch->catalog) {
        catalog = (struct bytes){.data = batch->catalog->encoded, .size = batch->catalog->size};
    }
    export_batch(export, batch->seq, spool_batch_bytes(batch), catalog);
    progress_show(&export->progress, "exported", export->batches, (uint64_t) export->file.state.batches,
                  "batches", clock_mono_us());
    return ferror(stdout) ? err_set(why, ERR_IO, "standard output was closed") : ERR_OK;
}

static enum err damaged(void *owner, const struct backlog_damage *damage, struct err_text *why)
{
    (void)why;
    say_unreadable(owner, damage->seq, damage->why.text);
    return ERR_OK;
}

static enum err export_quarantined(struct export *export, struct err_text *why)
{
    static const char query[] =
        "SELECT seq, quarantine.encoded, catalog.encoded FROM quarantine"
        " LEFT JOIN catalog ON catalog.id = quarantine.catalog ORDER BY quarantine.id";
    sqlite3_stmt *row = NULL;
    bool more = true;
    export->state = "quarantined";
    enum err result = db_prepare(export->file.db, query, &row, why);
    while (result == ERR_OK && more && !ferror(stdout)) {
        result = db_step(export->file.db, row, &more, why);
        if (result == ERR_OK && more) {
            export_batch(export, (uint64_t)sqlite3_column_int64(row, 0), db_column_bytes(row, 1),
                         db_column_bytes(row, 2));
        }
    }
    return result;
}

static enum err export_all(struct export *export, struct err_text *why)
{
    const struct spool_visitor visitor = {.owner = export, .batch = waiting, .damaged = damaged};
    export->unpack = unpack_new();
    export->state = "waiting";
    if (!export->unpack) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = spool_file_walk(&export->file, 0, SPOOL_FILE_ALL, &visitor, why);
    if (result == ERR_OK) {
        result = export_quarantined(export, why);
    }
    progress_clear(&export->progress);
    fprintf(stderr,
            "bourdon spool: %" PRIu64 " batches exported, %" PRIu64 " left out as unreadable; %" PRIu64
            " gaps are no readings (\"bourdon spool dump\" shows them)\n",
            export->batches, export->unreadable, export->gaps);
    return result;
}

enum err spool_export(const struct spool_request *request, bool *sound, struct err_text *why)
{
    struct export export = {.request = request, .sound = sound};
    enum err result = spool_file_open(request->path, &export.file, why);
    if (result != ERR_OK) {
        return result;
    }
    export.output = output_start(stdout, request->format, columns, ARRAY_LENGTH(columns));
    result = export_all(&export, why);
    unpack_free(export.unpack);
    spool_file_close(&export.file);
    return spool_finish(&export.output, result, why);
}
