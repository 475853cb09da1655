#include "spool/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "spool/disk_room.h"
#include "spool/dropper.h"

#include <stdlib.h>

/* How often to look at the disk and at the oldest batch when nothing else happens. */
#define LOOK_US         (10 * CLOCK_US_PER_S)
#define LOOK_STOPPED_US CLOCK_US_PER_S

struct keeper {
    struct spool *spool;
    struct dropper *dropper;
    sqlite3_stmt *free_bytes; /* of pages inside the file */
    struct room_bounds bounds;
    int64_t refused_since_us, refused_until_us; /* wall; 0 = nothing was refused */
    bool decided_accepting;                     /* in this transaction */
    bool accepting;
    int64_t look_us; /* monotonic */
    bool said_disk_full, said_no_ballast;
};

enum err keeper_new(struct spool *spool, struct keeper **out, struct err_text *why)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    *out = NULL;
    if (!keeper) {
        return err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    keeper->spool = spool;
    keeper->accepting = spool_state(spool)->stopped_us == 0;
    enum err result = dropper_new(spool, &keeper->dropper, why);
    if (result == ERR_OK) {
        result = db_prepare(spool_db(spool),
                            "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size",
                            &keeper->free_bytes, why);
    }
    if (result != ERR_OK) {
        keeper_free(keeper);
        return result;
    }
    *out = keeper;
    return ERR_OK;
}

void keeper_free(struct keeper *keeper)
{
    if (keeper) {
        dropper_free(keeper->dropper);
        sqlite3_finalize(keeper->free_bytes);
        free(keeper);
    }
}

void keeper_configure(struct keeper *keeper, const struct room_bounds *bounds)
{
    keeper->bounds = *bounds;
    keeper->look_us = 0;
}

void keeper_refused(struct keeper *keeper, int64_t first_us, int64_t last_us)
{
    if (keeper->refused_since_us == 0 || first_us < keeper->refused_since_us) {
        keeper->refused_since_us = first_us;
    }
    keeper->refused_until_us = last_us;
}

static enum err look(struct keeper *keeper, struct room_view *view, struct err_text *why)
{
    const struct spool_state *state = spool_state(keeper->spool);
    bool row = false;
    enum err result = db_step(spool_db(keeper->spool), keeper->free_bytes, &row, why);
    int64_t inside = row ? sqlite3_column_int64(keeper->free_bytes, 0) : 0;
    sqlite3_reset(keeper->free_bytes);
    int64_t outside = disk_room_free(db_path(spool_db(keeper->spool)));
    *view = (struct room_view){
        .used = state->bytes + state->quarantined,
        .free = outside < 0 ? outside : outside + inside,
        .stopped = state->stopped_us != 0,
    };
    return result;
}

static enum err expire(struct keeper *keeper, const struct spooler_time *now, struct gap_list *gaps,
                       struct err_text *why)
{
    if (keeper->bounds.max_age_us == 0 || !now->trusted) {
        return ERR_OK;
    }
    return dropper_expire(keeper->dropper, now->wall_us - keeper->bounds.max_age_us, gaps, why);
}

/* How much was not polled is known when polling begins again. */
static void end_refusal(struct keeper *keeper, const struct spooler_time *now, struct gap_list *gaps)
{
    int64_t stopped_us = spool_state(keeper->spool)->stopped_us;
    int64_t since_us = stopped_us != 0 ? stopped_us : keeper->refused_since_us;
    int64_t until_us = now->wall_us > keeper->refused_until_us ? now->wall_us : keeper->refused_until_us;
    if (since_us != 0) {
        gap_list_add(gaps, &(struct gap){
                               .reason = GAP_NOT_POLLED,
                               .from_us = since_us,
                               .to_us = until_us > since_us ? until_us : since_us,
                           });
    }
    spool_set_stopped(keeper->spool, 0);
}

