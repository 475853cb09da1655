/* bourdon-server: the control server. Verifies, stores and acknowledges what bridges send. */
#include "server.h"

#include "base/log.h"
#include "store/drain.h"

#include <signal.h>
#include <stdlib.h>

/* What the command line says besides; set once, before anything starts. */
static const char *drain_to;
static bool drain_once;
static volatile sig_atomic_t stopped;

static const struct argument own_arguments[] = {
    {"drain-to", 0, "STORE",
     "Do not serve bridges: move what is in the configured store, which is one in "
     "JetStream, into this one (postgresql://...), as it comes.",
     &drain_to, NULL},
    {"drain-once", 0, NULL, "With --drain-to: end when nothing is left.", NULL, &drain_once},
    ARGUMENTS_END,
};

static const struct daemon server_daemon = {
    .program = "bourdon-server",
    .summary = "The control server: verifies, stores and acknowledges what bridges send.",
    .epilogue = "SIGTERM finishes what is in progress and stops; SIGHUP reads the configuration, the "
                "certificates and "
                "the revocation list again.\n"
                "Exit status: 0 stopped by a signal, 1 failed, 2 wrong arguments or configuration.\n"
                "Example: bourdon-server -c /etc/bourdon/server.yaml",
    .arguments = own_arguments,
    .table = server_options_table,
    .check = server_options_check,
    .check_files = server_options_check_files,
};

static void stop_draining(int number)
{
    (void)number;
    stopped = 1;
}

static int drain(const struct server_options *options)
{
    const struct drain_options drain_options = {
        .from = options->store, .to = drain_to, .once = drain_once, .stop = &stopped};
    const struct sigaction action = {.sa_handler = stop_draining};
    struct err_text why = {""};
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    enum err result = drain_run(&drain_options, &why);
    if (result != ERR_OK) {
        log_error("drain", log_event("failed"), log_str("reason", why.text));
        return result == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILURE;
    }
    log_info("drain", log_event("stopped"));
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct server_options options;
    const char *config;
    int status = daemon_start(&server_daemon, argc, argv, &options, &config);
    if (status != DAEMON_RUN) {
        return status;
    }
    if (drain_to) {
        status = drain(&options);
        options_free(server_options_table, &options);
        return status;
    }
    struct server *server;
    struct err_text why = {""};
    enum err result = server_new(&server_daemon, config, &options, &server, &why);
    if (result == ERR_CLOSED) {
        log_info("server", log_event("stopped"), log_str("reason", why.text));
        return EXIT_SUCCESS;
    }
    if (result != ERR_OK) {
        log_error("server", log_event("cannot_start"), log_str("reason", why.text));
        return result == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILURE;
    }
    status = server_run(server);
    server_free(server);
    return status;
}
