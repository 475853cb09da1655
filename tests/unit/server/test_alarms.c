/* Alarms with their thread, file and command: what listeners hand over, what is told, what survives. */
#include "alarm/alarms.h"
#include "base/array.h"
#include "base/clock.h"
#include "support/suite.h"
#include "support/temporary.h"
#include "tunnel/batch_builder.h"
#include "tunnel/value.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEADLINE_S = 20 };

static char folder[TEMPORARY_PATH_MAX];
static struct alarm_options options;
static struct server_metrics metrics;
static struct alarms *alarms;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char told[64 * 1024];
static struct catalog *catalog;
static uint64_t sequence;
static int64_t now_us;

static void changed(void *owner, struct bytes line)
{
    (void)owner;
    pthread_mutex_lock(&lock);
    snprintf(told + strlen(told), sizeof told - strlen(told), "%.*s\n", (int)line.size,
             (const char *)line.data);
    pthread_mutex_unlock(&lock);
}

static bool was_told(const char *part)
{
    pthread_mutex_lock(&lock);
    bool found = strstr(told, part) != NULL;
    pthread_mutex_unlock(&lock);
    return found;
}

#define AWAIT(condition)                                                                                     \
    do {                                                                                                     \
        int64_t await_us = clock_mono_us() + DEADLINE_S * CLOCK_US_PER_S;                                    \
        while (!(condition) && clock_mono_us() < await_us) {                                                 \
            sched_yield();                                                                                   \
        }                                                                                                    \
        ck_assert_msg((condition), "%s; told: %s", #condition, told);                                        \
    } while (0)

static int64_t metric(enum server_metric which)
{
    return metric_get(&metrics.values[which]);
}

static void load(struct alarm_options *loaded, const char *state, const char *more)
{
    char text[8 * TEMPORARY_PATH_MAX];
    snprintf(text, sizeof text, "state: %s/%s\n%s", folder, state, more);
    struct diagnostics *diagnostics = diagnostics_new();
    enum err result =
        options_load_text("alarms", text, strlen(text), alarm_options_table, loaded, diagnostics);
    alarm_options_check(loaded, diagnostics);
    diagnostics_print(diagnostics, stderr);
    ck_assert_int_eq(result, ERR_OK);
    ck_assert_uint_eq(diagnostics_count(diagnostics), 0);
    diagnostics_free(diagnostics);
}

static void configure(const char *more)
{
    char text[4 * TEMPORARY_PATH_MAX];
    snprintf(text, sizeof text,
             "rules:\n"
             "  - {tag: 'boiler-*/pressure', level: high, limit: 10, deadband: 0.5}\n"
             "  - {tag: 'boiler-*/pressure', level: high, limit: 5}\n"
             "  - {tag: 'boiler-*/pressure', bridge: 'cell-3', level: low, limit: 2}\n"
             "%s",
             more);
    load(&options, "alarms.db", text);
}

/* As the server does when it reloads. */
static enum err use(const char *state, const char *more, struct err_text *why)
{
    struct alarm_options loaded;
    load(&loaded, state, more);
    enum err result = alarms_use(alarms, &loaded, why);
    struct alarm_options surplus = result == ERR_OK ? options : loaded;
    options = result == ERR_OK ? loaded : options;
    options_free(alarm_options_table, &surplus);
    return result;
}

static void start(void)
{
    struct err_text why = {""};
    ck_assert_msg(alarms_start(&options, &metrics, changed, NULL, &alarms, &why) == ERR_OK, "%s", why.text);
}

static void setup(void)
{
    static const struct catalog_tag tags[] = {
        {.name = "boiler-1/pressure",
         .unit = "bar",
         .link = "",
         .type = VALUE_FLOAT64,
         .words = 4,
         .scale = 1},
        {.name = "boiler-1/level", .unit = "m", .link = "", .type = VALUE_FLOAT64, .words = 4, .scale = 1},
    };
    temporary_folder(folder);
    ck_assert_int_eq(catalog_new(tags, ARRAY_LENGTH(tags), &catalog, NULL), ERR_OK);
    now_us = clock_wall_us();
    configure("");
}

static void teardown(void)
{
    alarms_stop(alarms);
    options_free(alarm_options_table, &options);
    catalog_free(catalog);
    temporary_remove(folder);
}

/* A committed batch with one reading of the tag. */
static void observe(const char *bridge, uint32_t tag, double number, const struct catalog *known)
{
    struct reading reading = {
        .tag = tag, .request_us = now_us, .response_us = now_us, .quality = QUALITY_GOOD, .word_count = 4};
    const struct value value = {.form = VALUE_FORM_FLOAT, .as.f64 = number};
    now_us += CLOCK_US_PER_MS;
    ck_assert_int_eq(value_encode(catalog_tag(catalog, tag), &value, reading.words), ERR_OK);
    struct batch_builder *builder = batch_builder_new(catalog);
    struct batch_identity identity = {.sequence = ++sequence};
    struct buffer encoded;
    struct batch_view view;
    buffer_init(&encoded, BATCH_SIZE_MAX);
    ck_assert_int_eq(batch_builder_add(builder, &reading), ERR_OK);
    ck_assert_int_eq(batch_builder_finish(builder, &identity, &encoded), ERR_OK);
    ck_assert_int_eq(batch_open(buffer_bytes(&encoded), &view, NULL), ERR_OK);
    const struct observed_batch batch = {.bridge = bridge,
                                         .view = &view,
                                         .catalog = known,
                                         .result = ACK_COMMITTED,
                                         .text = "",
                                         .received_us = now_us,
                                         .committed_us = now_us};
    alarms_observe(alarms, &batch);
    buffer_fini(&encoded);
    batch_builder_free(builder);
}

static bool exists(const char *name)
{
    char path[TEMPORARY_PATH_MAX];
    return access(temporary_path(folder, name, path), F_OK) == 0;
}

static char listed[64 * 1024];

/* Every alarm, as lines. */
static const char *list(void)
{
    struct buffer out;
    buffer_init(&out, sizeof listed);
    ck_assert_int_eq(alarms_list(alarms, false, &out), ERR_OK);
    snprintf(listed, sizeof listed, "%.*s", (int)out.size, out.data ? (const char *)out.data : "");
    buffer_fini(&out);
    return listed;
}

START_TEST(a_stored_value_beyond_its_limit_is_told_once)
{
    start();
    observe("cell-3", 0, 9, catalog);
    observe("cell-3", 0, 11, catalog);
    observe("cell-3", 0, 12, catalog);
    AWAIT(was_told(
        "\"state\":\"active\",\"level\":\"high\",\"bridge\":\"cell-3\",\"tag\":\"boiler-1/pressure\""));
    observe("cell-3", 0, 9.5, catalog);
    AWAIT(was_told("\"state\":\"returned\",\"level\":\"high\""));
    ck_assert_int_eq(metric(SERVER_ALARM_CHANGES), 2);
    AWAIT(metric(SERVER_ALARMS_UNACKNOWLEDGED) == 1);
    ck_assert_int_eq(metric(SERVER_ALARMS_ACTIVE), 0);
}
END_TEST

START_TEST(rules_apply_to_the_tags_and_bridges_they_name)
{
    start();
    observe("cell-3", 1, 1, catalog); // level: no rule
    observe("cell-4", 0, 1, catalog); // the rule for low is of cell-3
    observe("cell-3", 0, 1, catalog);
    AWAIT(was_told("\"level\":\"low\",\"bridge\":\"cell-3\""));
    ck_assert_int_eq(metric(SERVER_ALARM_CHANGES), 1);
}
END_TEST

START_TEST(a_batch_without_its_catalog_is_counted_and_the_next_one_watched)
{
    start();
    observe("cell-3", 0, 11, NULL);
    AWAIT(metric(SERVER_ALARM_BATCHES_SKIPPED) == 1);
    observe("cell-3", 0, 11, catalog);
    AWAIT(was_told("\"state\":\"active\""));
}
END_TEST

START_TEST(states_survive_a_restart)
{
    start();
    observe("cell-3", 0, 11, catalog);
    AWAIT(was_told("\"state\":\"active\""));
    ck_assert_int_eq(alarms_acknowledge(alarms, "cell-3", "boiler-1/pressure", ALARM_HIGH, NULL), ERR_OK);
    int64_t until_us = clock_wall_us() + 3600 * CLOCK_US_PER_S;
    ck_assert_int_eq(alarms_shelve(alarms, "cell-3", "boiler-1/pressure", ALARM_HIGH, until_us, NULL),
                     ERR_OK);
    alarms_stop(alarms);
    told[0] = '\0';
    start();
    char text[CLOCK_TEXT_MAX];
    ck_assert_ptr_nonnull(strstr(list(), "\"state\":\"active_acknowledged\""));
    ck_assert_ptr_nonnull(strstr(list(), clock_format(until_us, text)));
    observe("cell-3", 0, 12, catalog);
    observe("cell-3", 0, 1, catalog);
    AWAIT(was_told("\"state\":\"normal\",\"level\":\"high\""));
    ck_assert(!was_told("\"state\":\"active\",\"level\":\"high\""));
}
END_TEST

START_TEST(standing_are_those_that_are_not_normal_or_on_the_shelf)
{
    struct buffer out;
    start();
    observe("cell-3", 0, 9, catalog);
    observe("cell-4", 0, 11, catalog);
    AWAIT(was_told("cell-4"));
    ck_assert_int_eq(alarms_shelve(alarms, "cell-3", "boiler-1/pressure", ALARM_LOW,
                                   clock_wall_us() + CLOCK_US_PER_S * 99, NULL),
                     ERR_OK);
    buffer_init(&out, sizeof listed);
    ck_assert_int_eq(alarms_list(alarms, true, &out), ERR_OK);
    ck_assert_int_eq(buffer_append(&out, "", 1), ERR_OK);
    const char *lines = (const char *)out.data;
    ck_assert_ptr_nonnull(strstr(lines, "\"active\",\"level\":\"high\",\"bridge\":\"cell-4\""));
    ck_assert_ptr_nonnull(strstr(lines, "\"normal\",\"level\":\"low\",\"bridge\":\"cell-3\""));
    ck_assert_ptr_null(strstr(lines, "\"level\":\"high\",\"bridge\":\"cell-3\""));
    buffer_fini(&out);
}
END_TEST

START_TEST(what_comes_off_the_shelf_by_itself_is_told)
{
    start();
    observe("cell-3", 0, 11, catalog);
    AWAIT(was_told("\"state\":\"active\""));
    ck_assert_int_eq(alarms_shelve(alarms, "cell-3", "boiler-1/pressure", ALARM_HIGH,
                                   clock_wall_us() + 3600 * CLOCK_US_PER_S, NULL),
                     ERR_OK);
    AWAIT(metric(SERVER_ALARMS_SHELVED) == 1);
    ck_assert_int_eq(alarms_shelve(alarms, "cell-3", "boiler-1/pressure", ALARM_HIGH, clock_wall_us(), NULL),
                     ERR_OK);
    AWAIT(metric(SERVER_ALARM_CHANGES) == 4); // active, shelved, shelved until now, and off the shelf
    AWAIT(metric(SERVER_ALARMS_ACTIVE) == 1);
    ck_assert_int_eq(metric(SERVER_ALARMS), 2);
}
END_TEST

START_TEST(an_alarm_that_is_not_there_is_said)
{
    struct err_text why = {""};
    start();
    ck_assert_int_eq(alarms_shelve(alarms, "cell-3", "boiler-9/pressure", ALARM_HIGH, 0, &why),
                     ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(why.text, "boiler-9/pressure"));
    ck_assert_int_eq(alarms_acknowledge(NULL, "cell-3", "a", ALARM_LOW, &why), ERR_NOT_FOUND);
}
END_TEST

START_TEST(without_rules_there_is_nothing)
{
    options_free(alarm_options_table, &options);
    load(&options, "alarms.db", "");
    start();
    observe("cell-3", 0, 11, catalog);
    ck_assert_str_eq(list(), "");
    ck_assert(!exists("alarms.db"));
    alarms_stop(alarms);
    alarms = NULL;
    ck_assert_int_eq(metric(SERVER_ALARM_BATCHES_SKIPPED) + metric(SERVER_ALARM_CHANGES), 0);
}
END_TEST

/* ---- other rules ---- */

START_TEST(the_first_rules_may_come_with_a_reload)
{
    struct err_text why = {""};
    options_free(alarm_options_table, &options);
    load(&options, "alarms.db", "");
    start();
    ck_assert_int_eq(use("nowhere/alarms.db", "rules: [{tag: '*', level: high, limit: 10}]", &why), ERR_IO);
    ck_assert_msg(strncmp(why.text, "alarms: ", 8) == 0 && strstr(why.text, "nowhere"), "%s", why.text);
    observe("cell-3", 0, 11, catalog); // not watched
    ck_assert_int_eq(use("other.db", "rules: [{tag: '*', level: high, limit: 10}]", &why), ERR_OK);
    ck_assert(exists("other.db"));
    observe("cell-3", 1, 11, catalog);
    AWAIT(was_told("\"tag\":\"boiler-1/level\""));
    ck_assert_int_eq(metric(SERVER_ALARM_CHANGES), 1);
    ck_assert_int_eq(use("other.db", "", &why), ERR_OK);
    ck_assert_str_eq(list(), "");
    ck_assert_int_eq(metric(SERVER_ALARMS_ACTIVE), 0);
}
END_TEST

START_TEST(another_limit_is_judged_by_the_newest_value_and_the_rest_stays_as_it_is)
{
    struct err_text why = {""};
    int64_t until_us = clock_wall_us() + 3600 * CLOCK_US_PER_S;
    start();
    observe("cell-3", 0, 1, catalog);
    AWAIT(was_told("\"state\":\"active\",\"level\":\"low\""));
    ck_assert_int_eq(alarms_acknowledge(alarms, "cell-3", "boiler-1/pressure", ALARM_LOW, NULL), ERR_OK);
    ck_assert_int_eq(alarms_shelve(alarms, "cell-3", "boiler-1/pressure", ALARM_LOW, until_us, NULL), ERR_OK);
    told[0] = '\0';
    ck_assert_int_eq(use("alarms.db",
                         "rules:\n"
                         "  - {tag: boiler-1/level, level: high, limit: 3}\n"
                         "  - {tag: boiler-1/pressure, level: low, limit: 2}\n"
                         "  - {tag: boiler-1/pressure, level: high, limit: 0.5, deadband: 0.1}\n",
                         &why),
                     ERR_OK);
    ck_assert(was_told("\"state\":\"active\",\"level\":\"high\""));
    ck_assert(!was_told("\"level\":\"low\""));
    ck_assert_ptr_nonnull(strstr(list(), "\"state\":\"active_acknowledged\",\"level\":\"low\""));
    ck_assert_int_eq(metric(SERVER_ALARMS_SHELVED), 1);
    ck_assert_int_eq(metric(SERVER_ALARMS_ACTIVE), 1);
    observe("cell-3", 1, 4, catalog); // whose catalog came before its rule
    AWAIT(
        was_told("\"state\":\"active\",\"level\":\"high\",\"bridge\":\"cell-3\",\"tag\":\"boiler-1/level\""));
    ck_assert_int_eq(use("alarms.db", "rules: [{tag: boiler-1/pressure, level: high, limit: 2}]", &why),
                     ERR_OK);
    ck_assert(was_told("\"state\":\"returned\",\"level\":\"high\""));
}
END_TEST

START_TEST(what_no_rule_has_any_more_goes_for_good)
{
    static const char both[] =
        "rules: [{tag: '*/pressure', level: high, limit: 10}, {tag: '*/level', level: high, limit: 10}]";
    struct err_text why = {""};
    start();
    ck_assert_int_eq(use("alarms.db", both, &why), ERR_OK);
    observe("cell-3", 0, 11, catalog);
    observe("cell-3", 1, 11, catalog);
    AWAIT(metric(SERVER_ALARMS_ACTIVE) == 2);
    ck_assert_int_eq(use("alarms.db", "rules: [{tag: '*/level', level: high, limit: 10}]", &why), ERR_OK);
    ck_assert_int_eq(metric(SERVER_ALARMS_ACTIVE), 1);
    ck_assert_ptr_null(strstr(list(), "pressure"));
    ck_assert_ptr_nonnull(strstr(list(), "boiler-1/level"));
    ck_assert_int_eq(use("alarms.db", both, &why), ERR_OK);
    alarms_stop(alarms);
    start();
    ck_assert_ptr_null(strstr(list(), "pressure"));
    ck_assert_ptr_nonnull(strstr(list(), "boiler-1/level"));
    observe("cell-3", 0, 11, catalog); // a new one begins
    AWAIT(metric(SERVER_ALARMS_ACTIVE) == 2);
}
END_TEST

START_TEST(rules_that_went_before_a_start_leave_no_state)
{
    start();
    observe("cell-3", 0, 11, catalog);
    AWAIT(was_told("\"state\":\"active\""));
    for (int i = 0; i < 2; i++) {
        alarms_stop(alarms);
        options_free(alarm_options_table, &options);
        if (i == 0) {
            load(&options, "alarms.db", "rules: [{tag: other, level: high, limit: 10}]");
        } else {
            configure("");
        }
        start();
        ck_assert_str_eq(list(), "");
    }
}
END_TEST

/* ---- commands ---- */

static void write_script(const char *name, const char *text)
{
    char path[TEMPORARY_PATH_MAX];
    FILE *file = fopen(temporary_path(folder, name, path), "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    fclose(file);
    ck_assert_int_eq(chmod(path, 0700), 0);
}

static void configure_command(const char *name, const char *more)
{
    char text[4 * TEMPORARY_PATH_MAX];
    options_free(alarm_options_table, &options);
    snprintf(text, sizeof text, "command: [%s/%s, %s/heard]\n%s", folder, name, folder, more);
    configure(text);
    start();
}

static bool heard(const char *part)
{
    char path[TEMPORARY_PATH_MAX];
    char text[8192];
    FILE *file = fopen(temporary_path(folder, "heard", path), "r");
    if (!file) {
        return false;
    }
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    fclose(file);
    return strstr(text, part) != NULL;
}

START_TEST(a_command_hears_each_change_and_nothing_of_what_is_shelved)
{
    write_script("tell", "cat >>\"$1\"");
    configure_command("tell", "");
    observe("cell-3", 0, 11, catalog);
    AWAIT(heard("\"type\":\"alarm\",\"state\":\"active\",\"level\":\"high\""));
    int64_t until_us = clock_wall_us() + 3600 * CLOCK_US_PER_S;
    ck_assert_int_eq(alarms_shelve(alarms, "cell-3", "boiler-1/pressure", ALARM_HIGH, until_us, NULL),
                     ERR_OK);
    observe("cell-3", 0, 1, catalog);
    AWAIT(heard("\"state\":\"active\",\"level\":\"low\""));
    ck_assert(was_told("\"state\":\"returned\",\"level\":\"high\""));
    ck_assert(!heard("\"state\":\"returned\""));
    ck_assert_int_eq(metric(SERVER_ALARM_COMMANDS_FAILED), 0);
}
END_TEST

START_TEST(another_command_hears_of_what_comes_with_it)
{
    struct err_text why = {""};
    char text[4 * TEMPORARY_PATH_MAX];
    write_script("tell", "cat >>\"$1\"");
    start();
    observe("cell-3", 0, 9, catalog);
    AWAIT(strstr(list(), "\"value\":9") != NULL);
    snprintf(text, sizeof text, "command: [%s/tell, %s/heard]\nrules: [{tag: '*', level: high, limit: 8}]",
             folder, folder);
    ck_assert_int_eq(use("alarms.db", text, &why), ERR_OK);
    AWAIT(heard("\"state\":\"active\",\"level\":\"high\""));
    ck_assert_int_eq(use("alarms.db", "rules: [{tag: '*', level: high, limit: 20}]", &why), ERR_OK);
    ck_assert(was_told("\"state\":\"returned\""));
    ck_assert(!heard("\"state\":\"returned\""));
    ck_assert_int_eq(metric(SERVER_ALARM_COMMANDS_DROPPED), 0);
}
END_TEST

START_TEST(a_command_that_fails_hangs_or_is_missing_is_counted_and_hurts_nobody)
{
    static const struct {
        const char *name, *script;
    } rows[] = {{"fail", "exit 3"}, {"hang", "sleep 1000"}, {"missing", NULL}};
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (rows[i].script) {
            write_script(rows[i].name, rows[i].script);
        }
        metric_set(&metrics.values[SERVER_ALARM_COMMANDS_FAILED], 0);
        configure_command(rows[i].name, "timeout: 200ms\n");
        observe("cell-3", 0, 1, catalog);
        AWAIT(metric(SERVER_ALARM_COMMANDS_FAILED) == 1);
        observe("cell-3", 0, 11, catalog);
        AWAIT(metric(SERVER_ALARM_COMMANDS_FAILED) >= 3); // low returned, high active
        alarms_stop(alarms);
        alarms = NULL;
        char path[TEMPORARY_PATH_MAX];
        unlink(temporary_path(folder, "alarms.db", path));
    }
}
END_TEST

/* ---- webhooks ---- */

struct hook {
    int fd;
    const char *answer; /* "" = never; NULL = nobody listens */
    pthread_t thread;
};

static void *answer_hook(void *owner)
{
    struct hook *hook = owner;
    char request[4096];
    for (int fd; (fd = accept(hook->fd, NULL, NULL)) >= 0; close(fd)) {
        while (hook->answer[0] == '\0' && recv(fd, request, sizeof request, 0) > 0) {
        }
        ssize_t got = hook->answer[0] ? recv(fd, request, sizeof request, 0) : 0;
        if (got > 0 && strncmp(request, "POST / ", 7) == 0) {
            (void)!send(fd, hook->answer, strlen(hook->answer), MSG_NOSIGNAL);
        }
    }
    return NULL;
}

static uint16_t listen_on_any(struct hook *hook)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    hook->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(hook->fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(hook->fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port); // not listening yet: refused
}

START_TEST(a_webhook_counts_as_told_only_where_it_took_the_change)
{
    static const struct {
        const char *name, *answer;
        bool good;
    } rows[] = {
        {"taken", "HTTP/1.1 204 No Content\r\n\r\n", true},
        {"an error", "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", false},
        {"elsewhere", "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", false},
        {"an answer that does not end", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", false},
        {"no answer", "", false},
        {"nobody", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char text[128];
        struct hook hook = {.answer = rows[i].answer};
        snprintf(text, sizeof text, "webhook: http://127.0.0.1:%d/\ntimeout: 2s\n", listen_on_any(&hook));
        if (hook.answer) {
            ck_assert_int_eq(listen(hook.fd, 4), 0);
            pthread_create(&hook.thread, NULL, answer_hook, &hook);
        }
        metric_set(&metrics.values[SERVER_ALARM_COMMANDS], 0);
        metric_set(&metrics.values[SERVER_ALARM_COMMANDS_FAILED], 0);
        options_free(alarm_options_table, &options);
        configure(text);
        start();
        observe("cell-3", 0, 11, catalog);
        AWAIT(metric(SERVER_ALARM_COMMANDS) + metric(SERVER_ALARM_COMMANDS_FAILED) == 1);
        ck_assert_msg((metric(SERVER_ALARM_COMMANDS) == 1) == rows[i].good, "%s", rows[i].name);
        alarms_stop(alarms);
        alarms = NULL;
        shutdown(hook.fd, SHUT_RDWR);
        if (hook.answer) {
            pthread_join(hook.thread, NULL);
        }
        close(hook.fd);
        char path[TEMPORARY_PATH_MAX];
        unlink(temporary_path(folder, "alarms.db", path));
    }
}
END_TEST

int main(void)
{
    return suite_run_with("alarms", setup, teardown,
                          (const TTest *[]){
                              a_stored_value_beyond_its_limit_is_told_once,
                              rules_apply_to_the_tags_and_bridges_they_name,
                              a_batch_without_its_catalog_is_counted_and_the_next_one_watched,
                              states_survive_a_restart,
                              standing_are_those_that_are_not_normal_or_on_the_shelf,
                              what_comes_off_the_shelf_by_itself_is_told,
                              an_alarm_that_is_not_there_is_said,
                              without_rules_there_is_nothing,
                              the_first_rules_may_come_with_a_reload,
                              another_limit_is_judged_by_the_newest_value_and_the_rest_stays_as_it_is,
                              what_no_rule_has_any_more_goes_for_good,
                              rules_that_went_before_a_start_leave_no_state,
                              a_command_hears_each_change_and_nothing_of_what_is_shelved,
                              another_command_hears_of_what_comes_with_it,
                              a_command_that_fails_hangs_or_is_missing_is_counted_and_hurts_nobody,
                              a_webhook_counts_as_told_only_where_it_took_the_change,
                              NULL,
                          });
}
