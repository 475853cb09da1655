/* bourdon-server: the control server. Verifies, stores and acknowledges what bridges send. */
#include "server.h"

#include "base/log.h"

#include <stdlib.h>

static const struct daemon server_daemon = {
    .program = "bourdon-server",
    .summary = "The control server: verifies, stores and acknowledges what bridges send.",
    .epilogue = "SIGTERM finishes what is in progress and stops; SIGHUP reads the configuration, the "
                "certificates and "
                "the revocation list again.\n"
                "Exit status: 0 stopped by a signal, 1 failed, 2 wrong arguments or configuration.\n"
                "Example: bourdon-server -c /etc/bourdon/server.yaml",
    .table = server_options_table,
    .check = server_options_check,
    .check_files = server_options_check_files,
};

int main(int argc, char **argv)
{
    struct server_options options;
    const char *config;
    int status = daemon_start(&server_daemon, argc, argv, &options, &config);
    if (status != DAEMON_RUN) {
        return status;
    }
    struct server *server;
    struct err_text why = {""};
    enum err result = server_new(&server_daemon, config, &options, &server, &why);
    if (result != ERR_OK) {
        log_error("server", log_event("cannot_start"), log_str("reason", why.text));
        return result == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILURE;
    }
    status = server_run(server);
    server_free(server);
    return status;
}
