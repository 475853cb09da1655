#include "spool/integrity.h"

#include "base/array.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum { STEPS_BETWEEN_LOOKS = 100000 }; /* of SQLite's machine: some milliseconds */

struct watch {
    struct progress *progress;
    int64_t begin_us;
};

static int show_progress(void *owner)
{
    struct watch *watch = owner;
    int64_t now_us = clock_mono_us();
    progress_show(watch->progress, "checking the database, for",
                  (uint64_t)((now_us - watch->begin_us) / CLOCK_US_PER_S), 0, "s", now_us);
    return 0;
}

/* "fine" is what the query says when there is nothing. A file that cannot even be walked through is a
 * finding. */
static enum err run(struct db *db, const char *query, void (*fault)(void *owner, const char *text),
                    void *owner, bool *sound, struct err_text *why)
{
    sqlite3_stmt *statement = NULL;
    bool row = true;
    struct err_text damage = {0};
    enum err result = db_prepare(db, query, &statement, &damage);
    while (result == ERR_OK && row) {
        result = db_step(db, statement, &row, &damage);
        const char *text = row && result == ERR_OK ? (const char *)sqlite3_column_text(statement, 0) : NULL;
        if (text && strcmp(text, "ok") != 0) {
            *sound = false;
            fault(owner, text);
        }
    }
    if (result == ERR_CORRUPT) {
        *sound = false;
        fault(owner, damage.text);
        result = ERR_OK;
    }
    sqlite3_finalize(statement);
    return result == ERR_OK ? ERR_OK : err_set(why, result, "%s", damage.text);
}

static void say_nothing(void *owner, const char *text)
{
    (void)owner;
    (void)text;
}

enum err integrity_check(struct db *db, struct progress *progress,
                         void (*fault)(void *owner, const char *text), void *owner, bool *sound,
                         struct err_text *why)
{
    static const char *const queries[] = {
        "PRAGMA integrity_check(100)",
        "SELECT \"table\" || ' ' || rowid || ' refers to a ' || parent || ' that is not there'"
        " FROM pragma_foreign_key_check LIMIT 100",
    };
    struct watch watch = {.progress = progress, .begin_us = clock_mono_us()};
    enum err result = ERR_OK;
    *sound = true;
    sqlite3_progress_handler(db_handle(db), STEPS_BETWEEN_LOOKS, show_progress, &watch);
    for (size_t i = 0; result == ERR_OK && *sound && i < ARRAY_LENGTH(queries); i++) {
        result = run(db, queries[i], fault ? fault : say_nothing, owner, sound, why);
    }
    sqlite3_progress_handler(db_handle(db), 0, NULL, NULL);
    progress_clear(progress);
    return result;
}
