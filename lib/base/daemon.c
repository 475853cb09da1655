#include "base/daemon.h"

#include "base/array.h"
#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* What the standard arguments say. */
struct settings {
    const char *config;
    const char *log_level;
    const char *log_format;
    bool check_config;
    bool print_config;
    bool help_config;
    bool man;
};

enum { STANDARD_ARGUMENTS = 7 };

/* The standard rows, then the program's own. */
struct rows {
    struct argument all[STANDARD_ARGUMENTS + DAEMON_OWN_ARGUMENTS + 1];
};

static struct rows make_rows(const struct daemon *daemon, struct settings *settings)
{
    struct rows rows = {
        {{.name = "config",
          .letter = 'c',
          .value = "FILE",
          .help = "Read the configuration from FILE.",
          .text = &settings->config},
         {.name = "check-config",
          .help = "Check the configuration, say what is wrong with it, and stop.",
          .flag = &settings->check_config},
         {.name = "print-config",
          .help = "Print the configuration with every default filled in, and stop.",
          .flag = &settings->print_config},
         {.name = "help-config", .help = "Describe every configuration key.", .flag = &settings->help_config},
         {.name = "man", .help = "Print the manual page, as roff.", .flag = &settings->man},
         {.name = "log-level",
          .value = "LEVEL",
          .help = "Log error, warn, info (the default) or debug.",
          .text = &settings->log_level},
         {.name = "log-format",
          .value = "FORMAT",
          .help = "Log as logfmt (the default) or json.",
          .text = &settings->log_format}}};
    size_t count = STANDARD_ARGUMENTS;
    for (const struct argument *own = daemon->arguments; own && own->name; own++) {
        assert(count < STANDARD_ARGUMENTS + DAEMON_OWN_ARGUMENTS);
        rows.all[count++] = *own;
    }
    return rows;
}

static bool configure_log(const struct command_line *line, const struct settings *settings)
{
    enum log_level level = LOG_INFO;
    enum log_format format = LOG_LOGFMT;
    if (settings->log_level && !log_level_parse(settings->log_level, &level)) {
        arguments_complain(line, "--log-level: \"%s\" is none of error, warn, info, debug",
                           settings->log_level);
        return false;
    }
    if (settings->log_format && !log_format_parse(settings->log_format, &format)) {
        arguments_complain(line, "--log-format: \"%s\" is none of logfmt, json", settings->log_format);
        return false;
    }
    log_configure(level, format);
    return true;
}

/* Loads and checks; the caller frees `target` whatever comes back. */
static enum err load(const struct daemon *daemon, const char *config, bool files, void *target,
                     struct diagnostics *diagnostics)
{
    enum err err = config ? options_load(config, daemon->table, target, diagnostics)
                          : options_defaults(daemon->table, target);
    bool complete = err == ERR_OK || err == ERR_CONFIG;
    if (complete && daemon->check) {
        daemon->check(target, diagnostics);
    }
    if (complete && files && daemon->check_files) {
        daemon->check_files(target, diagnostics);
    }
    if (err == ERR_OK && diagnostics_count(diagnostics) > 0) {
        err = ERR_CONFIG;
    }
    return err;
}

static void discard(const struct daemon *daemon, void *target)
{
    if (daemon->release) {
        daemon->release(target);
    }
    options_free(daemon->table, target);
}

enum err daemon_load(const struct daemon *daemon, const char *config, void *target)
{
    struct diagnostics *diagnostics = diagnostics_new();
    if (!diagnostics) {
        return ERR_NO_MEMORY;
    }
    enum err err = load(daemon, config, true, target, diagnostics);
    diagnostics_log(diagnostics, "config");
    diagnostics_free(diagnostics);
    if (err != ERR_OK) {
        discard(daemon, target);
    }
    return err;
}

static void print_man(const struct daemon *daemon, const struct command_line *line)
{
    enum { DAEMONS = 8 };
    arguments_document_roff(stdout, line, DAEMONS);
    fputs(".SH CONFIGURATION\nA file in YAML with these keys.\n", stdout);
    options_document_roff(stdout, daemon->table);
}

/* Says what came of loading; DAEMON_RUN if the program shall run. */
static int conclude(const struct daemon *daemon, const struct settings *settings, const void *target,
                    enum err err, const struct diagnostics *diagnostics)
{
    bool answers = settings->check_config || settings->print_config;
    if (err != ERR_OK || answers) {
        diagnostics_print(diagnostics, stderr);
    } else {
        diagnostics_log(diagnostics, "config"); /* warnings of a daemon that runs */
    }
    if (err == ERR_NO_MEMORY) {
        fprintf(stderr, "%s: out of memory\n", daemon->program);
        return EXIT_FAILURE;
    }
    if (err != ERR_OK) {
        return EXIT_USAGE;
    }
    if (settings->print_config && daemon->print) {
        daemon->print(stdout, target);
    } else if (settings->print_config) {
        options_print(stdout, daemon->table, target);
    } else if (settings->check_config) {
        printf("%s: the configuration is good\n", settings->config ? settings->config : daemon->program);
    }
    return answers ? EXIT_SUCCESS : DAEMON_RUN;
}

static int start(const struct daemon *daemon, const struct settings *settings, void *target)
{
    struct diagnostics *diagnostics = diagnostics_new();
    if (!diagnostics) {
        fprintf(stderr, "%s: out of memory\n", daemon->program);
        return EXIT_FAILURE;
    }
    bool files = !settings->print_config && !(daemon->without_files && *daemon->without_files);
    enum err err = load(daemon, settings->config, files, target, diagnostics);
    int status = conclude(daemon, settings, target, err, diagnostics);
    diagnostics_free(diagnostics);
    if (status != DAEMON_RUN) {
        discard(daemon, target);
    }
    return status;
}

int daemon_start(const struct daemon *daemon, int argc, char **argv, void *target, const char **config)
{
    struct settings settings = {0};
    struct rows rows = make_rows(daemon, &settings);
    const struct command_line line = {
        .program = daemon->program,
        .summary = daemon->summary,
        .usage = daemon->config_optional ? "[-c FILE] [options]" : "-c FILE [options]",
        .arguments = rows.all,
        .epilogue = daemon->epilogue,
    };
    size_t positional;
    enum arguments_result result = arguments_parse(&line, argc, argv, &positional);
    if (result != ARGUMENTS_RUN) {
        return result == ARGUMENTS_DONE ? EXIT_SUCCESS : EXIT_USAGE;
    }
    if (settings.man) {
        print_man(daemon, &line);
        return EXIT_SUCCESS;
    }
    if (settings.help_config) {
        options_document(stdout, daemon->table);
        return EXIT_SUCCESS;
    }
    if (!settings.config && !daemon->config_optional) {
        arguments_complain(&line, "which configuration? Name it with --config=FILE");
        return EXIT_USAGE;
    }
    if (!configure_log(&line, &settings)) {
        return EXIT_USAGE;
    }
    *config = settings.config;
    return start(daemon, &settings, target);
}
