/*
 * scenario: what the simulator is to be: endpoints, their units and vessels, and the time line of faults.
 * Read from YAML by option tables; where it names no endpoints there is a built-in plant of three units.
 */
#ifndef BOURDON_PLCSIM_SCENARIO_H
#define BOURDON_PLCSIM_SCENARIO_H

#include "base/options.h"
#include "faults.h"
#include "process.h"
#include "secure.h"

enum {
    SCENARIO_ENDPOINTS_MAX = 2000,
    SCENARIO_CONNECTIONS_MAX = 10000,
};

struct vessel_scenario {
    struct place place;
    char *name;
    int64_t count;                 /* so many vessels alike */
    struct vessel_options physics; /* but for the two below, which it gets from scenario_vessels() */
    int64_t lag_us;
    int64_t surge_every_us;
};

struct unit_scenario {
    struct place place;
    int64_t id;
    int64_t count; /* so many units alike, with identifiers from `id` on */
    struct option_list vessels;
};

struct endpoint_scenario {
    struct place place;
    char *listen;
    int64_t count; /* so many endpoints alike, on ports from the one of `listen` on */
    int64_t connections;
    int64_t baud; /* of a serial line; 0 = bytes take no time */
    struct secure_scenario tls;
    struct option_list units;
};

struct scenario {
    struct place place;
    int64_t seed;
    int64_t scan_us;
    char *control;
    struct option_list endpoints;
    struct option_list faults; /* struct fault_options */
};

extern const struct option scenario_table[];

/*
 * Gives a scenario without endpoints the built-in plant, and checks the rules across fields. For struct
 * daemon: `scenario` is a struct scenario, loaded by scenario_table.
 */
void scenario_check(void *scenario, struct diagnostics *diagnostics);

/* How many vessels a unit has, and their physics in the order of their blocks into vessels[that many]. */
size_t scenario_vessel_count(const struct unit_scenario *unit);
void scenario_vessels(const struct unit_scenario *unit, struct vessel_options *vessels);

#endif
