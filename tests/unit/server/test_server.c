#include "base/array.h"
#include "base/clock.h"
#include "base/log.h"
#include "remote_bridge.h"
#include "server.h"
#include "store/db.h"
#include "store/store_schema.h"
#include "support/failing_vfs.h"
#include "support/suite.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One more than SQL can count to. */
#define TOO_HIGH ((uint64_t)INT64_MAX + 1)

static struct certificates plant;
static char folder[TEMPORARY_PATH_MAX];
static char store_path[TEMPORARY_PATH_MAX];
static char config_path[TEMPORARY_PATH_MAX];
static struct server *server;
static pthread_t server_thread;
static int exit_status;
static struct remote_bridge bridge;

static const struct daemon server_daemon = {
    .program = "bourdon-server",
    .summary = "The server under test.",
    .table = server_options_table,
    .check = server_options_check,
};

/* ---- what the server says ---- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned reloads_seen;

static void watch_log(void *owner, const char *line, size_t size)
{
    (void)owner;
    if (memmem(line, size, "event=reloaded", strlen("event=reloaded")) ||
        memmem(line, size, "event=reload_refused", strlen("event=reload_refused"))) {
        pthread_mutex_lock(&log_lock);
        reloads_seen++;
        pthread_mutex_unlock(&log_lock);
    }
}

static unsigned reload_count(void)
{
    pthread_mutex_lock(&log_lock);
    unsigned count = reloads_seen;
    pthread_mutex_unlock(&log_lock);
    return count;
}

/* ---- the server, in a thread of its own ---- */

static void write_config(const char *bridges, const char *more)
{
    char paths[4][TEMPORARY_PATH_MAX];
    FILE *file = fopen(config_path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "listen: 127.0.0.1:0\nca: %s\ncertificate: %s\nkey: %s\ncrl: %s\nstore: sqlite:%s\n"
            "bridges: %s\nhttp: 127.0.0.1:0\n%s",
            certificates_path(&plant, "ca.pem", paths[0]),
            certificates_path(&plant, "server/control.pem", paths[1]),
            certificates_path(&plant, "server/control.key", paths[2]),
            certificates_path(&plant, "crl.pem", paths[3]), store_path, bridges, more);
    fclose(file);
}

static void *run_server(void *owner)
{
    (void)owner;
    exit_status = server_run(server);
    return NULL;
}

/* What a test changes of the options that no configuration may hold. NULL = nothing. */
static void (*adjust)(struct server_options *options);

static void start_server(const char *more)
{
    struct server_options options;
    struct err_text why;
    write_config("[cell-3]", more);
    ck_assert_int_eq(daemon_load(&server_daemon, config_path, &options), ERR_OK);
    if (adjust) {
        adjust(&options);
    }
    enum err result = server_new(&server_daemon, config_path, &options, &server, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    ck_assert_int_eq(pthread_create(&server_thread, NULL, run_server, NULL), 0);
}

static int stop_server(void)
{
    server_stop(server);
    pthread_join(server_thread, NULL);
    server_free(server);
    server = NULL;
    return exit_status;
}

static void setup(void)
{
    log_set_sink(watch_log, NULL);
    temporary_folder(folder);
    temporary_path(folder, "store.db", store_path);
    temporary_path(folder, "server.yaml", config_path);
    failing_vfs_install();
}

static void teardown(void)
{
    if (server) {
        (void)stop_server();
    }
    temporary_remove(folder);
}

static int64_t stored(const char *sql)
{
    struct db *db = NULL;
    sqlite3_stmt *statement = NULL;
    struct err_text why;
    bool row = false;
    ck_assert_msg(db_open_read_only(store_path, &store_schema, &db, &why) == ERR_OK, "%s", why.text);
    ck_assert_int_eq(db_prepare(db, sql, &statement, &why), ERR_OK);
    ck_assert_int_eq(db_step(db, statement, &row, &why), ERR_OK);
    int64_t number = sqlite3_column_int64(statement, 0);
    db_close(db);
    return number;
}

static void connect_bridge(struct remote_bridge *remote, uint8_t epoch, uint64_t first, uint64_t next)
{
    remote_bridge_open(remote, &plant, "bridge/cell-3", server_port(server, 0), epoch, first, next);
    remote_bridge_await(remote, remote_bridge_is_ready);
    remote_bridge_send_catalog(remote);
}

static enum ack_result result_of(const struct remote_bridge *remote, uint64_t sequence)
{
    return remote->acks[sequence % REMOTE_SEQUENCES_MAX].result;
}

/* ---- storing ---- */

START_TEST(batches_are_stored_then_acknowledged)
{
    enum { BATCHES = 200 };
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        remote_bridge_send(&bridge, sequence, 7);
    }
    remote_bridge_await_acks(&bridge, BATCHES);
    ck_assert_int_eq(stored("SELECT count(*) FROM batch"), BATCHES);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        ck_assert_int_eq(result_of(&bridge, sequence), ACK_COMMITTED);
        ck_assert_int_gt(bridge.acks[sequence].committed_us, 0);
    }
    remote_bridge_close(&bridge);
    ck_assert_int_eq(stop_server(), 0);
}
END_TEST

