#include "base/array.h"
#include "scenario.h"
#include "support/suite.h"

#include <stdlib.h>
#include <string.h>

/* Loads, checks, and gives the diagnostics as text (to be freed). */
static char *load(const char *yaml, struct scenario *scenario)
{
    struct diagnostics *diagnostics = diagnostics_new();
    enum err result =
        options_load_text("test.yaml", yaml, strlen(yaml), scenario_table, scenario, diagnostics);
    ck_assert(result == ERR_OK || result == ERR_CONFIG);
    scenario_check(scenario, diagnostics);
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (diagnostics_count(diagnostics) > 0) {
        diagnostics_print(diagnostics, memory);
    }
    fclose(memory);
    diagnostics_free(diagnostics);
    return text;
}

START_TEST(without_endpoints_there_is_a_plant_of_three_units)
{
    struct scenario scenario;
    char *errors = load("seed: 7\n", &scenario);
    ck_assert_str_eq(errors, "");
    ck_assert_int_eq(scenario.seed, 7);
    ck_assert_uint_eq(scenario.endpoints.count, 1);
    const struct endpoint_scenario *endpoint = scenario.endpoints.items;
    ck_assert_str_eq(endpoint->listen, "127.0.0.1:1502");
    ck_assert_uint_eq(endpoint->units.count, 3);
    options_free(scenario_table, &scenario);
    free(errors);
}
END_TEST

START_TEST(vessels_alike_are_counted_and_get_their_physics)
{
    struct scenario scenario;
    char *errors = load("endpoints:\n  - units: [{id: 1, vessels: [{count: 3, lag: 2s, surge_every: 1m},"
                        " {setpoint: 5}]}]\n",
                        &scenario);
    ck_assert_str_eq(errors, "");
    const struct endpoint_scenario *endpoint = scenario.endpoints.items;
    const struct unit_scenario *unit = endpoint->units.items;
    ck_assert_uint_eq(scenario_vessel_count(unit), 4);
    struct vessel_options vessels[4];
    scenario_vessels(unit, vessels);
    ck_assert_double_eq(vessels[2].lag_s, 2);
    ck_assert_double_eq(vessels[2].surge_every_s, 60);
    ck_assert_double_eq(vessels[3].setpoint_bar, 5);
    ck_assert_double_eq(vessels[3].lag_s, 6);
    options_free(scenario_table, &scenario);
    free(errors);
}
END_TEST

START_TEST(refuses_what_cannot_be)
{
    static const struct {
        const char *name;
        const char *yaml;
        const char *expected;
    } rows[] = {
        {"no address", "endpoints: [{listen: nowhere, units: [{id: 1, vessels: [{}]}]}]", "nowhere"},
        {"port too high", "endpoints: [{listen: '127.0.0.1:65536', units: [{id: 1, vessels: [{}]}]}]",
         "ADDRESS:PORT"},
        {"ports pass the last",
         "endpoints: [{listen: '127.0.0.1:65535', count: 2, units: [{id: 1, vessels: [{}]}]}]", "pass 65535"},
        {"lines share a path",
         "endpoints: [{listen: 'rtu:/tmp/x', count: 2, units: [{id: 1, vessels: [{}]}]}]", "/tmp/x"},
        {"unit twice", "endpoints: [{units: [{id: 1, vessels: [{}]}, {id: 1, vessels: [{}]}]}]", "unit 1"},
        {"units overlap", "endpoints: [{units: [{id: 1, count: 5, vessels: [{}]}, {id: 5, vessels: [{}]}]}]",
         "unit 5"},
        {"units pass the last", "endpoints: [{units: [{id: 250, count: 6, vessels: [{}]}]}]", "255"},
        {"too many vessels", "endpoints: [{units: [{id: 1, vessels: [{count: 1000}, {}]}]}]", "1001"},
        {"relief upside down", "endpoints: [{units: [{id: 1, vessels: [{relief_close: 11}]}]}]",
         "relief_close"},
        {"setpoint beyond the sensor", "endpoints: [{units: [{id: 1, vessels: [{setpoint: 20}]}]}]",
         "sensor_range"},
        {"alarms upside down", "endpoints: [{units: [{id: 1, vessels: [{alarm_low: 11}]}]}]", "alarm_low"},
        {"a fault of no kind", "faults: [{unit: 1}]", "kind"},
        {"an unknown kind", "faults: [{kind: dely}]", "delay"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct scenario scenario;
        char *errors = load(rows[i].yaml, &scenario);
        ck_assert_msg(strstr(errors, "error:") && strstr(errors, rows[i].expected), "%s: %s", rows[i].name,
                      errors);
        options_free(scenario_table, &scenario);
        free(errors);
    }
}
END_TEST

int main(void)
{
    return suite_run("scenario", (const TTest *[]){
                                     without_endpoints_there_is_a_plant_of_three_units,
                                     vessels_alike_are_counted_and_get_their_physics,
                                     refuses_what_cannot_be,
                                     NULL,
                                 });
}
