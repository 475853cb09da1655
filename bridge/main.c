/* bourdon-bridge: carries the readings of PLCs to a control server, and does not forget one on the way. */
#include "base/daemon.h"
#include "bridge.h"
#include "field/field_plan.h"

#include <stdlib.h>

static int print_plan(struct bridge_options *options)
{
    enum err result = field_plan_print(&options->field, stdout);
    bridge_options_release(options);
    options_free(bridge_options_table, options);
    return result == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    bool plan = false;
    const struct argument arguments[] = {
        {.name = "print-plan",
         .flag = &plan,
         .help = "Print each request to each PLC, its registers and its share of the line's time, and stop."},
        ARGUMENTS_END,
    };
    const struct daemon program = {
        .program = "bourdon-bridge",
        .summary = "Polls PLCs over Modbus and carries their readings to a control server over mutual TLS.",
        .epilogue =
            "SIGTERM stops: what is in flight is finished within bridge.shutdown_deadline. SIGHUP reloads "
            "the "
            "configuration, certificates and revocation lists, or keeps the old ones and says why.\n"
            "Exit status: 0 stopped as asked, 1 failed while running, 2 wrong arguments or configuration.\n"
            "Example: bourdon-bridge -c /etc/bourdon/bridge.yaml --check-config",
        .arguments = arguments,
        .table = bridge_options_table,
        .check = bridge_options_check,
        .check_files = bridge_options_check_files,
        .without_files = &plan,
        .release = bridge_options_release,
        .print = bridge_options_print,
    };
    struct bridge_options options = {.tls = NULL};
    const char *config;
    int status = daemon_start(&program, argc, argv, &options, &config);
    if (status != DAEMON_RUN) {
        return status;
    }
    return plan ? print_plan(&options) : bridge_run(&program, config, &options);
}
