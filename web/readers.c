#include "readers.h"

#include "base/clock.h"
#include "store/reading_table.h"
#include "store/store_schema.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { STEPS_BETWEEN_LOOKS = 1000 }; /* of SQLite's machine, between two looks at the clock */

struct readers {
    const char *path;
    int64_t query_us;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct reader all[READERS_MAX];
    bool lent[READERS_MAX];
};

struct readers *readers_new(const char *path, int64_t query_us)
{
    struct readers *readers = calloc(1, sizeof *readers);
    if (!readers) {
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

static struct reader *borrow(struct readers *readers)
{
    int64_t until_us = clock_mono_us() + READERS_PATIENCE_MS * CLOCK_US_PER_MS;
    struct timespec until = {.tv_sec = until_us / CLOCK_US_PER_S,
                             .tv_nsec = (until_us % CLOCK_US_PER_S) * 1000};
    struct reader *reader;
    int code = 0;
    pthread_mutex_lock(&readers->lock);
    while (!(reader = free_reader(readers)) && code == 0) {
        code = pthread_cond_timedwait(&readers->freed, &readers->lock, &until);
    }
    if (reader) {
        readers->lent[reader - readers->all] = true;
    }
    pthread_mutex_unlock(&readers->lock);
    return reader;
}

static void give_back(struct readers *readers, struct reader *reader)
{
    pthread_mutex_lock(&readers->lock);
    readers->lent[reader - readers->all] = false;
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
