#include "map.h"

#include "points.h"

#include <inttypes.h>

static void print_vessels(FILE *out, const struct endpoint_scenario *endpoint,
                          const struct unit_scenario *unit)
{
    const struct vessel_scenario *vessels = unit->vessels.items;
    int64_t number = 0;
    for (size_t i = 0; i < unit->vessels.count; i++) {
        for (int64_t copy = 0; copy < vessels[i].count; copy++, number++) {
            fprintf(out, "| %s | %" PRId64 " | %s | %" PRId64 " | %" PRId64 " |\n", endpoint->listen,
                    unit->id, vessels[i].name, number * POINTS_REGISTERS, number * POINTS_BITS);
        }
    }
}

void map_print(FILE *out, const struct scenario *scenario)
{
    fprintf(out, "| endpoint | unit | vessel | first register | first bit |\n|---|--:|---|--:|--:|\n");
    const struct endpoint_scenario *endpoints = scenario->endpoints.items;
    for (size_t i = 0; i < scenario->endpoints.count; i++) {
        const struct unit_scenario *units = endpoints[i].units.items;
        for (size_t n = 0; n < endpoints[i].units.count; n++) {
            print_vessels(out, &endpoints[i], &units[n]);
        }
    }
    fprintf(
        out,
        "\nRegisters of a vessel, the same as holding and as input registers (only holding registers can be "
        "written):\n\n");
    points_print(out);
}
