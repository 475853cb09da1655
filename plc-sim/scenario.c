#include "scenario.h"

#include "address.h"
#include "base/clock.h"

#include <string.h>

static const char builtin[] = "endpoints:\n"
                              "  - listen: 127.0.0.1:1502\n"
                              "    units:\n"
                              "      - id: 1\n"
                              "        vessels:\n"
                              "          - {name: boiler-1}\n"
                              "          - {name: boiler-2, setpoint: 7.5}\n"
                              "      - id: 2\n"
                              "        vessels:\n"
                              "          - name: compressor\n"
                              "            supply: 9.5\n"
                              "            setpoint: 6.5\n"
                              "            relief_open: 8.5\n"
                              "            relief_close: 8\n"
                              "            alarm_high: 8.2\n"
                              "            lag: 3s\n"
                              "      - id: 3\n"
                              "        vessels:\n"
                              "          - name: vacuum-header\n"
                              "            supply: 1\n"
                              "            setpoint: 0.3\n"
                              "            relief_open: 0.9\n"
                              "            relief_close: 0.8\n"
                              "            alarm_low: 0.1\n"
                              "            alarm_high: 0.6\n"
                              "            sensor_range: 1.6\n"
                              "            noise: 0.002\n";

#define VESSEL(member) .offset = offsetof(struct vessel_scenario, member)
#define PRESSURE       .kind = OPTION_FLOAT, .min = 0.001, .max = 600, .placeholder = "BAR"

static const struct option vessel_table[] = {
    {.name = "name",
     .kind = OPTION_STRING,
     VESSEL(name),
     .fallback = "vessel",
     .help = "A name for people, shown by --print-map."},
    {.name = "count",
     .kind = OPTION_INT,
     VESSEL(count),
     .fallback = "1",
     .min = 1,
     .max = PROCESS_VESSELS_MAX,
     .help = "So many vessels alike, one after the other."},
    {.name = "supply",
     PRESSURE,
     VESSEL(physics.supply_bar),
     .fallback = "12",
     .help = "Pressure of the supply."},
    {.name = "supply_swing",
     .kind = OPTION_FLOAT,
     VESSEL(physics.supply_swing_bar),
     .fallback = "0.5",
     .min = 0,
     .max = 600,
     .placeholder = "BAR",
     .help = "How far the supply swings to both sides, within five minutes."},
    {.name = "setpoint",
     PRESSURE,
     VESSEL(physics.setpoint_bar),
     .fallback = "8",
     .help = "What the pressure is controlled to at first; clients can change it."},
    {.name = "relief_open",
     PRESSURE,
     VESSEL(physics.relief_open_bar),
     .fallback = "10",
     .help = "Above this the relief valve opens."},
    {.name = "relief_close",
     PRESSURE,
     VESSEL(physics.relief_close_bar),
     .fallback = "9.5",
     .help = "Below this it closes again."},
    {.name = "alarm_low",
     .kind = OPTION_FLOAT,
     VESSEL(physics.alarm_low_bar),
     .fallback = "6",
     .min = 0,
     .max = 600,
     .placeholder = "BAR",
     .help = "Low alarm below this."},
    {.name = "alarm_high",
     PRESSURE,
     VESSEL(physics.alarm_high_bar),
     .fallback = "9.7",
     .help = "High alarm above this."},
    {.name = "sensor_range",
     PRESSURE,
     VESSEL(physics.sensor_range_bar),
     .fallback = "16",
     .help = "The sensor shows 0 up to this, and its end beyond."},
    {.name = "noise",
     .kind = OPTION_FLOAT,
     VESSEL(physics.noise_bar),
     .fallback = "0.02",
     .min = 0,
     .max = 600,
     .placeholder = "BAR",
     .help = "Standard deviation of the sensor's noise."},
    {.name = "lag",
     .kind = OPTION_DURATION,
     VESSEL(lag_us),
     .fallback = "6s",
     .min = 1000,
     .max = 3600e6,
     .help = "Time constant of the vessel."},
    {.name = "surge_every",
     .kind = OPTION_DURATION,
     VESSEL(surge_every_us),
     .fallback = "2m",
     .min = 0,
     .max = 86400e6,
     .help = "How often, on average, the inlet valve hangs open for some seconds; 0s is never."},
    OPTIONS_END,
};

static const struct option unit_table[] = {
    {.name = "id",
     .kind = OPTION_INT,
     .offset = offsetof(struct unit_scenario, id),
     .required = true,
     .min = 1,
     .max = 254,
     .help = "Unit identifier. 0 and 255 reach the first unit of the endpoint."},
    {.name = "count",
     .kind = OPTION_INT,
     .offset = offsetof(struct unit_scenario, count),
     .fallback = "1",
     .min = 1,
     .max = 254,
     .help = "So many units alike, with the identifiers from there on."},
    {.name = "vessels",
     .kind = OPTION_LIST,
     .offset = offsetof(struct unit_scenario, vessels),
     .table = vessel_table,
     .item_size = sizeof(struct vessel_scenario),
     .max_items = PROCESS_VESSELS_MAX,
     .required = true,
     .help = "The vessels of the unit; vessel n has the n-th block of registers and bits."},
    OPTIONS_END,
};

