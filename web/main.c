/* bourdon-web: the page and the query API. Reads the store, listens to the server, changes nothing. */
#include "web.h"

#include "base/log.h"

#include <stdlib.h>

static const struct daemon web_daemon = {
    .program = "bourdon-web",
    .summary = "The page and the query API of the control server: a process of its own that only reads.",
    .epilogue = "It opens the store read-only and listens to the server's watch socket, so it can neither "
                "forge, lose\n"
                "nor delay anything. SIGTERM stops it; SIGHUP reads certificates and revocation list again,\n"
                "and ends what is open by TLS.\n"
                "Exit status: 0 stopped by a signal, 1 failed, 2 wrong arguments or configuration.\n"
                "Example: bourdon-web -c /etc/bourdon/web.yaml",
    .config_optional = true,
    .table = web_options_table,
    .check = web_options_check,
};

int main(int argc, char **argv)
{
    struct web_options options;
    const char *config;
    int status = daemon_start(&web_daemon, argc, argv, &options, &config);
    if (status != DAEMON_RUN) {
        return status;
    }
    struct web *web;
    struct err_text why = {""};
    enum err result = web_new(&web_daemon, config, &options, &web, &why);
    if (result != ERR_OK) {
        log_error("web", log_event("cannot_start"), log_str("reason", why.text));
        return result == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILURE;
    }
    status = web_run(web);
    web_free(web);
    return status;
}
