#include "spool/salvage.h"

#include "base/array.h"
#include "spool/salvage_gaps.h"
#include "store/db_file.h"
#include "store/spool_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_ADDED = 64, ROWS_A_TRANSACTION = 1000, COLUMNS_OF_A_BATCH = 9, SEEK_MAX = 1 << 24 };

struct salvage {
    const char *path;
    char fresh[PATH_MAX]; /* the new file while it is made */
    struct db *from;      /* NULL: not even that can be opened */
    struct db *to;
    bool has_epoch;
    uint8_t epoch[BATCH_EPOCH_SIZE];
    uint64_t next_seq; /* at least */
    bool has_state;
    int64_t made_us, stopped_us, unsaved_since_us;
    int64_t batches, quarantined;
    struct gap_list lost;
    int64_t now_us;
    int64_t until;            /* backwards from here */
    sqlite3_stmt *quarantine; /* of `to` */
};

static bool sibling(const char *path, const char *suffix, char *name)
{
    int size = snprintf(name, PATH_MAX, "%s%s", path, suffix);
    return size > 0 && size < PATH_MAX;
}

/* ---- the mark ---- */

void salvage_mark(const char *path)
{
    enum { MARK_MODE = 0640 };
    char name[PATH_MAX];
    int fd = sibling(path, "-damaged", name) ? open(name, O_WRONLY | O_CREAT | O_CLOEXEC, MARK_MODE) : -1;
    if (fd >= 0) {
        close(fd);
    }
}

bool salvage_is_marked(const char *path)
{
    char name[PATH_MAX];
    return sibling(path, "-damaged", name) && access(name, F_OK) == 0;
}

/* ---- copying what can be read ---- */

/* One table: reads rows with `select` (first column: the key; ?1: only keys above it) and writes them. */
struct copying {
    const char *select;
    const char *insert;
    int columns;
    int encoded; /* column of an encoded batch to check, -1 = none */
};

static const struct copying catalogs = {"SELECT id, hash, encoded FROM catalog WHERE id > ?1 ORDER BY id",
                                        "INSERT INTO catalog VALUES (?1, ?2, ?3)", 3, -1};
static const struct copying batches = {
    "SELECT seq, kind, catalog, priority, readings, first_us, last_us, spooled_us, encoded FROM batch"
    " WHERE seq > ?1 ORDER BY seq",
    "INSERT INTO batch VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", COLUMNS_OF_A_BATCH, 8};
static const struct copying batches_backwards = {
    "SELECT seq, kind, catalog, priority, readings, first_us, last_us, spooled_us, encoded FROM batch"
    " WHERE seq > ?1 AND seq <= ?2 ORDER BY seq DESC",
    "INSERT INTO batch VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", COLUMNS_OF_A_BATCH, 8};
static const struct copying acks = {
    "SELECT id, seq, kind, readings, bytes, first_us, last_us, spooled_us, sent_us, committed_us, acked_us,"
    " result, text FROM ack_log WHERE id > ?1 ORDER BY id",
    "INSERT INTO ack_log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)", 13, -1};
static const struct copying quarantined = {
    "SELECT id, seq, kind, catalog, readings, first_us, last_us, spooled_us, quarantined_us, reason, text,"
    " encoded FROM quarantine WHERE id > ?1 ORDER BY id",
    "INSERT INTO quarantine VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)", 12, -1};
static const struct copying stores = {"SELECT store, highest_acked FROM peer_store WHERE highest_acked >= ?1",
                                      "INSERT INTO peer_store VALUES (?1, ?2)", 2, -1};

static void bind_row(sqlite3_stmt *insert, sqlite3_stmt *row, int columns)
{
    for (int i = 0; i < columns; i++) {
        sqlite3_bind_value(insert, i + 1, sqlite3_column_value(row, i));
    }
}

/* A damaged value that breaks a rule of the schema loses that row only. */
static enum err write_row(struct salvage *salvage, const struct copying *copying, sqlite3_stmt *row,
                          sqlite3_stmt *insert, struct err_text *why)
{
    bind_row(insert, row, copying->columns);
    enum err result = db_run(salvage->to, insert, why);
    return result == ERR_CONFLICT ? ERR_OK : result;
}

/*
 * Of a whole batch its own word about which one it is counts, not the row's or the file's; the first one
 * tells the epoch.
 */
