#include "readers.h"

#include "base/clock.h"
#include "store/reading_table.h"
#include "store/store_schema.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    STEPS_BETWEEN_LOOKS = 1000, /* of SQLite's machine, between two looks at the clock */
    LOOK_AT_LOG_US = 20 * CLOCK_US_PER_MS,
};

struct readers {
    const char *path;
    char *log_path;
    int64_t query_us;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct reader all[READERS_MAX];
    bool lent[READERS_MAX];
    bool resting;
    int64_t rest_until_us, next_rest_us; /* monotonic */
};

struct readers *readers_new(const char *path, int64_t query_us)
{
    struct readers *readers = calloc(1, sizeof *readers);
    if (!readers || asprintf(&readers->log_path, "%s-wal", path) < 0) {
        free(readers);
        return NULL;
    }
    readers->path = path;
    readers->query_us = query_us;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&readers->lock, NULL);
    pthread_cond_init(&readers->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return readers;
}

void readers_free(struct readers *readers)
{
    if (!readers) {
        return;
    }
    for (size_t i = 0; i < READERS_MAX; i++) {
        db_close(readers->all[i].db);
    }
    pthread_cond_destroy(&readers->freed);
    pthread_mutex_destroy(&readers->lock);
    free(readers->log_path);
    free(readers);
}

/* ---- time ---- */

static bool is_late(const struct reader *reader)
{
    return clock_mono_us() > reader->deadline_us;
}

static int look_at_clock(void *owner)
{
    return is_late(owner);
}

/* ---- lending ---- */

/* Which file lies there; all zero: none. */
static struct reader_file file_at(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0) {
        return (struct reader_file){.inode = 0};
    }
    return (struct reader_file){.device = (uint64_t)facts.st_dev, .inode = (uint64_t)facts.st_ino};
}

/* A backup may be put in its place, or the store be moved: what is open then is no longer the store. */
static void close_if_replaced(struct readers *readers, struct reader *reader)
{
    struct reader_file now = file_at(readers->path);
    if (reader->db && (now.inode != reader->file.inode || now.device != reader->file.device)) {
        db_close(reader->db);
        reader->db = NULL;
    }
}

static enum err open_reader(struct readers *readers, struct reader *reader, struct err_text *why)
{
    reader->file = file_at(readers->path); // before: if it is replaced meanwhile, it is opened once more
    enum err result = db_open_read_only(readers->path, &store_schema, &reader->db, why);
    if (result == ERR_OK && reading_table_register(db_handle(reader->db)) != SQLITE_OK) {
        db_close(reader->db);
        reader->db = NULL;
        result = err_set(why, ERR_NO_MEMORY, "out of memory");
    }
    if (result == ERR_OK) {
        sqlite3_progress_handler(db_handle(reader->db), STEPS_BETWEEN_LOOKS, look_at_clock, reader);
    }
    return result;
}

/* With the lock held. An open one first. */
static struct reader *free_reader(struct readers *readers)
{
    struct reader *found = NULL;
    for (size_t i = 0; i < READERS_MAX; i++) {
        if (!readers->lent[i] && (!found || (!found->db && readers->all[i].db))) {
            found = &readers->all[i];
        }
    }
    return found;
}

static bool log_is_long(const struct readers *readers)
{
    struct stat facts;
    return stat(readers->log_path, &facts) == 0 && facts.st_size > READERS_LOG_MAX;
}

static bool any_is_lent(const struct readers *readers)
{
    bool lent = false;
    for (size_t i = 0; i < READERS_MAX; i++) {
        lent = lent || readers->lent[i];
    }
    return lent;
}

/* With the lock held: whether the server needs a moment without readers. */
static bool must_rest(struct readers *readers, int64_t now_us)
{
    bool is_long = log_is_long(readers);
    if (!readers->resting && (!is_long || now_us < readers->next_rest_us)) {
        return false;
    }
    readers->resting = true;
    if (any_is_lent(readers) || (is_long && now_us < readers->rest_until_us)) {
        return true;
    }
    readers->resting = false;
    readers->next_rest_us = now_us + READERS_REST_PAUSE_MS * CLOCK_US_PER_MS;
    return false;
}

static struct timespec at(int64_t mono_us)
{
    return (struct timespec){.tv_sec = mono_us / CLOCK_US_PER_S,
                             .tv_nsec = (mono_us % CLOCK_US_PER_S) * 1000};
}

static struct reader *borrow(struct readers *readers)
{
    int64_t now_us = clock_mono_us();
    int64_t until_us = now_us + READERS_PATIENCE_MS * CLOCK_US_PER_MS;
    struct reader *reader = NULL;
    pthread_mutex_lock(&readers->lock);
    for (; now_us < until_us; now_us = clock_mono_us()) {
        bool rest = must_rest(readers, now_us);
        reader = rest ? NULL : free_reader(readers);
        if (reader) {
            readers->lent[reader - readers->all] = true;
            break;
        }
        struct timespec wake = at(rest ? now_us + LOOK_AT_LOG_US : until_us);
        pthread_cond_timedwait(&readers->freed, &readers->lock, &wake);
    }
    pthread_mutex_unlock(&readers->lock);
    return reader;
}

static void give_back(struct readers *readers, struct reader *reader)
{
    pthread_mutex_lock(&readers->lock);
    readers->lent[reader - readers->all] = false;
    readers->rest_until_us = clock_mono_us() + READERS_REST_MS * CLOCK_US_PER_MS; // if one is due
    pthread_cond_signal(&readers->freed);
    pthread_mutex_unlock(&readers->lock);
}

enum err readers_take(struct readers *readers, struct reader **out, struct err_text *why)
{
    struct reader *reader = borrow(readers);
    if (!reader) {
        return err_set(why, ERR_BUSY, "all %d connections to the store are busy; try again", READERS_MAX);
    }
    reader->deadline_us = clock_mono_us() + readers->query_us;
    close_if_replaced(readers, reader);
    enum err result = reader->db ? ERR_OK : open_reader(readers, reader, why);
    if (result != ERR_OK) {
        give_back(readers, reader);
        return result;
    }
    *out = reader;
    return ERR_OK;
}

/* While no server has the store open, and we may not write beside it, SQLite is told that it does not change:
 * for one question. */
static bool is_frozen(const struct reader *reader)
{
    return sqlite3_uri_boolean(sqlite3_db_filename(db_handle(reader->db), "main"), "immutable", 0) != 0;
}

/* What says nothing against the connection. */
static bool is_fine(enum err result)
{
    return result == ERR_OK || result == ERR_LIMIT || result == ERR_CONFIG || result == ERR_NOT_FOUND;
}

enum err readers_give(struct readers *readers, struct reader *reader, enum err result, struct err_text *why)
{
    if (!is_fine(result) && is_late(reader)) {
        result =
            err_set(why, ERR_TIMEOUT, "the query took longer than %.1f s: ask for fewer tags or less time",
                    (double)readers->query_us / (double)CLOCK_US_PER_S);
    }
    if ((!is_fine(result) && result != ERR_TIMEOUT) || is_frozen(reader)) {
        db_close(reader->db);
        reader->db = NULL;
    }
    give_back(readers, reader);
    return result;
}