START_TEST(a_batch_sent_again_is_a_duplicate_and_another_one_is_refused)
{
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    int64_t committed_us = bridge.acks[1].committed_us;
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 2);
    ck_assert_int_eq(result_of(&bridge, 1), ACK_DUPLICATE);
    ck_assert_int_eq(bridge.acks[1].committed_us, committed_us);
    remote_bridge_send(&bridge, 1, 8);
    remote_bridge_await_acks(&bridge, 3);
    ck_assert_int_eq(result_of(&bridge, 1), ACK_REJECTED);
    ck_assert_ptr_nonnull(strstr(bridge.acks[1].text, "another batch"));
    remote_bridge_send(&bridge, TOO_HIGH, 7);
    remote_bridge_await_acks(&bridge, 4);
    ck_assert_int_eq(result_of(&bridge, TOO_HIGH), ACK_REJECTED);
    ck_assert_int_eq(stored("SELECT count(*) FROM batch"), 1);
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_session_is_told_what_is_stored_of_its_epoch)
{
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    ck_assert_uint_eq(bridge.welcome.highest, 0);
    static const uint64_t sequences[] = {1, 2, 5};
    for (size_t i = 0; i < ARRAY_LENGTH(sequences); i++) {
        remote_bridge_send(&bridge, sequences[i], 7);
    }
    remote_bridge_await_acks(&bridge, 3);
    remote_bridge_close(&bridge);
    ck_assert_int_eq(stop_server(), 0);
    start_server("");
    connect_bridge(&bridge, 1, 3, 6);
    ck_assert_uint_eq(bridge.welcome.contiguous, 2);
    ck_assert_uint_eq(bridge.welcome.highest, 5);
    remote_bridge_close(&bridge);
    connect_bridge(&bridge, 2, 1, 1);
    ck_assert_uint_eq(bridge.welcome.highest, 0);
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_full_disk_puts_batches_off_and_loses_nothing)
{
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    failing_vfs_arm(FAILING_WRITE, 1, true, SQLITE_FULL);
    remote_bridge_send(&bridge, 2, 7);
    remote_bridge_await_acks(&bridge, 2);
    ck_assert_int_eq(result_of(&bridge, 2), ACK_RETRY_AFTER);
    ck_assert_uint_gt(bridge.acks[2].delay_ms, 0);
    failing_vfs_arm(FAILING_WRITE, 0, false, SQLITE_OK);
    remote_bridge_send(&bridge, 2, 7);
    remote_bridge_await_acks(&bridge, 3);
    ck_assert_int_eq(result_of(&bridge, 2), ACK_COMMITTED);
    remote_bridge_close(&bridge);
    ck_assert_int_eq(stop_server(), 0);
}
END_TEST

START_TEST(a_failed_sync_acknowledges_nothing_and_ends_the_server)
{
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    failing_vfs_arm(FAILING_SYNC, 1, false, SQLITE_IOERR_FSYNC);
    remote_bridge_send(&bridge, 2, 7);
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert_uint_eq(bridge.ack_count, 1);
    pthread_join(server_thread, NULL);
    ck_assert_int_eq(exit_status, EXIT_FAILURE);
    server_free(server);
    server = NULL;
    remote_bridge_close(&bridge);
}
END_TEST

/* Room for one small batch, not for two. */
static void shorten_queue(struct server_options *options)
{
    enum { QUEUE_BYTES = 700 };
    options->limits.queue_bytes = QUEUE_BYTES;
}