static const struct option endpoint_table[] = {
    {.name = "listen",
     .kind = OPTION_STRING,
     .offset = offsetof(struct endpoint_scenario, listen),
     .fallback = "127.0.0.1:1502",
     .placeholder = "ADDRESS:PORT",
     .help =
         "Where clients connect to; port 0 is a free one, which the log tells. rtu:PATH is a serial line: a "
         "pseudo terminal with a symbolic link PATH to it."},
    {.name = "count",
     .kind = OPTION_INT,
     .offset = offsetof(struct endpoint_scenario, count),
     .fallback = "1",
     .min = 1,
     .max = SCENARIO_ENDPOINTS_MAX,
     .help = "So many endpoints alike, on the ports from there on."},
    {.name = "connections",
     .kind = OPTION_INT,
     .offset = offsetof(struct endpoint_scenario, connections),
     .fallback = "64",
     .min = 1,
     .max = SCENARIO_CONNECTIONS_MAX,
     .help = "Connections at once; above that the one silent longest is closed."},
    {.name = "baud",
     .kind = OPTION_INT,
     .offset = offsetof(struct endpoint_scenario, baud),
     .fallback = "0",
     .min = 0,
     .max = 10e6,
     .help = "Speed of a serial line: requests and answers take their time; 0 is none."},
    {.name = "tls",
     .kind = OPTION_MAP,
     .offset = offsetof(struct endpoint_scenario, tls),
     .table = secure_table,
     .help = "Makes it an endpoint of MODBUS/TCP Security."},
    {.name = "units",
     .kind = OPTION_LIST,
     .offset = offsetof(struct endpoint_scenario, units),
     .table = unit_table,
     .item_size = sizeof(struct unit_scenario),
     .max_items = 254,
     .required = true,
     .help = "The units behind the endpoint."},
    OPTIONS_END,
};

const struct option scenario_table[] = {
    {.name = "seed",
     .kind = OPTION_INT,
     .offset = offsetof(struct scenario, seed),
     .fallback = "1",
     .min = 0,
     .max = 4294967295.0,
     .help = "Decides all that looks like chance."},
    {.name = "scan",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct scenario, scan_us),
     .fallback = "100ms",
     .min = 10e3,
     .max = 10e6,
     .help = "The PLC's cycle: values change this often."},
    {.name = "control",
     .kind = OPTION_STRING,
     .offset = offsetof(struct scenario, control),
     .placeholder = "PATH",
     .help = "Local socket that takes commands at run time; none if absent."},
    {.name = "endpoints",
     .kind = OPTION_LIST,
     .offset = offsetof(struct scenario, endpoints),
     .table = endpoint_table,
     .item_size = sizeof(struct endpoint_scenario),
     .max_items = SCENARIO_ENDPOINTS_MAX,
     .help = "The addresses to serve; a built-in plant of three units if absent."},
    {.name = "faults",
     .kind = OPTION_LIST,
     .offset = offsetof(struct scenario, faults),
     .table = fault_table,
     .item_size = sizeof(struct fault_options),
     .max_items = FAULTS_MAX,
     .help = "What shall go wrong, and when."},
    OPTIONS_END,
};

static void check_vessel(const struct vessel_scenario *vessel, struct diagnostics *diagnostics)
{
    const struct vessel_options *physics = &vessel->physics;
    if (physics->relief_close_bar > physics->relief_open_bar) {
        diagnostics_add(diagnostics, option_place(diagnostics, vessel, "relief_close"), NULL,
                        "relief_close: %g bar is above relief_open, %g bar", physics->relief_close_bar,
                        physics->relief_open_bar);
    }
    if (physics->setpoint_bar > physics->sensor_range_bar) {
        diagnostics_add(diagnostics, option_place(diagnostics, vessel, "setpoint"), NULL,
                        "setpoint: %g bar is beyond sensor_range, %g bar", physics->setpoint_bar,
                        physics->sensor_range_bar);
    }
    if (physics->alarm_low_bar > physics->alarm_high_bar) {
        diagnostics_add(diagnostics, option_place(diagnostics, vessel, "alarm_low"), NULL,
                        "alarm_low: %g bar is above alarm_high, %g bar", physics->alarm_low_bar,
                        physics->alarm_high_bar);
    }
}