static bool batch_is_good(struct salvage *salvage, sqlite3_stmt *row, int encoded, uint64_t *seq)
{
    struct batch_view view;
    *seq = (uint64_t)sqlite3_column_int64(row, 0);
    if (batch_open(db_column_bytes(row, encoded), &view, NULL) != ERR_OK) {
        return false;
    }
    if (salvage->batches == 0) {
        memcpy(salvage->epoch, view.identity.epoch, sizeof salvage->epoch);
        salvage->has_epoch = true;
    }
    bool ours = memcmp(view.identity.epoch, salvage->epoch, sizeof salvage->epoch) == 0;
    *seq = ours ? view.identity.sequence : *seq;
    return ours;
}

/* It is lost for the server; its bytes are kept for who wants to look at them. */
static enum err quarantine(struct salvage *salvage, sqlite3_stmt *row, uint64_t seq, struct err_text *why)
{
    sqlite3_stmt *insert = salvage->quarantine;
    bind_row(insert, row, COLUMNS_OF_A_BATCH);
    sqlite3_bind_int64(insert, 1, (int64_t)seq);
    sqlite3_bind_null(insert, 3); /* its catalog may be what is lost */
    sqlite3_bind_int64(insert, COLUMNS_OF_A_BATCH + 1, salvage->now_us);
    enum err result = db_run(salvage->to, insert, why);
    salvage->quarantined += result == ERR_OK;
    int64_t readings = sqlite3_column_int64(row, 4);
    gap_list_add(&salvage->lost, &(struct gap){.reason = GAP_SPOOL_DAMAGED,
                                               .first_sequence = seq,
                                               .last_sequence = seq,
                                               .readings = readings > 0 ? (uint64_t)readings : 0,
                                               .from_us = sqlite3_column_int64(row, 5),
                                               .to_us = sqlite3_column_int64(row, 6)});
    return result == ERR_CONFLICT ? ERR_OK : result;
}

static enum err write_batch(struct salvage *salvage, const struct copying *copying, sqlite3_stmt *row,
                            sqlite3_stmt *insert, struct err_text *why)
{
    uint64_t seq;
    enum err result = ERR_CONFLICT;
    if (batch_is_good(salvage, row, copying->encoded, &seq)) {
        bind_row(insert, row, copying->columns);
        sqlite3_bind_int64(insert, 1, (int64_t)seq);
        result = db_run(salvage->to, insert, why);
    }
    salvage->batches += result == ERR_OK;
    return result == ERR_CONFLICT ? quarantine(salvage, row, seq, why) : result;
}

struct progress {
    int64_t last; /* key */
    bool whole;   /* the table was read to its end */
};

static enum err copy_rows(struct salvage *salvage, const struct copying *copying, sqlite3_stmt *select,
                          sqlite3_stmt *insert, struct progress *progress, struct err_text *why)
{
    bool row = true;
    enum err result = ERR_OK;
    for (int64_t rows = 1; result == ERR_OK; rows++) {
        enum err read = db_step(salvage->from, select, &row, NULL);
        if (read != ERR_OK || !row) {
            progress->whole = read == ERR_OK;
            return ERR_OK;
        }
        progress->last = sqlite3_column_int64(select, 0);
        result = copying->encoded < 0 ? write_row(salvage, copying, select, insert, why)
                                      : write_batch(salvage, copying, select, insert, why);
        if (result == ERR_OK && rows % ROWS_A_TRANSACTION == 0) {
            result = db_commit(salvage->to, why);
            result = result == ERR_OK ? db_begin(salvage->to, why) : result;
        }
    }
    return result;
}

/* A table that cannot even be begun is empty. Only failures of the new file are errors. */
static enum err copy(struct salvage *salvage, const struct copying *copying, int64_t above,
                     struct progress *progress, struct err_text *why)
{
    sqlite3_stmt *select = NULL;
    sqlite3_stmt *insert = NULL;
    *progress = (struct progress){.last = above};
    enum err result = db_prepare(salvage->to, copying->insert, &insert, why);
    if (result == ERR_OK && db_prepare(salvage->from, copying->select, &select, NULL) == ERR_OK) {
        sqlite3_bind_int64(select, 1, above);
        if (sqlite3_bind_parameter_count(select) > 1) {
            sqlite3_bind_int64(select, 2, salvage->until);
        }
        result = db_begin(salvage->to, why);
        if (result == ERR_OK) {
            result = copy_rows(salvage, copying, select, insert, progress, why);
        }
        if (result == ERR_OK) {
            result = db_commit(salvage->to, why);
        }
    }
    sqlite3_finalize(select);
    sqlite3_finalize(insert);
    return result;
}

static const char insert_damaged[] =
    "INSERT INTO quarantine (seq, kind, catalog, readings, first_us, last_us, spooled_us, encoded,"
    " quarantined_us, reason, text) VALUES (?1, ?2, ?3, ?5, ?6, ?7, ?8, ?9, ?10, 2, 'found damaged')";

