#include "spool/spool_verb.h"

#include "base/array.h"
#include "base/clock.h"
#include "net/tls.h"
#include "spool/backup.h"
#include "spool/integrity.h"
#include "spool/salvage.h"
#include "spool/spool_file.h"
#include "store/db_file.h"
#include "store/spool_schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What has to be done: nothing, single records set aside, or a new file made of what can be read. */
enum repair_need { NEED_NOTHING, NEED_RECORDS, NEED_REBUILD };

struct repair {
    const struct spool_request *request;
    char bridge[TLS_NAME_MAX]; /* "" = the file does not say */
    int64_t now_us;
    enum repair_need need;
    struct progress progress;
    char backup[PATH_MAX];
    struct salvage_report report; /* also of records set aside */
};

/* ---- what is wrong ---- */

static enum err count_good(void *owner, const struct spool_batch *batch, struct err_text *why)
{
    struct repair *repair = owner;
    (void)batch;
    (void)why;
    repair->report.batches++;
    progress_show(&repair->progress, "checked", (uint64_t)repair->report.batches, 0, "batches",
                  clock_mono_us());
    return ERR_OK;
}

static enum err note_damaged(void *owner, const struct backlog_damage *damage, struct err_text *why)
{
    struct repair *repair = owner;
    (void)damage;
    (void)why;
    repair->need = NEED_RECORDS;
    return ERR_OK;
}

static enum err examine_file(struct repair *repair, struct spool_file *file, struct err_text *why)
{
    const struct spool_visitor visitor = {.owner = repair, .batch = count_good, .damaged = note_damaged};
    bool whole = false;
    bool right = false;
    enum err result = spool_file_bridge(file->db, repair->bridge, why);
    if (result == ERR_OK) {
        result = integrity_check(file->db, &repair->progress, NULL, NULL, &whole, why);
    }
    if (result == ERR_OK && whole) {
        result = spool_file_sums_are_right(file, &right, why);
    }
    if (result == ERR_OK && right) {
        result = spool_file_walk(file, 0, SPOOL_FILE_ALL, &visitor, why);
    }
    bool rebuild = result == ERR_OK && (!whole || !right || salvage_is_marked(repair->request->path));
    repair->need = rebuild ? NEED_REBUILD : repair->need;
    return result;
}

static enum err examine(struct repair *repair, struct err_text *why)
{
    struct spool_file file;
    enum err result = spool_file_open(repair->request->path, &file, why);
    if (result == ERR_OK) {
        result = examine_file(repair, &file, why);
    }
    spool_file_close(&file);
    progress_clear(&repair->progress);
    if (result != ERR_CORRUPT) {
        return result;
    }
    struct db *db = NULL;
    if (!repair->bridge[0] && db_open_damaged(repair->request->path, &spool_schema, &db, NULL) == ERR_OK) {
        (void)!spool_file_bridge(db, repair->bridge, NULL);
    }
    db_close(db);
    repair->need = NEED_REBUILD;
    return ERR_OK;
}

/* ---- mending ---- */

static enum err set_aside(struct repair *repair, struct spool *spool, const struct backlog_chunk *chunk,
                          struct err_text *why)
{
    struct spool_batches made = {0};
    struct gap_list gaps = {0};
    enum err result = chunk->damaged_count > 0 ? spool_begin(spool, why) : ERR_OK;
    if (result != ERR_OK || chunk->damaged_count == 0) {
        return result;
    }
    for (size_t i = 0; result == ERR_OK && i < chunk->damaged_count; i++) {
        const struct backlog_damage *damage = &chunk->damaged[i];
        result = spool_quarantine_damaged(spool, damage->seq, damage->why.text, repair->now_us, &gaps, why);
    }
    if (result == ERR_OK) {
        result = spool_append_gaps(spool, &gaps, repair->now_us, &made, why);
    }
    result = result == ERR_OK ? spool_commit(spool, why) : result;
    for (size_t i = 0; result == ERR_OK && i < gaps.count; i++) {
        gap_list_add(&repair->report.lost, &gaps.gaps[i]);
    }
    repair->report.quarantined += result == ERR_OK ? (int64_t)chunk->damaged_count : 0;
    spool_batches_clear(&made);
    return result;
}

static enum err set_all_aside(struct repair *repair, struct spool *spool, struct err_text *why)
{
    struct backlog *backlog = NULL;
    struct backlog_chunk *chunk = calloc(1, sizeof *chunk);
    uint64_t last = spool_state(spool)->next_seq;
    if (!chunk) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    enum err result = backlog_new(spool_db(spool), spool_epoch(spool), &backlog, why);
    for (uint64_t next = 0; result == ERR_OK && next <= last; next = chunk->next) {
        *chunk = (struct backlog_chunk){0};
        result = backlog_read(backlog, next, last, chunk, why);
        spool_batches_clear(&chunk->batches);
        if (result == ERR_OK) {
            result = set_aside(repair, spool, chunk, why);
        }
    }
    backlog_free(backlog);
    free(chunk);
    return result;
}

static enum err mend_records(struct repair *repair, const struct spool_options *options, struct err_text *why)
{
    struct spool *spool = NULL;
    enum err result = spool_open(options, repair->now_us, &spool, why);
    if (result == ERR_OK) {
        result = set_all_aside(repair, spool, why);
    }
    spool_close(spool);
    return result;
}

