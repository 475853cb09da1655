/*
 * daemon: what bourdon-bridge, bourdon-server and bourdon-plcsim share on their command line.
 *
 *   static const struct daemon bridge = {
 *       .program = "bourdon-bridge", .summary = "…", .table = bridge_options_table, .check = …};
 *
 *   int main(int argc, char **argv)
 *   {
 *       struct bridge_options options;
 *       const char *config;
 *       int status = daemon_start(&bridge, argc, argv, &options, &config);
 *       if (status != DAEMON_RUN) {
 *           return status;
 *       }
 *       status = bridge_run(&options, config);
 *       options_free(bridge_options_table, &options);
 *       return status;
 *   }
 *
 * Knows no event loop: signals, readiness and running belong to the program. Called by the main thread
 * before there are others, but for daemon_load(), which may run in any.
 */
#ifndef BOURDON_BASE_DAEMON_H
#define BOURDON_BASE_DAEMON_H

#include "base/arguments.h"
#include "base/diagnostics.h"
#include "base/options.h"

#include <stdbool.h>

enum {
    DAEMON_RUN = -1,           /* go on; any other value of daemon_start() is the exit status */
    DAEMON_OWN_ARGUMENTS = 24, /* rows a program may add */
};

struct daemon {
    const char *program;              /* "bourdon-bridge" */
    const char *summary;              /* one sentence with a full stop */
    const char *epilogue;             /* examples; may be NULL */
    const struct argument *arguments; /* the program's own rows; may be NULL */
    bool config_optional;             /* without -c the table's defaults are the configuration */
    const struct option *table;
    /*
     * Rules across fields, reported to `diagnostics` (may be NULL). It may also set what the program's own
     * arguments override, and fields that are not in the table. Not called when the file could not be read
     * to its end.
     */
    void (*check)(void *target, struct diagnostics *diagnostics);
    /*
     * Rules about the files that the configuration names: certificates and the like. As check(), but not
     * asked by --print-config, nor where `*without_files` (an argument of the program's own; may be NULL) is
     * set: who looks at a configuration need not sit at the machine it is for.
     */
    void (*check_files)(void *target, struct diagnostics *diagnostics);
    const bool *without_files;
    /* Frees what the checks have set outside the table; called before options_free() when `target` is not
     * going to be used. May be NULL. */
    void (*release)(void *target);
    /* Writes the configuration in force for --print-config; NULL = options_print() does. */
    void (*print)(FILE *out, const void *target);
};

/*
 * Parses the command line, configures the log, loads `target` (a structure of the table) and checks it.
 * DAEMON_RUN: `target` is good and the caller's to options_free(); `*config` is the path it came from,
 * borrowed from argv, NULL without one. Otherwise the program is done: everything has been said and freed.
 */
MUST_USE int daemon_start(const struct daemon *daemon, int argc, char **argv, void *target,
                          const char **config);

/*
 * Loads and checks once more, for a reload: on ERR_OK `target` (another one than is in use) is the caller's;
 * otherwise it has been freed, and each error is a line of the log. `config` NULL = the defaults.
 */
MUST_USE enum err daemon_load(const struct daemon *daemon, const char *config, void *target);

#endif
