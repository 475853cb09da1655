/* bourdon-bridge: carries the readings of PLCs to a control server, and does not forget one on the way. */
#include "base/daemon.h"
#include "bridge.h"

int main(int argc, char **argv)
{
    static const struct daemon program = {
        .program = "bourdon-bridge",
        .summary = "Polls PLCs over Modbus and carries their readings to a control server over mutual TLS.",
        .epilogue =
            "SIGTERM stops: what is in flight is finished within bridge.shutdown_deadline. SIGHUP reloads "
            "the\n"
            "configuration, certificates and revocation lists, or keeps the old ones and says why.\n"
            "Exit status: 0 stopped as asked, 1 failed while running, 2 wrong arguments or configuration.\n"
            "Example: bourdon-bridge -c /etc/bourdon/bridge.yaml --check-config",
        .table = bridge_options_table,
        .check = bridge_options_check,
        .release = bridge_options_release,
    };
    struct bridge_options options = {.tls = NULL};
    const char *config;
    int status = daemon_start(&program, argc, argv, &options, &config);
    return status == DAEMON_RUN ? bridge_run(&program, config, &options) : status;
}