/* The first number behind a damage where reading goes on; it is sought in ever longer steps. */
static bool find_behind(const struct salvage *salvage, int64_t damage, int64_t *behind)
{
    static const char query[] = "SELECT seq FROM batch WHERE seq > ?1 ORDER BY seq LIMIT 1";
    int64_t end = salvage->next_seq > 1 ? (int64_t)salvage->next_seq : damage + SEEK_MAX;
    sqlite3_stmt *statement = NULL;
    bool row = false;
    if (db_prepare(salvage->from, query, &statement, NULL) != ERR_OK) {
        return false;
    }
    for (int64_t step = 1; !row && damage + step < end; step *= 2) {
        sqlite3_bind_int64(statement, 1, damage + step);
        row = db_step(salvage->from, statement, &row, NULL) == ERR_OK && row;
    }
    *behind = row ? sqlite3_column_int64(statement, 0) - 1 : INT64_MAX;
    sqlite3_finalize(statement);
    return row && *behind > damage;
}

static enum err copy_batches(struct salvage *salvage, struct err_text *why)
{
    struct progress forwards = {0};
    enum err result = db_prepare(salvage->to, insert_damaged, &salvage->quarantine, why);
    while (result == ERR_OK && !forwards.whole) {
        result = copy(salvage, &batches, forwards.last, &forwards, why);
        if (result != ERR_OK || forwards.whole) {
            break;
        }
        bool more = find_behind(salvage, forwards.last, &salvage->until);
        struct progress backwards; /* from there to the damage: what the search has left out */
        result = copy(salvage, &batches_backwards, forwards.last, &backwards, why);
        if (!more) {
            break;
        }
        forwards.last = salvage->until;
    }
    return result;
}

static enum err copy_all(struct salvage *salvage, struct err_text *why)
{
    static const struct copying *const rest[] = {&acks, &quarantined, &stores};
    struct progress progress;
    if (!salvage->from) {
        return ERR_OK;
    }
    enum err result = copy(salvage, &catalogs, 0, &progress, why);
    if (result == ERR_OK) {
        result = copy_batches(salvage, why);
    }
    for (size_t i = 0; result == ERR_OK && i < ARRAY_LENGTH(rest); i++) {
        result = copy(salvage, rest[i], 0, &progress, why);
    }
    return result;
}

/* ---- the new file ---- */

/* What the old file says of itself, as far as it says anything. */
static void read_old_state(struct salvage *salvage)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    salvage->next_seq = 1;
    if (!salvage->from || db_prepare(salvage->from,
                                     "SELECT epoch, next_seq, stopped_us, unsaved_since_us, made_us FROM "
                                     "identity JOIN state USING (id)",
                                     &statement, NULL) != ERR_OK) {
        return;
    }
    if (db_step(salvage->from, statement, &row, NULL) == ERR_OK && row) {
        struct bytes epoch = db_column_bytes(statement, 0);
        salvage->has_epoch = epoch.size == sizeof salvage->epoch;
        if (salvage->has_epoch) {
            memcpy(salvage->epoch, epoch.data, epoch.size);
        }
        salvage->next_seq = (uint64_t)sqlite3_column_int64(statement, 1);
        salvage->stopped_us = sqlite3_column_int64(statement, 2);
        salvage->unsaved_since_us = sqlite3_column_int64(statement, 3);
        salvage->made_us = sqlite3_column_int64(statement, 4);
        salvage->has_state = true;
    }
    sqlite3_finalize(statement);
}

/* What was in memory only when the bridge ended is lost as ever. Without the old state it began, at the
 * latest, when the newest batch did. */
