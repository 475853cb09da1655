#include "base/array.h"
#include "store/db.h"
#include "support/failing_vfs.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct db_schema schema = {
    .what = "spool",
    .application_id = 0x54455354,
    .version = 3,
    .create = "CREATE TABLE item (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT",
};
static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static struct err_text why;

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "test.db", path);
    failing_vfs_install();
}

static void teardown(void)
{
    temporary_remove(folder);
}

static struct db *opened(void)
{
    struct db *db = NULL;
    enum err result = db_open(path, &schema, &db, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    return db;
}

static enum err insert(struct db *db, int64_t id, size_t size)
{
    sqlite3_stmt *statement = NULL;
    ck_assert_int_eq(db_prepare(db, "INSERT INTO item VALUES (?, zeroblob(?))", &statement, &why), ERR_OK);
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)size);
    enum err result = db_run(db, statement, &why);
    sqlite3_finalize(statement);
    return result;
}

static int64_t number(struct db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    bool row = false;
    ck_assert_int_eq(db_prepare(db, sql, &statement, &why), ERR_OK);
    enum err result = db_step(db, statement, &row, &why);
    ck_assert_msg(result == ERR_OK && row, "%s", why.text);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static void write_file(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(name, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void make_foreign(const char *sql)
{
    sqlite3 *handle = NULL;
    ck_assert_int_eq(sqlite3_open(path, &handle), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

START_TEST(a_new_file_has_mode_schema_and_the_rules)
{
    umask(0);
    struct db *db = opened();
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0640);
    ck_assert_int_eq(number(db, "PRAGMA application_id"), schema.application_id);
    ck_assert_int_eq(number(db, "PRAGMA user_version"), schema.version);
    ck_assert_int_eq(number(db, "PRAGMA synchronous"), 2);
    ck_assert_int_eq(number(db, "PRAGMA foreign_keys"), 1);
    ck_assert_int_eq(number(db, "PRAGMA trusted_schema"), 0);
    ck_assert_int_eq(number(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
    ck_assert_int_eq(number(db, "SELECT count(*) FROM item"), 0);
    db_close(db);
}
END_TEST

START_TEST(what_was_committed_is_there_when_opened_again)
{
    struct db *db = opened();
    ck_assert_int_eq(insert(db, 7, 10), ERR_OK);
    ck_assert_int_eq(db_last_insert_id(db), 7);
    db_close(db);
    db = opened();
    ck_assert_int_eq(number(db, "SELECT id FROM item"), 7);
    db_close(db);
}
END_TEST

START_TEST(an_empty_file_is_a_new_one)
{
    write_file(path, "", 0);
    struct db *db = opened();
    ck_assert_int_eq(insert(db, 1, 1), ERR_OK);
    db_close(db);
}
END_TEST

START_TEST(a_log_without_its_database_is_set_aside_not_played)
{
    char log_name[TEMPORARY_PATH_MAX];
    write_file(temporary_path(folder, "test.db-wal", log_name), "lost", 4);
    struct db *db = opened();
    ck_assert_int_eq(number(db, "SELECT count(*) FROM item"), 0);
    db_close(db);
    ck_assert_int_eq(access(temporary_path(folder, "test.db-wal.orphan", log_name), F_OK), 0);
}
END_TEST

START_TEST(somebody_elses_file_is_refused_and_stays_as_it_was)
{
    static const char text[] = "Dear diary, this is no database, but it is longer than a header of one: "
                               "it goes on and on for more than a hundred bytes.";
    static const struct {
        const char *name;
        const char *sql; /* NULL = the text */
        enum err expected;
        const char *says;
    } rows[] = {
        {"text", NULL, ERR_CONFLICT, "is not a SQLite database"},
        {"no mark", "CREATE TABLE t (a)", ERR_CONFLICT, "another program"},
        {"other mark", "PRAGMA application_id = 1; PRAGMA user_version = 3", ERR_CONFLICT, "another program"},
        {"older", "PRAGMA application_id = 0x54455354; PRAGMA user_version = 2", ERR_VERSION,
         "has version 2"},
        {"newer", "PRAGMA application_id = 0x54455354; PRAGMA user_version = 4", ERR_VERSION,
         "has version 4"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        unlink(path);
        if (rows[i].sql) {
            make_foreign(rows[i].sql);
        } else {
            write_file(path, text, sizeof text);
        }
        struct stat before;
        struct stat after;
        struct db *db = NULL;
        ck_assert_int_eq(stat(path, &before), 0);
        ck_assert_msg(db_open(path, &schema, &db, &why) == rows[i].expected, "%s", rows[i].name);
        ck_assert_msg(strstr(why.text, rows[i].says), "%s: %s", rows[i].name, why.text);
        ck_assert_msg(strstr(why.text, path), "%s: %s", rows[i].name, why.text);
        ck_assert_int_eq(db_open_read_only(path, &schema, &db, &why), rows[i].expected);
        ck_assert_int_eq(stat(path, &after), 0);
        ck_assert_int_eq(before.st_size, after.st_size);
        ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
        char sibling[TEMPORARY_PATH_MAX];
        ck_assert_int_ne(access(temporary_path(folder, "test.db-lock", sibling), F_OK), 0);
    }
}
END_TEST

START_TEST(a_second_writer_is_refused_and_readers_are_not)
{
    struct db *db = opened();
    struct db *second = NULL;
    struct db *reader = NULL;
    ck_assert_int_eq(db_open(path, &schema, &second, &why), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(why.text, "being written by another process"));
    ck_assert_int_eq(insert(db, 1, 1), ERR_OK);
    ck_assert_int_eq(db_open_read_only(path, &schema, &reader, &why), ERR_OK);
    ck_assert_int_eq(number(reader, "SELECT count(*) FROM item"), 1);
    ck_assert_int_eq(insert(db, 2, 1), ERR_OK);
    ck_assert_int_eq(number(reader, "SELECT count(*) FROM item"), 2);
    ck_assert_int_ne(insert(reader, 3, 1), ERR_OK);
    db_close(reader);
    db_close(db);
    db_close(opened());
}
END_TEST

static void write_until_killed(int ready)
{
    struct db *db = opened();
    for (int64_t id = 1;; id++) {
        if (insert(db, id, 3000) != ERR_OK || write(ready, &id, sizeof id) != sizeof id) {
            _exit(EXIT_FAILURE);
        }
    }
}

START_TEST(a_reader_sees_what_a_killed_writer_had_committed)
{
    enum { COMMITS = 5 };
    int pipe_ends[2];
    ck_assert_int_eq(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        write_until_killed(pipe_ends[1]);
    }
    int64_t seen = 0;
    for (int i = 0; i < COMMITS; i++) {
        ck_assert_int_eq(read(pipe_ends[0], &seen, sizeof seen), sizeof seen);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    struct db *reader = NULL;
    ck_assert_int_eq(db_open_read_only(path, &schema, &reader, &why), ERR_OK);
    ck_assert_int_ge(number(reader, "SELECT count(*) FROM item"), seen);
    db_close(reader);
    struct db *db = opened();
    ck_assert_int_ge(number(db, "SELECT count(*) FROM item"), seen);
    db_close(db);
}
END_TEST

/* What the database says without its log. */
static int64_t number_in_the_database_alone(const char *sql)
{
    char uri[TEMPORARY_PATH_MAX + 32];
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
    ck_assert_int_eq(sqlite3_open_v2(uri, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return value;
}

START_TEST(what_a_life_left_in_the_log_is_in_the_database_before_anything_is_added)
{
    pid_t child = fork();
    if (child == 0) {
        struct db *db = opened();
        _exit(insert(db, 1, 10) == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int status = -1;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(number_in_the_database_alone("SELECT count(*) FROM item"), 0);
    struct db *db = opened();
    ck_assert_int_eq(number_in_the_database_alone("SELECT count(*) FROM item"), 1);
    db_close(db);
}
END_TEST

START_TEST(a_closed_database_can_be_read_without_permission_to_write_anything)
{
    db_close(opened());
    char sibling[TEMPORARY_PATH_MAX];
    unlink(temporary_path(folder, "test.db-lock", sibling));
    ck_assert_int_eq(chmod(path, 0444), 0);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    pid_t child = fork();
    if (child == 0) {
        struct db *reader = NULL;
        bool dropped = geteuid() != 0 || setuid(65534) == 0;
        enum err result = db_open_read_only(path, &schema, &reader, &why);
        bool good = dropped && result == ERR_OK && number(reader, "SELECT count(*) FROM item") == 0;
        _exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int status = 0;
    waitpid(child, &status, 0);
    chmod(folder, 0755);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(there_is_nothing_to_read_where_there_is_no_file)
{
    struct db *db = NULL;
    ck_assert_int_eq(db_open_read_only(path, &schema, &db, &why), ERR_NOT_FOUND);
    ck_assert_ptr_null(db);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_told_as_such)
{
    struct db *db = NULL;
    char nowhere[TEMPORARY_PATH_MAX];
    ck_assert_int_eq(db_open(temporary_path(folder, "nowhere/test.db", nowhere), &schema, &db, &why), ERR_IO);
    ck_assert_msg(strstr(why.text, "its folder does not exist: make it"), "%s", why.text);
}
END_TEST

START_TEST(the_log_stays_small)
{
    struct db *db = opened();
    for (int64_t id = 1; id <= 400; id++) {
        ck_assert_int_eq(insert(db, id, 4000), ERR_OK);
    }
    char log_name[TEMPORARY_PATH_MAX];
    struct stat status;
    ck_assert_int_eq(stat(temporary_path(folder, "test.db-wal", log_name), &status), 0);
    ck_assert_int_le(status.st_size, DB_JOURNAL_SIZE_MAX);
    db_close(db);
}
END_TEST

START_TEST(disk_errors_have_their_class)
{
    static const struct {
        const char *name;
        enum failing_operation operation;
        int code;
        enum err expected;
    } rows[] = {
        {"no space", FAILING_WRITE, SQLITE_FULL, ERR_DISK_FULL},
        {"write error", FAILING_WRITE, SQLITE_IOERR_WRITE, ERR_IO},
        {"fsync error", FAILING_SYNC, SQLITE_IOERR_FSYNC, ERR_SYNC},
        {"folder fsync error", FAILING_SYNC, SQLITE_IOERR_DIR_FSYNC, ERR_SYNC},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        unlink(path);
        struct db *db = opened();
        ck_assert_int_eq(insert(db, 1, 10), ERR_OK);
        failing_vfs_arm(rows[i].operation, 1, true, rows[i].code);
        ck_assert_msg(insert(db, 2, 10) == rows[i].expected, "%s: %s", rows[i].name, why.text);
        ck_assert_ptr_nonnull(strstr(why.text, path));
        failing_vfs_arm(rows[i].operation, 0, false, SQLITE_OK);
        db_close(db);
    }
}
END_TEST

/* Whatever write or sync fails: what was reported committed is there afterwards, and a full disk changed
 * nothing. */
static void fail_at(enum failing_operation operation, unsigned nth, int code, bool *struck)
{
    enum { ROUNDS = 30 };
    unlink(path);
    struct db *db = opened();
    int64_t committed = 0;
    enum err result = ERR_OK;
    failing_vfs_arm(operation, nth, false, code);
    for (int64_t id = 1; id <= ROUNDS && result == ERR_OK; id++) {
        result = db_begin(db, &why);
        if (result == ERR_OK) {
            result = insert(db, id, 9000);
        }
        if (result == ERR_OK) {
            result = db_commit(db, &why);
        } else {
            db_rollback(db);
        }
        committed = result == ERR_OK ? id : committed;
    }
    *struck = failing_vfs_struck(operation);
    if (result == ERR_DISK_FULL) {
        ck_assert_int_eq(number(db, "SELECT count(*) FROM item"), committed);
        ck_assert_int_eq(insert(db, committed + 1, 10), ERR_OK);
        committed++;
    }
    failing_vfs_arm(operation, 0, false, SQLITE_OK);
    db_close(db);
    db = opened();
    ck_assert_int_ge(number(db, "SELECT count(*) FROM item"), committed);
    db_close(db);
}

START_TEST(nothing_committed_is_lost_whichever_operation_fails)
{
    static const struct {
        enum failing_operation operation;
        int code;
    } rows[] = {{FAILING_WRITE, SQLITE_FULL},
                {FAILING_WRITE, SQLITE_IOERR_WRITE},
                {FAILING_SYNC, SQLITE_IOERR_FSYNC}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        bool struck = true;
        unsigned tried = 0;
        for (unsigned nth = 1; struck; nth += 7) {
            fail_at(rows[i].operation, nth, rows[i].code, &struck);
            tried += struck;
        }
        ck_assert_uint_gt(tried, 3);
    }
}
END_TEST

START_TEST(a_failed_sync_of_a_checkpoint_is_not_swallowed)
{
    struct db *db = opened();
    enum err result = insert(db, 1, 4000); /* the first commit also syncs the new log's head */
    unsigned syncs = 0;
    for (int64_t id = 2; result == ERR_OK && id <= 100 && syncs < 2; id++) {
        failing_vfs_arm(FAILING_SYNC, 2, false, SQLITE_IOERR_FSYNC);
        result = insert(db, id, 4000);
        syncs = failing_vfs_count(FAILING_SYNC);
    }
    ck_assert_int_eq(result, ERR_SYNC);
    ck_assert_ptr_nonnull(strstr(why.text, "checkpoint"));
    db_close(db);
}
END_TEST

/* Syncs of the transaction after the one that left so many pages in the log, by the counter of the file. */
static unsigned syncs_of_insert(struct db *db, int64_t id)
{
    failing_vfs_arm(FAILING_SYNC, 1000, false, SQLITE_IOERR_FSYNC);
    ck_assert_int_eq(insert(db, id, 4000), ERR_OK);
    return failing_vfs_count(FAILING_SYNC);
}

START_TEST(a_checkpoint_that_is_left_to_the_owner_costs_no_commit_a_sync)
{
    struct db *db = opened();
    db_checkpoint_later(db);
    ck_assert_int_eq(insert(db, 1, 4000), ERR_OK);
    int64_t id = 2;
    for (; id <= DB_CHECKPOINT_PAGES; id++) { /* each leaves more than a page */
        ck_assert_uint_eq(syncs_of_insert(db, id), 1);
    }
    failing_vfs_arm(FAILING_SYNC, 1000, false, SQLITE_IOERR_FSYNC);
    ck_assert_int_eq(db_checkpoint(db, &why), ERR_OK);
    ck_assert_uint_eq(failing_vfs_count(FAILING_SYNC), 2);
    ck_assert_int_eq(db_checkpoint(db, &why), ERR_OK);
    ck_assert_uint_eq(failing_vfs_count(FAILING_SYNC), 2);
    unsigned syncs = 1;
    for (; syncs <= 2 && id < DB_CHECKPOINT_LATEST_PAGES; id++) { /* the first one writes the log anew */
        syncs = syncs_of_insert(db, id);
    }
    ck_assert_uint_eq(syncs, 3);
    db_close(db);
}
END_TEST

START_TEST(a_failed_sync_of_a_checkpoint_is_the_owners_to_know)
{
    struct db *db = opened();
    db_checkpoint_later(db);
    for (int64_t id = 1; id <= DB_CHECKPOINT_PAGES; id++) {
        ck_assert_int_eq(insert(db, id, 4000), ERR_OK);
    }
    failing_vfs_arm(FAILING_SYNC, 2, false, SQLITE_IOERR_FSYNC);
    ck_assert_int_eq(db_checkpoint(db, &why), ERR_SYNC);
    db_close(db);
}
END_TEST

int main(void)
{
    return suite_run_with("db", setup, teardown,
                          (const TTest *[]){
                              a_new_file_has_mode_schema_and_the_rules,
                              what_was_committed_is_there_when_opened_again,
                              an_empty_file_is_a_new_one,
                              a_log_without_its_database_is_set_aside_not_played,
                              somebody_elses_file_is_refused_and_stays_as_it_was,
                              a_second_writer_is_refused_and_readers_are_not,
                              a_reader_sees_what_a_killed_writer_had_committed,
                              what_a_life_left_in_the_log_is_in_the_database_before_anything_is_added,
                              a_closed_database_can_be_read_without_permission_to_write_anything,
                              there_is_nothing_to_read_where_there_is_no_file,
                              a_folder_that_is_not_there_is_told_as_such,
                              the_log_stays_small,
                              disk_errors_have_their_class,
                              nothing_committed_is_lost_whichever_operation_fails,
                              a_failed_sync_of_a_checkpoint_is_not_swallowed,
                              a_checkpoint_that_is_left_to_the_owner_costs_no_commit_a_sync,
                              a_failed_sync_of_a_checkpoint_is_the_owners_to_know,
                              NULL,
                          });
}
