#include "spool/spool_verb.h"

#include "base/array.h"
#include "base/clock.h"
#include "progress.h"
#include "spool/integrity.h"
#include "spool/spool_file.h"

#include <inttypes.h>

struct check {
    const struct spool_request *request;
    struct spool_file file;
    struct output output;
    struct progress progress;
    uint64_t batches, bytes, damaged;
    bool *sound;
};

static const struct output_column columns[] = {
    {.name = "part", .width = 9},
    {.name = "seq", .width = 8, .right = true},
    {.name = "state", .width = 8},
    {.name = "text", .width = 0},
};

static void show(struct check *check, const char *part, uint64_t seq, const char *state, const char *text)
{
    progress_clear(&check->progress);
    output_text(&check->output, part);
    if (seq > 0) {
        output_u64(&check->output, seq);
    } else {
        output_none(&check->output);
    }
    output_text(&check->output, state);
    output_text(&check->output, text);
    output_end_row(&check->output);
}

static void show_fault(struct check *check, const char *part, uint64_t seq, const char *text)
{
    *check->sound = false;
    show(check, part, seq, "damaged", text);
}

/* A damaged file is no news here. */
static enum err show_unless_ok(struct check *check, const char *part, enum err result,
                               const struct err_text *damage, struct err_text *why)
{
    if (result == ERR_CORRUPT) {
        show_fault(check, part, 0, damage->text);
        return ERR_OK;
    }
    return result == ERR_OK ? ERR_OK : err_set(why, result, "%s", damage->text);
}

/* ---- the database ---- */

static void database_fault(void *owner, const char *text)
{
    show_fault(owner, "database", 0, text);
}

static enum err check_database(struct check *check, struct db *db, struct err_text *why)
{
    bool whole;
    enum err result = integrity_check(db, &check->progress, database_fault, check, &whole, why);
    if (result == ERR_OK && whole) {
        show(check, "database", 0, "ok", "every page and index");
    }
    return result;
}

/* ---- the records ---- */

static enum err count_batch(void *owner, const struct spool_batch *batch, struct err_text *why)
{
    struct check *check = owner;
    (void)why;
    check->batches++;
    check->bytes += batch->size;
    progress_show(&check->progress, "checked", check->batches, (uint64_t)check->file.state.batches, "batches",
                  clock_mono_us());
    return ERR_OK;
}

static enum err show_damaged(void *owner, const struct backlog_damage *damage, struct err_text *why)
{
    struct check *check = owner;
    (void)why;
    check->damaged++;
    show_fault(check, "record", damage->seq, damage->why.text);
    return ERR_OK;
}

static enum err check_records(struct check *check, struct err_text *why)
{
    const struct spool_visitor visitor = {.owner = check, .batch = count_batch, .damaged = show_damaged};
    struct err_text damage = {0};
    char text[128];
    enum err result = spool_file_walk(&check->file, 0, SPOOL_FILE_ALL, &visitor, &damage);
    snprintf(text, sizeof text, "%" PRIu64 " batches, %" PRIu64 " bytes: digest, identity and catalog",
             check->batches, check->bytes);
    if (result == ERR_OK && check->damaged == 0) {
        show(check, "records", 0, "ok", text);
    }
    return show_unless_ok(check, "records", result, &damage, why);
}

/* ---- sums and sequences ---- */

static enum err check_sums(struct check *check, struct err_text *why)
{
    struct err_text damage = {0};
    bool right = false;
    enum err result = spool_file_sums_are_right(&check->file, &right, &damage);
    if (result == ERR_OK && right) {
        show(check, "sums", 0, "ok",
             "batches, readings, bytes and numbers are what the spool says of itself");
    } else if (result == ERR_OK) {
        show_fault(check, "sums", 0,
                   "batches, readings, bytes or numbers are not what the spool says of itself");
    }
    return show_unless_ok(check, "sums", result, &damage, why);
}

/*
 * A number that is missing was dropped or damaged and is in a gap record, or it was answered. But a gap
 * record is trimmed like any batch, and the ack log has an end: so a hole alone is no damage.
 */
static enum err check_sequence(struct check *check, struct err_text *why)
{
    static const char query[] =
        "SELECT ifnull((SELECT next_seq FROM state) - min(seq) - count(*)"
        " - (SELECT count(DISTINCT seq) FROM ack_log WHERE seq > (SELECT min(seq) FROM batch)"
        "    AND seq NOT IN (SELECT seq FROM batch)), 0) FROM batch";
    struct err_text damage = {0};
    char text[160];
    int64_t missing = 0;
    enum err result = spool_file_number(&check->file, query, &missing, &damage);
    if (result == ERR_OK && missing == 0) {
        show(check, "sequence", 0, "ok", "none is missing between the oldest batch and the newest");
    } else if (result == ERR_OK) {
        snprintf(text, sizeof text,
                 "%" PRId64 " numbers behind the oldest batch neither wait nor are in the ack log: "
                 "they were dropped into gap records, or answered before the log begins",
                 missing);
        show(check, "sequence", 0, "note", text);
    }
    return show_unless_ok(check, "sequence", result, &damage, why);
}

static enum err check_all(struct check *check, struct err_text *why)
{
    enum err result = check_database(check, check->file.db, why);
    if (result == ERR_OK) {
        result = check_records(check, why);
    }
    if (result == ERR_OK) {
        result = check_sums(check, why);
    }
    if (result == ERR_OK) {
        result = check_sequence(check, why);
    }
    progress_clear(&check->progress);
    return result;
}

enum err spool_check(const struct spool_request *request, bool *sound, struct err_text *why)
{
    struct check check = {.request = request, .sound = sound};
    struct err_text damage = {0};
    enum err result = spool_file_open(request->path, &check.file, &damage);
    check.output = output_start(stdout, request->format, columns, ARRAY_LENGTH(columns));
    if (result == ERR_OK) {
        result = check_all(&check, why);
    } else if (result == ERR_CORRUPT) {
        show_fault(&check, "file", 0, damage.text);
        result = ERR_OK;
    } else {
        err_set(why, result, "%s", damage.text);
    }
    spool_file_close(&check.file);
    return spool_finish(&check.output, result, why);
}