enum err keeper_apply(struct keeper *keeper, const struct spooler_time *now, struct gap_list *gaps,
                      struct err_text *why)
{
    struct room_view view;
    int64_t dropped = 0;
    enum err result = expire(keeper, now, gaps, why);
    if (result == ERR_OK) {
        result = look(keeper, &view, why);
    }
    if (result != ERR_OK) {
        return result;
    }
    bool full = room_is_full(&keeper->bounds, &view);
    if (full && keeper->bounds.policy == ROOM_DROP_OLDEST) {
        result = dropper_make_room(keeper->dropper, room_excess(&keeper->bounds, &view), gaps, &dropped, why);
        full = dropped == 0;
    }
    keeper->decided_accepting = !full;
    keeper->look_us = now->mono_us + (full ? LOOK_STOPPED_US : LOOK_US);
    if (!full) {
        end_refusal(keeper, now, gaps);
    } else if (!view.stopped) {
        spool_set_stopped(keeper->spool, now->wall_us);
    }
    return result;
}

static void say_change(const struct keeper *keeper)
{
    const struct spool_state *state = spool_state(keeper->spool);
    const char *path = db_path(spool_db(keeper->spool));
    if (keeper->accepting) {
        log_info("spool", log_event("room_again"), log_str("spool", path), log_i64("bytes", state->bytes));
        return;
    }
    log_error("spool", log_event("full"), log_str("spool", path), log_i64("bytes", state->bytes),
              log_i64("max_bytes", keeper->bounds.max_bytes), log_i64("free", disk_room_free(path)),
              log_i64("min_free", keeper->bounds.min_free),
              log_str("effect", "polling has stopped until there is room; what is not polled becomes a gap"));
}

void keeper_committed(struct keeper *keeper)
{
    bool changed = keeper->accepting != keeper->decided_accepting;
    keeper->accepting = keeper->decided_accepting;
    keeper->said_disk_full = false;
    if (keeper->accepting) {
        keeper->refused_since_us = keeper->refused_until_us = 0;
    }
    if (changed) {
        say_change(keeper);
    }
}

bool keeper_disk_full(struct keeper *keeper)
{
    const char *path = db_path(spool_db(keeper->spool));
    bool released = disk_room_release_ballast(path);
    if (keeper->said_disk_full && !released) {
        return false;
    }
    keeper->said_disk_full = true;
    log_error("spool", log_event("disk_full"), log_str("spool", path), log_bool("ballast_released", released),
              log_str("effect", "nothing was lost; polling has stopped until there is room"));
    return released;
}

bool keeper_accepts(const struct keeper *keeper)
{
    return keeper->accepting;
}

static void tend_ballast(struct keeper *keeper)
{
    const char *path = db_path(spool_db(keeper->spool));
    struct err_text why = {{0}};
    if (disk_room_free(path) < keeper->bounds.min_free + DISK_ROOM_BALLAST) {
        return;
    }
    if (disk_room_make_ballast(path, &why) != ERR_OK && !keeper->said_no_ballast) {
        keeper->said_no_ballast = true;
        log_warn("spool", log_event("no_ballast"), log_str("spool", path), log_str("reason", why.text));
    }
}

enum err keeper_is_due(struct keeper *keeper, const struct spooler_time *now, bool *due, struct err_text *why)
{
    struct room_view view;
    *due = false;
    if (now->mono_us < keeper->look_us) {
        return ERR_OK;
    }
    keeper->look_us = now->mono_us + (keeper->accepting ? LOOK_US : LOOK_STOPPED_US);
    tend_ballast(keeper);
    enum err result = look(keeper, &view, why);
    bool full = result == ERR_OK && room_is_full(&keeper->bounds, &view);
    bool ageing = keeper->bounds.max_age_us != 0 && spool_state(keeper->spool)->batches > 0;
    *due = full == keeper->accepting || ageing || keeper->refused_since_us != 0;
    return result;
}

int64_t keeper_deadline_us(const struct keeper *keeper)
{
    return keeper->look_us;
}
