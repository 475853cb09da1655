#include "server_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/db.h"
#include "store/store_schema.h"
#include "support/failing_vfs.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static struct certificates plant;
static char folder[TEMPORARY_PATH_MAX];
static char store_path[TEMPORARY_PATH_MAX];
static char config_path[TEMPORARY_PATH_MAX];
static struct server *server;
static pthread_t server_thread;
static int exit_status;

static const struct daemon server_daemon = {
    .program = "bourdon-server",
    .summary = "The server under test.",
    .table = server_options_table,
    .check = server_options_check,
    .check_files = server_options_check_files,
};

/* ---- what it says ---- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[1024 * 1024];
static size_t log_size;

static void keep_log(void *owner, const char *line, size_t size)
{
    (void)owner;
    pthread_mutex_lock(&log_lock);
    if (size < sizeof log_text - log_size) {
        memcpy(log_text + log_size, line, size);
        log_size += size;
    }
    pthread_mutex_unlock(&log_lock);
}

static unsigned log_count(const char *text)
{
    unsigned count = 0;
    pthread_mutex_lock(&log_lock);
    for (const char *at = log_text; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    pthread_mutex_unlock(&log_lock);
    return count;
}

bool server_fixture_said(const char *text)
{
    return log_count(text) > 0;
}

/* ---- the plant ---- */

void server_fixture_make_plant(void)
{
    certificates_make(&plant);
    certificates_run(&plant, "bridge", "cell-4");
    certificates_run(&plant, "bridge", "cell-5");
}

void server_fixture_remove_plant(void)
{
    certificates_remove(&plant);
}

const struct certificates *server_fixture_plant(void)
{
    return &plant;
}

/* ---- around a test ---- */

void server_fixture_setup(void)
{
    log_set_sink(keep_log, NULL);
    temporary_folder(folder);
    temporary_path(folder, "store.db", store_path);
    temporary_path(folder, "server.yaml", config_path);
    failing_vfs_install();
}

void server_fixture_teardown(void)
{
    if (server) {
        (void)server_fixture_stop();
    }
    temporary_remove(folder);
}

const char *server_fixture_store(void)
{
    return store_path;
}

const char *server_fixture_config(void)
{
    return config_path;
}

/* ---- running ---- */

void server_fixture_configure(const char *bridges, const char *more)
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

static enum err make_server(const char *more, void (*adjust)(struct server_options *options),
                            struct err_text *why)
{
    struct server_options options;
    server_fixture_configure("[cell-3]", more);
    ck_assert_int_eq(daemon_load(&server_daemon, config_path, &options), ERR_OK);
    if (adjust) {
        adjust(&options);
    }
    return server_new(&server_daemon, config_path, &options, &server, why);
}

enum err server_fixture_fail(void (*adjust)(struct server_options *options))
{
    struct err_text why;
    return make_server("", adjust, &why);
}

void server_fixture_start(const char *more, void (*adjust)(struct server_options *options))
{
    struct err_text why;
    enum err result = make_server(more, adjust, &why);
    ck_assert_msg(result == ERR_OK, "%s", why.text);
    ck_assert_int_eq(pthread_create(&server_thread, NULL, run_server, NULL), 0);
}

void server_fixture_stop_later(void)
{
    server_stop(server);
}

int server_fixture_wait(void)
{
    pthread_join(server_thread, NULL);
    server_free(server);
    server = NULL;
    return exit_status;
}

int server_fixture_stop(void)
{
    server_fixture_stop_later();
    return server_fixture_wait();
}

static unsigned reloads(void)
{
    return log_count("event=reloaded") + log_count("event=reload_refused");
}

void server_fixture_reload(void)
{
    unsigned before = reloads();
    int64_t give_up_us = clock_mono_us() + REMOTE_DEADLINE_MS * CLOCK_US_PER_MS;
    ck_assert_int_eq(raise(SIGHUP), 0);
    while (reloads() == before) {
        ck_assert_int_lt(clock_mono_us(), give_up_us);
        sched_yield();
    }
}

uint16_t server_fixture_port(void)
{
    return server_port(server, 0);
}

int64_t server_fixture_stored(const char *sql)
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

void server_fixture_connect(struct remote_bridge *remote, uint8_t epoch, uint64_t first, uint64_t next)
{
    remote_bridge_open(remote, &plant, "bridge/cell-3", server_fixture_port(), epoch, first, next);
    remote_bridge_await(remote, remote_bridge_is_ready);
    remote_bridge_send_catalog(remote);
}
