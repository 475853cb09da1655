#include "scan/survey.h"

#include "base/array.h"
#include "scan/fragment.h"
#include "scan/identify.h"
#include "support/suite.h"
#include "support/temporary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL "tcp://192.0.2.10:1502"

static char folder[TEMPORARY_PATH_MAX];
static char path[TEMPORARY_PATH_MAX];
static struct survey survey;

static void setup(void)
{
    temporary_folder(folder);
    temporary_path(folder, "plc.scan", path);
    survey_init(&survey, URL);
}

static void teardown(void)
{
    survey_fini(&survey);
    temporary_remove(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void find_something(void)
{
    struct survey_unit *unit = &survey.units[7];
    survey.units[6].state = SURVEY_ABSENT;
    unit->state = SURVEY_PRESENT;
    unit->identified = true;
    snprintf(unit->device, sizeof unit->device, "Maker of things 1.0");
    struct finder_known *holding = &unit->tables[TABLE_HOLDING];
    holding->next = 1000;
    holding->most = 60;
    ck_assert_int_eq(finder_add(holding, (struct finder_range){0, 2}), ERR_OK);
    ck_assert_int_eq(finder_add(holding, (struct finder_range){500, 501}), ERR_OK);
}

START_TEST(what_is_known_survives)
{
    find_something();
    ck_assert_int_eq(survey_save(&survey, path, NULL), ERR_OK);
    survey_fini(&survey);
    survey_init(&survey, URL);
    struct err_text why = {0};
    ck_assert_msg(survey_load(&survey, path, &why) == ERR_OK, "%s", why.text);
    const struct survey_unit *unit = &survey.units[7];
    const struct finder_known *holding = &unit->tables[TABLE_HOLDING];
    ck_assert_int_eq(survey.units[6].state, SURVEY_ABSENT);
    ck_assert_int_eq(unit->state, SURVEY_PRESENT);
    ck_assert_str_eq(unit->device, "Maker of things 1.0");
    ck_assert_uint_eq(holding->next, 1000);
    ck_assert_uint_eq(holding->most, 60);
    ck_assert_uint_eq(holding->count, 2);
    ck_assert_uint_eq(holding->ranges[1].end, 501);
    ck_assert_int_eq(survey.units[8].state, SURVEY_UNKNOWN);
}
END_TEST

START_TEST(no_file_says_nothing)
{
    ck_assert_int_eq(survey_load(&survey, path, NULL), ERR_OK);
}
END_TEST

START_TEST(a_file_that_is_no_state_of_this_scan_is_refused)
{
#define HEAD "bourdon-scan 1\nurl " URL "\n"
    static const struct {
        const char *text;
        enum err result;
        const char *why;
    } rows[] = {
        {"links:\n", ERR_MALFORMED, "not the state of a scan"},
        {"bourdon-scan 2\n", ERR_MALFORMED, "not the state of a scan"},
        {"bourdon-scan 1\nurl tcp://192.0.2.11\n", ERR_CONFLICT, "another url"},
        {HEAD "present\n", ERR_MALFORMED, "line 3"},
        {HEAD "present 256\n", ERR_MALFORMED, "line 3"},
        {HEAD "present 1 2\n", ERR_MALFORMED, "line 3"},
        {HEAD "device x\n", ERR_MALFORMED, "line 3"},
        {HEAD "table 1 holding 65537 1\n", ERR_MALFORMED, "line 3"},
        {HEAD "table 1 holding 0 126\n", ERR_MALFORMED, "line 3"},
        {HEAD "table 1 holding 0 0\n", ERR_MALFORMED, "line 3"},
        {HEAD "table 1 by-reference 0 1\n", ERR_MALFORMED, "line 3"},
        {HEAD "range 1 holding 5 4\n", ERR_MALFORMED, "line 3"},
        {HEAD "range 1 holding 0 65536\n", ERR_MALFORMED, "line 3"},
        {HEAD "range 1 holding 5 9\nrange 1 holding 9 9\n", ERR_MALFORMED, "line 4"},
        {HEAD "range 1 holding 5 9 1\n", ERR_MALFORMED, "line 3"},
        {HEAD "\n", ERR_MALFORMED, "line 3"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct err_text why = {0};
        write_file(rows[i].text);
        survey_fini(&survey);
        survey_init(&survey, URL);
        ck_assert_msg(survey_load(&survey, path, &why) == rows[i].result, "%s", rows[i].text);
        ck_assert_msg(strstr(why.text, rows[i].why), "%s: %s", rows[i].text, why.text);
    }
}
END_TEST

static char *fragment(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    fragment_write(file, &survey);
    fclose(file);
    return text;
}

START_TEST(a_fragment_names_each_address_that_can_be_read)
{
    ck_assert(!fragment_is_worthwhile(&survey));
    find_something();
    ck_assert(fragment_is_worthwhile(&survey));
    char *text = fragment();
    ck_assert_ptr_nonnull(strstr(text, "url: '" URL "'"));
    ck_assert_ptr_nonnull(strstr(text, "- id: 7  # Maker of things 1.0\n        max_registers: 60\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "{name: unit-7/holding-500, table: holding, address: 500, type: uint16"));
    ck_assert_ptr_null(strstr(text, "holding-2,"));
    free(text);
}
END_TEST

START_TEST(a_fragment_stays_of_a_size_that_people_read)
{
    survey.units[1].state = SURVEY_PRESENT;
    ck_assert_int_eq(finder_add(&survey.units[1].tables[TABLE_COIL], (struct finder_range){0, 65536}),
                     ERR_OK);
    char *text = fragment();
    ck_assert_ptr_nonnull(strstr(text, "coil-1999,"));
    ck_assert_ptr_null(strstr(text, "coil-2000,"));
    ck_assert_ptr_nonnull(strstr(text, "# coil 2000 to 65535 can be read, too"));
    free(text);
}
END_TEST

START_TEST(a_device_cannot_command_the_terminal_or_break_a_line)
{
    static const uint8_t objects[] = {0, 3, 'A', '\n', 'B', 1, 0, 2, 4, 0x1b, '[', '2', 'J'};
    char device[SURVEY_DEVICE_MAX] = "";
    identify_append((struct bytes){.data = objects, .size = sizeof objects}, device);
    ck_assert_str_eq(device, "A?B ?[2J");
    for (int i = 0; i < 200; i++) { /* it never ends, the room does */
        identify_append((struct bytes){.data = objects, .size = sizeof objects}, device);
    }
    ck_assert_uint_lt(strlen(device), SURVEY_DEVICE_MAX);
    identify_append((struct bytes){.data = objects, .size = 3}, device);
}
END_TEST

int main(void)
{
    return suite_run_with("survey", setup, teardown,
                          (const TTest *[]){
                              what_is_known_survives,
                              no_file_says_nothing,
                              a_file_that_is_no_state_of_this_scan_is_refused,
                              a_fragment_names_each_address_that_can_be_read,
                              a_fragment_stays_of_a_size_that_people_read,
                              a_device_cannot_command_the_terminal_or_break_a_line,
                              NULL,
                          });
}