static enum err finish_state(struct salvage *salvage, struct err_text *why)
{
    static const char update[] = "UPDATE state SET batches = (SELECT count(*) FROM batch),"
                                 " readings = (SELECT ifnull(sum(readings), 0) FROM batch),"
                                 " bytes = (SELECT ifnull(sum(length(encoded)), 0) FROM batch),"
                                 " quarantined = (SELECT ifnull(sum(length(encoded)), 0) FROM quarantine),"
                                 " next_seq = max(?1, (SELECT ifnull(max(seq), 0) + 1 FROM batch),"
                                 " (SELECT ifnull(max(seq), 0) + 1 FROM ack_log)), stopped_us = ?2,"
                                 " unsaved_since_us = ifnull(?3, (SELECT ifnull(max(first_us), 0) FROM"
                                 " (SELECT first_us FROM batch UNION ALL SELECT first_us FROM ack_log)))";
    sqlite3_stmt *statement = NULL;
    enum err result = db_prepare(salvage->to, update, &statement, why);
    if (result == ERR_OK) {
        sqlite3_bind_int64(statement, 1, (int64_t)salvage->next_seq);
        sqlite3_bind_int64(statement, 2, salvage->stopped_us);
        if (salvage->has_state) {
            sqlite3_bind_int64(statement, 3, salvage->unsaved_since_us);
        }
        result = db_run(salvage->to, statement, why);
    }
    sqlite3_finalize(statement);
    statement = NULL;
    if (result == ERR_OK) {
        result = db_prepare(salvage->to, "UPDATE identity SET made_us = ?1, epoch = ifnull(?2, epoch)",
                            &statement, why);
    }
    if (result == ERR_OK) {
        sqlite3_bind_int64(statement, 1, salvage->made_us);
        if (salvage->has_epoch) {
            sqlite3_bind_blob(statement, 2, salvage->epoch, sizeof salvage->epoch, SQLITE_STATIC);
        }
        result = db_run(salvage->to, statement, why);
    }
    sqlite3_finalize(statement);
    return result;
}

static enum err fill(struct salvage *salvage, const struct spool_options *options, int64_t now_us,
                     struct err_text *why)
{
    struct spool_options fresh = *options;
    struct spool *spool = NULL;
    fresh.path = salvage->fresh;
    enum err result = spool_open(&fresh, now_us, &spool, why); /* gives it an identity */
    spool_close(spool);
    if (result == ERR_OK) {
        result = db_open(salvage->fresh, &spool_schema, &salvage->to, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    read_old_state(salvage);
    result = copy_all(salvage, why);
    if (result == ERR_OK) {
        result = finish_state(salvage, why);
    }
    db_close(salvage->to);
    salvage->to = NULL;
    return result == ERR_OK ? salvage_gaps_add(&fresh, &salvage->lost, now_us, why) : result;
}

/* ---- changing places ---- */

static void remove_siblings(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-new"};
    for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
        char name[PATH_MAX];
        if (sibling(path, suffixes[i], name)) {
            (void)unlink(name);
        }
    }
}

static enum err move(const char *path, const char *to, const char *suffix, struct err_text *why)
{
    char source[PATH_MAX];
    char target[PATH_MAX];
    if (!sibling(path, suffix, source) || !sibling(to, suffix, target)) {
        return err_set(why, ERR_LIMIT, "path is too long");
    }
    if (rename(source, target) != 0 && errno != ENOENT) {
        return err_errno(why, errno, "cannot rename %s", source);
    }
    return ERR_OK;
}

/* The new file takes the old one's place in one step; before it the old one is linked under its other name.
 */
static enum err change_places(const struct salvage *salvage, const char *aside, struct err_text *why)
{
    char mark[PATH_MAX];
    if (link(salvage->path, aside) != 0 && errno != EEXIST) {
        return err_errno(why, errno, "cannot keep the damaged file as %s", aside);
    }
    enum err result = move(salvage->path, aside, "-wal", why);
    if (result == ERR_OK) {
        result = move(salvage->path, aside, "-shm", why);
    }
    if (result == ERR_OK) {
        result = move(salvage->fresh, salvage->path, "", why);
    }
    if (result == ERR_OK && sibling(salvage->path, "-damaged", mark)) {
        (void)unlink(mark);
    }
    return result;
}

enum err salvage(const struct spool_options *options, int64_t now_us, struct salvage_report *report,
                 struct err_text *why)
{
    struct salvage work = {.path = options->path, .now_us = now_us};
    int lock = -1;
    int size = snprintf(report->aside, sizeof report->aside, "%s.damaged-%lld", options->path,
                        (long long)(now_us / 1000000));
    if (!sibling(options->path, "-salvaging", work.fresh) || size < 0 || size > PATH_MAX - NAME_MAX_ADDED) {
        return err_set(why, ERR_LIMIT, "path is too long");
    }
    enum err result = db_file_lock(options->path, &lock, why);
    if (result != ERR_OK) {
        return result;
    }
    remove_siblings(work.fresh);
    salvage_mark(options->path); /* should we be interrupted between two renames */
    if (db_open_damaged(options->path, &spool_schema, &work.from, NULL) != ERR_OK) {
        work.from = NULL;
    }
    result = fill(&work, options, now_us, why);
    db_close(work.from);
    if (result == ERR_OK) {
        result = change_places(&work, report->aside, why);
    }
    remove_siblings(work.fresh);
    close(lock);
    report->batches = work.batches;
    report->quarantined = work.quarantined;
    report->lost = work.lost;
    return result == ERR_OK ? ERR_OK : err_prefix(why, result, "salvage of spool %s", options->path);
}
