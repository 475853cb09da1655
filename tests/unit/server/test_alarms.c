/* Alarms with their thread, file and command: what listeners hand over, what is told, what survives. */
#include "alarm/alarms.h"
#include "base/array.h"
#include "base/clock.h"
#include "support/suite.h"
#include "support/temporary.h"
#include "tunnel/batch_builder.h"
#include "tunnel/value.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void configure(const char *more)
{
    char text[8 * TEMPORARY_PATH_MAX];
    snprintf(text, sizeof text,
             "state: %s/alarms.db\n"
             "rules:\n"
             "  - {tag: 'boiler-*/pressure', level: high, limit: 10, deadband: 0.5}\n"
             "  - {tag: 'boiler-*/pressure', level: high, limit: 5}\n"
             "  - {tag: 'boiler-*/pressure', bridge: 'cell-3', level: low, limit: 2}\n"
             "%s",
             folder, more);
    struct diagnostics *diagnostics = diagnostics_new();
    enum err result =
        options_load_text("alarms", text, strlen(text), alarm_options_table, &options, diagnostics);
    alarm_options_check(&options, diagnostics);
    diagnostics_print(diagnostics, stderr);
    ck_assert_int_eq(result, ERR_OK);
    ck_assert_uint_eq(diagnostics_count(diagnostics), 0);
    diagnostics_free(diagnostics);
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
    struct buffer list;
    char text[CLOCK_TEXT_MAX];
    buffer_init(&list, 1024 * 1024);
    ck_assert_int_eq(alarms_list(alarms, &list), ERR_OK);
    ck_assert_int_eq(buffer_append(&list, "", 1), ERR_OK);
    ck_assert_ptr_nonnull(strstr((const char *)list.data, "\"state\":\"active_acknowledged\""));
    ck_assert_ptr_nonnull(strstr((const char *)list.data, clock_format(until_us, text)));
    buffer_fini(&list);
    observe("cell-3", 0, 12, catalog);
    observe("cell-3", 0, 1, catalog);
    AWAIT(was_told("\"state\":\"normal\",\"level\":\"high\""));
    ck_assert(!was_told("\"state\":\"active\",\"level\":\"high\""));
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
    ck_assert_int_eq(options_defaults(alarm_options_table, &options), ERR_OK);
    start();
    ck_assert_ptr_null(alarms);
    observe("cell-3", 0, 11, catalog);
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

int main(void)
{
    return suite_run_with("alarms", setup, teardown,
                          (const TTest *[]){
                              a_stored_value_beyond_its_limit_is_told_once,
                              rules_apply_to_the_tags_and_bridges_they_name,
                              a_batch_without_its_catalog_is_counted_and_the_next_one_watched,
                              states_survive_a_restart,
                              what_comes_off_the_shelf_by_itself_is_told,
                              an_alarm_that_is_not_there_is_said,
                              without_rules_there_is_nothing,
                              a_command_hears_each_change_and_nothing_of_what_is_shelved,
                              a_command_that_fails_hangs_or_is_missing_is_counted_and_hurts_nobody,
                              NULL,
                          });
}