static enum err mend(struct repair *repair, struct err_text *why)
{
    const struct spool_options options = {
        .path = repair->request->path, .bridge = repair->bridge, .ack_log_rows = INT64_MAX};
    return repair->need == NEED_REBUILD ? salvage(&options, repair->now_us, &repair->report, why)
                                        : mend_records(repair, &options, why);
}

/* ---- what came of it ---- */

static const struct output_column columns[] = {
    {.name = "result", .width = 8},
    {.name = "saved", .width = 8, .right = true},
    {.name = "quarantined", .width = 11, .right = true},
    {.name = "lost", .width = 24},
    {.name = "backup", .width = 40},
    {.name = "damaged_file", .width = 0},
};

/* "7, 9-12"; a gap without numbers is what nobody can tell. */
static void lost_text(const struct gap_list *lost, char *text, size_t size)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < lost->count && at < size; i++) {
        const struct gap *gap = &lost->gaps[i];
        const char *comma = i > 0 ? ", " : "";
        int added = gap->first_sequence == 0 ? snprintf(text + at, size - at, "%sunknown", comma)
                    : gap->first_sequence == gap->last_sequence
                        ? snprintf(text + at, size - at, "%s%" PRIu64, comma, gap->first_sequence)
                        : snprintf(text + at, size - at, "%s%" PRIu64 "-%" PRIu64, comma, gap->first_sequence,
                                   gap->last_sequence);
        at += added > 0 ? (size_t)added : 0;
    }
}

static enum err show(const struct repair *repair, struct err_text *why)
{
    static const char *const results[] = {"sound", "repaired", "rebuilt"};
    struct output output = output_start(stdout, repair->request->format, columns, ARRAY_LENGTH(columns));
    char lost[1024];
    lost_text(&repair->report.lost, lost, sizeof lost);
    output_toned(&output, results[repair->need], repair->need == NEED_NOTHING ? OUTPUT_GOOD : OUTPUT_NOTE);
    output_i64(&output, repair->report.batches);
    output_i64(&output, repair->report.quarantined);
    output_text(&output, lost);
    output_text(&output, repair->backup);
    output_text(&output, repair->report.aside);
    output_end_row(&output);
    return spool_finish(&output, ERR_OK, why);
}

/* ---- the way through ---- */

/* Somebody else's file is refused before anything is made beside it. */
static enum err inspect(const char *path, struct err_text *why)
{
    enum db_file_state state;
    enum err result = db_file_inspect(path, &spool_schema, &state, why);
    if (result == ERR_OK && state == DB_FILE_ABSENT) {
        result = err_set(why, ERR_NOT_FOUND, "there is no such file, or it is empty");
    }
    return result == ERR_OK ? ERR_OK : err_prefix(why, result, "spool %s", path);
}

static enum err choose_bridge(struct repair *repair, struct err_text *why)
{
    const char *given = repair->request->bridge;
    if (given && repair->bridge[0] && strcmp(given, repair->bridge) != 0) {
        return err_set(why, ERR_CONFLICT,
                       "spool %s: belongs to bridge \"%s\", not to \"%s\"; it was not touched",
                       repair->request->path, repair->bridge, given);
    }
    if (!given && !repair->bridge[0]) {
        return err_set(
            why, ERR_CORRUPT,
            "spool %s: it no longer says whose it is; it was not touched: say so with --bridge NAME, "
            "as in the bridge's certificate",
            repair->request->path);
    }
    if (given) {
        snprintf(repair->bridge, sizeof repair->bridge, "%s", given);
    }
    return ERR_OK;
}

/* With the lock, so that no bridge writes meanwhile. */
static enum err prepare(struct repair *repair, struct err_text *why)
{
    int lock = -1;
    enum err result = db_file_lock(repair->request->path, &lock, why);
    if (result != ERR_OK) {
        return err_prefix(why, result, "spool %s", repair->request->path);
    }
    result = examine(repair, why);
    if (result == ERR_OK && repair->need != NEED_NOTHING) {
        result = choose_bridge(repair, why);
    }
    if (result == ERR_OK && repair->need != NEED_NOTHING) {
        result = backup_make(repair->request->path, repair->now_us, &repair->progress, repair->backup, why);
    }
    close(lock);
    return result;
}

enum err spool_repair(const struct spool_request *request, bool *sound, struct err_text *why)
{
    struct repair *repair = calloc(1, sizeof *repair);
    struct stat owner;
    (void)sound;
    if (!repair) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    *repair = (struct repair){.request = request, .now_us = clock_wall_us()};
    enum err result = inspect(request->path, why);
    if (result == ERR_OK && stat(request->path, &owner) != 0) {
        result = err_errno(why, errno, "spool %s", request->path);
    }
    if (result == ERR_OK) {
        result = prepare(repair, why);
        if (result == ERR_OK && repair->need != NEED_NOTHING) {
            result = mend(repair, why);
        }
        backup_give_back(request->path, &owner);
    }
    if (result == ERR_OK) {
        result = show(repair, why);
    }
    free(repair);
    return result;
}
