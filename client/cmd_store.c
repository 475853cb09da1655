#include "verbs.h"

#include "base/arguments.h"
#include "base/clock.h"
#include "progress.h"
#include "store/db_backup.h"
#include "store/store_schema.h"
#include "store_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char epilogue[] =
    "A server may go on writing meanwhile. A backup is one moment of the store, and a store itself: it may "
    "be\n"
    "checked, read, and put in the place of a lost one.\n"
    "\n"
    "Examples:\n"
    "  bourdon store check /var/lib/bourdon/server/store.db\n"
    "  bourdon store backup /var/lib/bourdon/server/store.db /backup/store-2026-01-31.db\n"
    "\n"
    "Exit status: 0 done, and nothing is damaged; 1 damaged, or it could not be done; 2 wrong arguments.";

static void show_damage(void *owner, const char *what, const char *text)
{
    progress_clear(owner);
    printf("damaged: %s: %s\n", what, text);
}

static void show_checked(void *owner, uint64_t batches, uint64_t total)
{
    progress_show(owner, "checked", batches, total, "batches", clock_mono_us());
}

static void show_copied(void *owner, uint64_t pages, uint64_t total)
{
    progress_show(owner, "copied", pages, total, "pages", clock_mono_us());
}

static enum err check(struct db *db, struct err_text *why)
{
    struct progress progress = {0};
    struct store_checked checked;
    const struct store_check_watcher watcher = {
        .owner = &progress, .damaged = show_damage, .looked_at = show_checked};
    enum err result = store_check_run(db, &watcher, &checked, why);
    progress_clear(&progress);
    if (result != ERR_OK) {
        return result;
    }
    printf("%" PRIu64 " batches, %" PRIu64 " readings, %" PRIu64 " catalogs: ", checked.batches,
           checked.readings, checked.catalogs);
    if (checked.damages == 0) {
        puts("whole");
        return ERR_OK;
    }
    printf("%" PRIu64 " damaged\n", checked.damages);
    return err_set(why, ERR_CORRUPT,
                   "%s is damaged: restore a backup, or copy what can be read into a new store", db_path(db));
}

static enum err backup(struct db *db, const char *path, struct err_text *why)
{
    struct progress progress = {0};
    const struct db_backup_watcher watcher = {.owner = &progress, .copied = show_copied};
    enum err result = db_backup(db, path, &watcher, why);
    progress_clear(&progress);
    return result;
}

static int run(const char *from, const char *to)
{
    struct err_text why = {""};
    struct db *db = NULL;
    enum err result = db_open_read_only(from, &store_schema, &db, &why);
    if (result == ERR_OK) {
        result = to ? backup(db, to, &why) : check(db, &why);
    }
    db_close(db);
    if (result != ERR_OK) {
        fprintf(stderr, "bourdon store: %s\n", why.text);
    }
    return result == ERR_OK ? STATUS_OK : STATUS_FAILED;
}

int cmd_store(int argc, char **argv)
{
    const struct argument table[] = {ARGUMENTS_END};
    const struct command_line line = {
        .program = "bourdon store",
        .summary = "Checks a server's store in SQLite, or copies it while the server runs.",
        .usage = "check FILE | backup FILE TO",
        .arguments = table,
        .positional_help = "check: reads everything: the file, digests, readings, gap records, sequences.\n"
                           "backup: copies it to the file TO, which must not be there.\n"
                           "FILE: the store of a server. Live or not, it is only read.",
        .epilogue = epilogue,
    };
    size_t words;
    enum arguments_result parsed = arguments_parse(&line, argc, argv, &words);
    if (parsed != ARGUMENTS_RUN) {
        return parsed == ARGUMENTS_DONE ? STATUS_OK : STATUS_USAGE;
    }
    if (words == 2 && strcmp(argv[0], "check") == 0) {
        return run(argv[1], NULL);
    }
    if (words == 3 && strcmp(argv[0], "backup") == 0) {
        return run(argv[1], argv[2]);
    }
    arguments_complain(&line, "it takes check and a FILE, or backup, a FILE and where TO");
    return STATUS_USAGE;
}
