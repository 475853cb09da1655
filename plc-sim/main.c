/* bourdon-plcsim: a simulated plant that speaks Modbus TCP, with faults on demand. */
#include "address.h"
#include "map.h"
#include "sim.h"

#include "base/daemon.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What this program has on its command line besides what all daemons have. */
struct command {
    const char *listen;
    const char *seed;
    const char *truth;
    const char *faults;
    const char *control;
    bool print_map;
};

static int complain(const char *text)
{
    fprintf(stderr, "bourdon-plcsim: %s\n", text);
    return EXIT_USAGE;
}

static bool set_text(char **slot, const char *text)
{
    char *copy = strdup(text);
    if (copy) {
        free(*slot);
        *slot = copy;
    }
    return copy != NULL;
}

static bool set_seed(struct scenario *scenario, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long seed = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || seed > INT64_MAX) {
        return false;
    }
    scenario->seed = (int64_t)seed;
    return true;
}

/* What the command line says wins over the scenario. NULL, or what is wrong. */
static const char *apply(const struct command *command, struct scenario *scenario)
{
    struct endpoint_scenario *first = scenario->endpoints.items;
    struct address address;
    if (command->seed && !set_seed(scenario, command->seed)) {
        return "--seed is a number from 0 on";
    }
    if (command->listen && !address_parse(command->listen, &address)) {
        return "--listen is ADDRESS:PORT, such as 127.0.0.1:1502, or rtu:PATH";
    }
    if ((command->listen && !set_text(&first->listen, command->listen)) ||
        (command->control && !set_text(&scenario->control, command->control))) {
        return err_name(ERR_NO_MEMORY);
    }
    return NULL;
}

static enum err add_faults(struct sim *sim, const char *text, struct err_text *why)
{
    char *copy = strdup(text);
    enum err result = copy ? ERR_OK : ERR_NO_MEMORY;
    char *rest = NULL;
    for (char *fault = copy ? strtok_r(copy, ";", &rest) : NULL; fault && result == ERR_OK;
         fault = strtok_r(NULL, ";", &rest)) {
        result = sim_add_fault(sim, fault, why);
    }
    free(copy);
    return result;
}

static int serve(const struct command *command, const struct scenario *scenario)
{
    struct sim_options options = {.scenario = scenario, .truth = command->truth};
    struct sim *sim;
    struct err_text why;
    if (sim_new(&options, &sim, &why) != ERR_OK) {
        log_error("sim", log_event("cannot_start"), log_str("reason", why.text));
        return EXIT_FAILURE;
    }
    if (command->faults && add_faults(sim, command->faults, &why) != ERR_OK) {
        (void)!sim_free(sim, NULL);
        return complain(why.text);
    }
    sim_run(sim);
    if (sim_free(sim, &why) != ERR_OK) {
        log_error("sim", log_event("truth_incomplete"), log_str("reason", why.text));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static int run(const struct command *command, struct scenario *scenario)
{
    const char *wrong = apply(command, scenario);
    if (wrong) {
        return complain(wrong);
    }
    if (command->print_map) {
        map_print(stdout, scenario);
        return EXIT_SUCCESS;
    }
    return serve(command, scenario);
}

int main(int argc, char **argv)
{
    struct command command = {.listen = NULL};
    const struct argument arguments[] = {
        {"listen", 'l', "HOST:PORT", "Listen here, not where the first endpoint says.", &command.listen,
         NULL},
        {"seed", 's', "N", "What all that looks like chance follows from.", &command.seed, NULL},
        {"truth", 't', "FILE", "Write down what was served, for tests.", &command.truth, NULL},
        {"faults", 'f', "FAULTS",
         "Faults from the start on: KIND KEY=VALUE ..., several separated by a semicolon.", &command.faults,
         NULL},
        {"control", 0, "PATH", "Take commands at run time on this local socket.", &command.control, NULL},
        {"print-map", 0, NULL, "Print the addresses of the plant, and stop.", NULL, &command.print_map},
        ARGUMENTS_END,
    };
    const struct daemon plcsim = {
        .program = "bourdon-plcsim",
        .summary = "A simulated plant that speaks Modbus TCP, with faults on demand.",
        .epilogue =
            "Without -c it is a built-in plant of three units on 127.0.0.1:1502.\n"
            "Exit status: 0 ended by SIGTERM or SIGINT, 1 failed, 2 wrong arguments or scenario.\n"
            "Example: bourdon-plcsim --faults 'delay unit=1 delay=250ms; hole table=holding address=5'",
        .arguments = arguments,
        .config_optional = true,
        .table = scenario_table,
        .check = scenario_check,
    };
    struct scenario scenario;
    const char *config;
    int status = daemon_start(&plcsim, argc, argv, &scenario, &config);
    if (status != DAEMON_RUN) {
        return status;
    }
    status = run(&command, &scenario);
    options_free(scenario_table, &scenario);
    return status;
}
