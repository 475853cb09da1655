#include "verbs.h"

#include "base/array.h"
#include "base/did_you_mean.h"
#include "base/manual.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

static const struct verb verbs[] = {
    {"send", cmd_send, "be a device: send readings and wait until they are durable"},
    {"readings", cmd_readings, "what is in a server's store, by tag and time"},
    {"acks", cmd_acks, "batch by batch: read, spooled, sent, committed, acknowledged"},
    {"status", cmd_status, "ask the daemons on this machine how they are"},
    {"spool", cmd_spool, "what waits in a bridge's spool; check, repair and export one"},
    {"where", cmd_where, "what became of a batch or a reading, from both ends"},
    {"alarms", cmd_alarms, "which tags are beyond their limits; shelve and acknowledge"},
    {"watch", cmd_watch, "see what a bridge reads, as it reads it"},
    {"probe", cmd_probe, "read a PLC and see what is there, in every order of bytes"},
    {"scan", cmd_scan, "find the units behind a URL and the addresses that can be read"},
    {"sim", cmd_sim, "give the simulated PLC faults, and take them back"},
    {"store", cmd_store, "check or back up a server's store"},
    {"policy", cmd_policy, "what a gateway's policy allows, and by which rule"},
    {"audit", cmd_audit, "whether a gateway's audit file was changed afterwards"},
    {"compare-truth", cmd_compare_truth, "compare a store with what the simulated PLC says it served"},
};

static const char exit_status[] = "0 done, 1 it could not be done, 2 wrong arguments or input.";

static void print_help(FILE *out)
{
    fputs("The command line of Bourdon, which carries Modbus readings over mutual TLS.\n\n"
          "Usage: bourdon VERB [options]\n\nVerbs:\n",
          out);
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        fprintf(out, "  %-14s  %s\n", verbs[i].name, verbs[i].summary);
    }
    fputs("\n\"bourdon VERB --help\" explains a verb, with examples.\n"
          "\"bourdon --man\" prints the manual page.\n",
          out);
    fprintf(out, "Exit status: %s\n", exit_status);
}

/* One page: the verbs, then each with its options. */
static void print_man(void)
{
    char ask[] = "--man";
    printf(".TH BOURDON 1 \"\" \"Bourdon %s\"\n.SH NAME\nbourdon \\- the command line of Bourdon\n"
           ".SH SYNOPSIS\n.B bourdon\n\\fIVERB\\fR [\\fIoptions\\fR]\n"
           ".SH DESCRIPTION\nBourdon carries Modbus readings over mutual TLS. The verbs:\n",
           BOURDON_VERSION);
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        fputs(".TP\n.B ", stdout);
        manual_roff(stdout, verbs[i].name);
        putchar('\n');
        manual_roff(stdout, verbs[i].summary);
        putchar('\n');
    }
    printf(".SH \"EXIT STATUS\"\n%s\n", exit_status);
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        char *arguments[] = {NULL, ask, NULL};
        (void)verbs[i].run(2, arguments);
    }
    fputs(".SH \"SEE ALSO\"\n.BR bourdon\\-bridge (8),\n.BR bourdon\\-server (8),\n.BR bourdon\\-web (8),\n"
          ".BR bourdon\\-plcsim (8)\n",
          stdout);
}

static const struct verb *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[ARRAY_LENGTH(verbs)];
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        names[i] = verbs[i].name;
    }
    const char *near = did_you_mean(name, names, ARRAY_LENGTH(names));
    fprintf(stderr, "bourdon: there is no verb \"%s\"", name);
    if (near) {
        fprintf(stderr, "; did you mean \"%s\"?", near);
    }
    fputs("\nTry \"bourdon --help\".\n", stderr);
    return STATUS_USAGE;
}

static int help(const char *name)
{
    const struct verb *verb = find(name);
    char ask[] = "--help";
    char *arguments[] = {NULL, ask, NULL};
    return verb ? verb->run(2, arguments) : unknown(name);
}

int verbs_run(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return STATUS_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0) {
        printf("bourdon %s\n", BOURDON_VERSION);
        return STATUS_OK;
    }
    if (strcmp(name, "--man") == 0) {
        print_man();
        return STATUS_OK;
    }
    bool asks_help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (asks_help && argc > 2) {
        return help(argv[2]);
    }
    if (asks_help) {
        print_help(stdout);
        return STATUS_OK;
    }
    const struct verb *verb = find(name);
    return verb ? verb->run(argc - 1, argv + 1) : unknown(name);
}