static void check_unit(const struct unit_scenario *unit, bool *taken, struct diagnostics *diagnostics)
{
    const struct vessel_scenario *vessels = unit->vessels.items;
    for (size_t i = 0; i < unit->vessels.count; i++) {
        check_vessel(&vessels[i], diagnostics);
    }
    size_t count = scenario_vessel_count(unit);
    if (count < 1 || count > PROCESS_VESSELS_MAX) {
        diagnostics_add(diagnostics, option_place(diagnostics, unit, "vessels"), NULL,
                        "vessels: a unit has 1 to %d of them, not %zu", PROCESS_VESSELS_MAX, count);
    }
    for (int64_t id = unit->id; id < unit->id + unit->count; id++) {
        if (id > 254 || taken[id]) {
            diagnostics_add(diagnostics, option_place(diagnostics, unit, "id"), NULL,
                            id > 254 ? "id: %d is above the last unit, 254" : "id: unit %d is there already",
                            (int)id);
            return;
        }
        taken[id] = true;
    }
}

static void check_address(const struct endpoint_scenario *endpoint, struct diagnostics *diagnostics)
{
    struct address address;
    struct place place = option_place(diagnostics, endpoint, "listen");
    if (!address_parse(endpoint->listen, &address)) {
        diagnostics_add(diagnostics, place, "such as 127.0.0.1:1502, [::1]:0 or rtu:/tmp/plc",
                        "listen: %s is not ADDRESS:PORT or rtu:PATH", endpoint->listen);
    } else if (address.port != 0 && address.port + endpoint->count - 1 > UINT16_MAX) {
        diagnostics_add(diagnostics, place, NULL, "listen: %d endpoints from port %u on pass 65535",
                        (int)endpoint->count, address.port);
    } else if (address.host[0] && address.serial && endpoint->count > 1) {
        diagnostics_add(diagnostics, place, "rtu: without a path gives each a device of its own",
                        "listen: %d serial lines cannot share the path %s", (int)endpoint->count,
                        address.host);
    }
}

static void check_tls(const struct endpoint_scenario *endpoint, struct diagnostics *diagnostics)
{
    const struct secure_scenario *tls = &endpoint->tls;
    struct place place = option_place(diagnostics, endpoint, "tls");
    struct address address;
    struct tls_context *context = NULL;
    struct err_text why;
    if (!secure_is_wanted(tls) || !*tls->ca || !*tls->certificate || !*tls->key) {
        return; /* plain, or what is missing is said already */
    }
    if (address_parse(endpoint->listen, &address) && address.serial) {
        diagnostics_add(diagnostics, place, NULL, "tls: a serial line has none");
    } else if (secure_context(tls, &context, &why) != ERR_OK) {
        diagnostics_add(diagnostics, place, NULL, "tls: %s", why.text);
    }
    tls_context_unref(context);
}

static void check_endpoint(const struct endpoint_scenario *endpoint, struct diagnostics *diagnostics)
{
    check_address(endpoint, diagnostics);
    check_tls(endpoint, diagnostics);
    bool taken[256] = {false};
    const struct unit_scenario *units = endpoint->units.items;
    for (size_t i = 0; i < endpoint->units.count; i++) {
        check_unit(&units[i], taken, diagnostics);
    }
    if (endpoint->units.count == 0) {
        diagnostics_add(diagnostics, option_place(diagnostics, endpoint, "units"), NULL,
                        "units: an endpoint has at least one");
    }
}

static void take_builtin_plant(struct scenario *scenario, struct diagnostics *diagnostics)
{
    struct scenario plant;
    if (options_load_text("built-in plant", builtin, strlen(builtin), scenario_table, &plant, diagnostics) ==
        ERR_OK) {
        scenario->endpoints = plant.endpoints;
        plant.endpoints = (struct option_list){.items = NULL};
    }
    options_free(scenario_table, &plant);
}

void scenario_check(void *loaded, struct diagnostics *diagnostics)
{
    struct scenario *scenario = loaded;
    if (scenario->endpoints.count == 0 && diagnostics_count(diagnostics) == 0) {
        take_builtin_plant(scenario, diagnostics);
    }
    const struct endpoint_scenario *endpoints = scenario->endpoints.items;
    for (size_t i = 0; i < scenario->endpoints.count; i++) {
        check_endpoint(&endpoints[i], diagnostics);
    }
}

size_t scenario_vessel_count(const struct unit_scenario *unit)
{
    const struct vessel_scenario *vessels = unit->vessels.items;
    size_t count = 0;
    for (size_t i = 0; i < unit->vessels.count; i++) {
        count += (size_t)vessels[i].count;
    }
    return count;
}

void scenario_vessels(const struct unit_scenario *unit, struct vessel_options *vessels)
{
    const struct vessel_scenario *rows = unit->vessels.items;
    for (size_t i = 0; i < unit->vessels.count; i++) {
        struct vessel_options physics = rows[i].physics;
        physics.lag_s = (double)rows[i].lag_us / (double)CLOCK_US_PER_S;
        physics.surge_every_s = (double)rows[i].surge_every_us / (double)CLOCK_US_PER_S;
        for (int64_t copy = 0; copy < rows[i].count; copy++) {
            *vessels++ = physics;
        }
    }
}