/* Another writer keeps the store waiting. */
static sqlite3 *block_store(void)
{
    sqlite3 *handle = NULL;
    ck_assert_int_eq(sqlite3_open(store_path, &handle), SQLITE_OK);
    ck_assert_int_eq(sqlite3_busy_timeout(handle, REMOTE_DEADLINE_MS), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    return handle;
}

START_TEST(a_full_queue_puts_batches_off_until_the_store_has_caught_up)
{
    adjust = shorten_queue;
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    sqlite3 *blocker = block_store();
    remote_bridge_send(&bridge, 2, 7);
    remote_bridge_send(&bridge, 3, 7);
    remote_bridge_await_acks(&bridge, 2);
    ck_assert_uint_eq(bridge.acks[2].last, 0);
    ck_assert_int_eq(result_of(&bridge, 3), ACK_RETRY_AFTER);
    sqlite3_close(blocker);
    remote_bridge_await_acks(&bridge, 3);
    ck_assert_int_eq(result_of(&bridge, 2), ACK_COMMITTED);
    remote_bridge_send(&bridge, 3, 7);
    remote_bridge_await_acks(&bridge, 4);
    ck_assert_int_eq(result_of(&bridge, 3), ACK_COMMITTED);
    remote_bridge_close(&bridge);
}
END_TEST

/* ---- who may ---- */

START_TEST(a_bridge_that_is_not_on_the_list_is_told_so)
{
    start_server("");
    remote_bridge_open(&bridge, &plant, "bridge/cell-4", server_port(server, 0), 1, 1, 1);
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert(!bridge.ready);
    ck_assert_int_eq(bridge.bye, BYE_NOT_ALLOWED);
    ck_assert_ptr_nonnull(strstr(bridge.bye_text, "cell-4 is not among the allowed"));
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_certificate_without_a_bridges_name_is_told_so)
{
    start_server("");
    remote_bridge_open(&bridge, &plant, "operator/anna", server_port(server, 0), 1, 1, 1);
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert_int_eq(bridge.bye, BYE_NOT_ALLOWED);
    ck_assert_ptr_nonnull(strstr(bridge.bye_text, "names no bridge"));
    remote_bridge_close(&bridge);
}
END_TEST

static bool is_over(const struct remote_bridge *remote)
{
    return remote->session_over;
}

START_TEST(the_same_bridge_and_epoch_connecting_anew_supersedes)
{
    static struct remote_bridge newer;
    static struct remote_bridge other;
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    connect_bridge(&other, 2, 1, 1);
    connect_bridge(&newer, 1, 1, 1);
    remote_bridge_await(&bridge, is_over);
    ck_assert_int_eq(bridge.bye, BYE_SUPERSEDED);
    remote_bridge_send(&newer, 1, 7);
    remote_bridge_await_acks(&newer, 1);
    remote_bridge_send(&other, 1, 7);
    remote_bridge_await_acks(&other, 1);
    ck_assert(!other.session_over);
    remote_bridge_close(&bridge);
    remote_bridge_close(&newer);
    remote_bridge_close(&other);
}
END_TEST

START_TEST(connections_beyond_the_limit_are_turned_away_and_come_in_later)
{
    static struct remote_bridge second;
    start_server("limits: {connections: 1}\n");
    connect_bridge(&bridge, 1, 1, 1);
    remote_bridge_open(&second, &plant, "bridge/cell-3", server_port(server, 0), 2, 1, 1);
    remote_bridge_await(&second, remote_bridge_is_gone);
    ck_assert(!second.ready);
    remote_bridge_close(&second);
    remote_bridge_close(&bridge);
    /* The server hears of the end a moment later. */
    do {
        remote_bridge_open(&second, &plant, "bridge/cell-3", server_port(server, 0), 2, 1, 1);
        while (!second.ready && !second.gone) {
            loop_run(second.loop);
        }
        bool came_in = second.ready;
        remote_bridge_close(&second);
        if (came_in) {
            break;
        }
    } while (true);
}
END_TEST

/* ---- stopping and reloading ---- */

START_TEST(stopping_answers_what_was_received_and_says_goodbye)
{
    enum { BATCHES = 50 };
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    for (uint64_t sequence = 1; sequence <= BATCHES; sequence++) {
        remote_bridge_send(&bridge, sequence, 7);
    }
    remote_bridge_await_acks(&bridge, 1);
    server_stop(server);
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert_int_eq(bridge.bye, BYE_SHUTTING_DOWN);
    pthread_join(server_thread, NULL);
    ck_assert_int_eq(exit_status, 0);
    ck_assert_int_eq(stored("SELECT count(*) FROM batch"), (int64_t)bridge.ack_count);
    server_free(server);
    server = NULL;
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_bridge_that_hangs_does_not_hold_up_the_stop_for_ever)
{
    start_server("timers: {stop: 300ms}\n");
    connect_bridge(&bridge, 1, 1, 1);
    /* From here on its loop does not run: it reads nothing and closes nothing. */
    int64_t begin_us = clock_mono_us();
    ck_assert_int_eq(stop_server(), 0);
    ck_assert_int_lt(clock_mono_us() - begin_us, 5 * CLOCK_US_PER_S);
    remote_bridge_close(&bridge);
}
END_TEST

/* By the signal, and until the server has said what came of it. */
static void reload(void)
{
    unsigned before = reload_count();
    int64_t give_up_us = clock_mono_us() + REMOTE_DEADLINE_MS * CLOCK_US_PER_MS;
    ck_assert_int_eq(raise(SIGHUP), 0);
    while (reload_count() == before) {
        ck_assert_int_lt(clock_mono_us(), give_up_us);
        sched_yield();
    }
}

START_TEST(a_reload_drops_who_is_no_longer_allowed)
{
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    write_config("[cell-4]", "");
    reload();
    remote_bridge_await(&bridge, remote_bridge_is_gone);
    ck_assert_int_eq(bridge.bye, BYE_NOT_ALLOWED);
    remote_bridge_close(&bridge);
    remote_bridge_open(&bridge, &plant, "bridge/cell-4", server_port(server, 0), 1, 1, 1);
    remote_bridge_await(&bridge, remote_bridge_is_ready);
    remote_bridge_close(&bridge);
}
END_TEST

START_TEST(a_reload_drops_who_was_revoked_and_nobody_else)
{
    static struct remote_bridge other;
    start_server("");
    write_config("\"*\"", "");
    reload();
    connect_bridge(&bridge, 1, 1, 1);
    remote_bridge_open(&other, &plant, "bridge/cell-5", server_port(server, 0), 1, 1, 1);
    remote_bridge_await(&other, remote_bridge_is_ready);
    certificates_run(&plant, "revoke", "bridge/cell-5");
    reload();
    remote_bridge_await(&other, remote_bridge_is_gone);
    ck_assert_int_eq(other.bye, BYE_NOT_ALLOWED);
    ck_assert_ptr_nonnull(strstr(other.bye_text, "revoked"));
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    remote_bridge_close(&bridge);
    remote_bridge_close(&other);
}
END_TEST

START_TEST(a_reload_that_is_wrong_changes_nothing)
{
    start_server("");
    connect_bridge(&bridge, 1, 1, 1);
    write_config("[cell-4]", "limits: {connections: 0}\n");
    reload();
    ck_assert_int_eq(unlink(config_path), 0);
    reload();
    remote_bridge_send(&bridge, 1, 7);
    remote_bridge_await_acks(&bridge, 1);
    ck_assert(!bridge.session_over);
    remote_bridge_close(&bridge);
}
END_TEST

int main(void)
{
    certificates_make(&plant);
    certificates_run(&plant, "bridge", "cell-4");
    certificates_run(&plant, "bridge", "cell-5");
    int status = suite_run_with("server", setup, teardown,
                                (const TTest *[]){
                                    batches_are_stored_then_acknowledged,
                                    a_batch_sent_again_is_a_duplicate_and_another_one_is_refused,
                                    a_session_is_told_what_is_stored_of_its_epoch,
                                    a_full_disk_puts_batches_off_and_loses_nothing,
                                    a_failed_sync_acknowledges_nothing_and_ends_the_server,
                                    a_full_queue_puts_batches_off_until_the_store_has_caught_up,
                                    a_bridge_that_is_not_on_the_list_is_told_so,
                                    a_certificate_without_a_bridges_name_is_told_so,
                                    the_same_bridge_and_epoch_connecting_anew_supersedes,
                                    connections_beyond_the_limit_are_turned_away_and_come_in_later,
                                    stopping_answers_what_was_received_and_says_goodbye,
                                    a_bridge_that_hangs_does_not_hold_up_the_stop_for_ever,
                                    a_reload_drops_who_is_no_longer_allowed,
                                    a_reload_drops_who_was_revoked_and_nobody_else,
                                    a_reload_that_is_wrong_changes_nothing,
                                    NULL,
                                });
    certificates_remove(&plant);
    return status;
}
